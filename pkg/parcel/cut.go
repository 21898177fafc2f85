package parcel

import (
	"crypto/sha256"
	"encoding/binary"
)

// Chunks are cut by FastCDC with normalized chunking (Xia et al., USENIX ATC 2016): where a rolling hash of the bytes before
// it has zeros in certain bits; more of them where the chunk is small yet, fewer where it is large. To change any of this
// makes all chunks new.
const (
	minChunk = 16 << 10
	avgChunk = 64 << 10
	maxChunk = 256 << 10
)

// The hash moves up by one bit with each byte, so its upper bits are of the last 64 bytes.
const (
	smallMask uint64 = (1<<18 - 1) << (64 - 18)
	largeMask uint64 = (1<<14 - 1) << (64 - 14)
)

// gear has a random number for each byte.
var gear = func() (g [256]uint64) {
	for i := range g {
		sum := sha256.Sum256([]byte{byte(i)})
		g[i] = binary.BigEndian.Uint64(sum[:])
	}
	return g
}()

// cut is the length of the first chunk of b. Unless b is the end of a file, it has to be maxChunk long.
func cut(b []byte) int {
	if len(b) <= minChunk {
		return len(b)
	}
	b = b[:min(len(b), maxChunk)]
	var h uint64
	i, normal := minChunk, min(len(b), avgChunk)
	for ; i < normal; i++ {
		if h = h<<1 + gear[b[i]]; h&smallMask == 0 {
			return i + 1
		}
	}
	for ; i < len(b); i++ {
		if h = h<<1 + gear[b[i]]; h&largeMask == 0 {
			return i + 1
		}
	}
	return len(b)
}
