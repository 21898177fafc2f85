package steps

import "encoding/binary"

// status is what tells whether a file is still the one that was read.
type status struct {
	inode              uint64
	size, mtime, ctime int64 // times in nanoseconds since 1970
}

const statusSize = 4 * 8

// changed is the last time at which something of the file changed.
func (s status) changed() int64 { return max(s.mtime, s.ctime) }

func (s status) append(b []byte) []byte {
	for _, v := range []uint64{s.inode, uint64(s.size), uint64(s.mtime), uint64(s.ctime)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func readStatus(b []byte) status {
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	return status{at(0), int64(at(1)), int64(at(2)), int64(at(3))}
}
