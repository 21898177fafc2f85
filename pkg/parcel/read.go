package parcel

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// young is how long ago a file must have changed for a mark to be trusted: a change in the same tick of the file system's clock
// would leave no trace. As in steps, where sums of files are remembered.
const young = 2 * time.Second

// holeSize is how many zeros are a hole, at a multiple of it. Where the file system has its holes doesn't count, so that the same
// file is the same everywhere.
const holeSize = 64 << 10

// errChanging says that a file is written while it is read.
var errChanging = errors.New("it changes while it is read")

// tries is how often a file that changes is read.
const tries = 3

// content is a chunk with its content, or only a hole.
type content struct {
	Piece
	data []byte
}

// reading is one file.
type reading struct {
	// pieces is what is read, in order; a nil data with a chunk is one that is known already. It is closed at the end.
	pieces chan content
	// entry and mark are what the file was when it was read, err is why it wasn't; both once pieces is closed.
	entry Entry
	mark  Mark
	err   error
}

// read reads a file into r. What was sent of a try that failed is for nothing.
func (r *reading) read(dir string, e Entry, done <-chan struct{}) {
	defer close(r.pieces)
	for range tries {
		r.err = r.try(dir, e, done)
		if !errors.Is(r.err, errChanging) {
			return
		}
	}
}

func (r *reading) try(dir string, e Entry, done <-chan struct{}) error {
	f, err := openFile(filepath.Join(dir, string(e.Path)))
	if err != nil {
		return err
	}
	defer f.Close()
	started := time.Now()
	before, s, err := current(f)
	if err != nil {
		return err
	}
	if before.Kind != File {
		return errChanging
	}
	c := &cutter{file: f, size: before.Size, sparse: s.blocks*512 < before.Size, out: r.pieces, done: done}
	if err := c.run(); err != nil {
		return err
	}
	after, t, err := current(f)
	if err != nil {
		return err
	}
	if after.Size != before.Size || after.Time != before.Time || s.changed != t.changed {
		return errChanging
	}
	r.entry = after
	r.entry.Path, r.entry.Xattrs, r.entry.Pieces = e.Path, e.Xattrs, c.pieces
	r.mark = Mark{Inode: t.inode.number, Changed: t.changed}
	if started.Sub(time.Unix(after.Time[0], after.Time[1])) < young {
		r.mark = Mark{}
	}
	return nil
}

// cutter cuts the content of an open file.
type cutter struct {
	file   *os.File
	size   int64
	sparse bool
	out    chan<- content
	done   <-chan struct{}

	pieces []Piece
	buffer []byte
}

// run reads to the end; a file that turns out to be shorter or longer is changing.
func (c *cutter) run() error {
	var at, begin, end int64
	if !c.sparse {
		end = c.size
	}
	for at < c.size {
		if at >= end {
			begin, end = nextData(c.file, at, c.size)
		}
		if hole := begin / holeSize * holeSize; begin >= c.size || hole > at {
			if begin >= c.size {
				hole = c.size
			}
			if err := c.hole(hole - at); err != nil {
				return err
			}
			at = hole
			continue
		}
		n, err := c.block(at)
		if err != nil {
			return err
		}
		at += n
	}
	return c.flush()
}

// block reads up to the next multiple of holeSize.
func (c *cutter) block(at int64) (int64, error) {
	n := int(min(holeSize, c.size-at))
	from := len(c.buffer)
	if cap(c.buffer)-from < n { // what was cut from the old one is still in use
		c.buffer = append(make([]byte, 0, min(int64(from)+c.size-at, maxChunk+holeSize)), c.buffer...)
	}
	c.buffer = c.buffer[:from+n]
	if _, err := c.file.ReadAt(c.buffer[from:], at); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, errChanging
		}
		return 0, err
	}
	if isZero(c.buffer[from:]) {
		c.buffer = c.buffer[:from]
		return int64(n), c.hole(int64(n))
	}
	for len(c.buffer) >= maxChunk {
		if err := c.chunk(); err != nil {
			return 0, err
		}
	}
	return int64(n), nil
}

var zeros [holeSize]byte

func isZero(b []byte) bool { return b[0] == 0 && bytes.Equal(b, zeros[:len(b)]) }

// hole ends what is before it.
func (c *cutter) hole(size int64) error {
	if err := c.flush(); err != nil {
		return err
	}
	if n := len(c.pieces); n > 0 && c.pieces[n-1].IsHole() {
		c.pieces[n-1].Size += size
		return nil
	}
	c.pieces = append(c.pieces, Piece{Size: size})
	return nil
}

func (c *cutter) flush() error {
	for len(c.buffer) > 0 {
		if err := c.chunk(); err != nil {
			return err
		}
	}
	return nil
}

// chunk takes one from the buffer.
func (c *cutter) chunk() error {
	n := cut(c.buffer)
	data := c.buffer[:n:n]
	c.buffer = c.buffer[n:]
	p := Piece{Chunk: sha256.Sum256(data), Size: int64(n)}
	c.pieces = append(c.pieces, p)
	select {
	case c.out <- content{p, data}:
		return nil
	case <-c.done:
		return errors.New("stopped")
	}
}

// same tells whether a file is what it was, without reading it.
func same(e *Entry, m Mark, was *Entry, then Mark) bool {
	return was != nil && was.Kind == File && then != Mark{} && m == then && e.Size == was.Size && e.Time == was.Time
}

// vanished tells whether a file that could not be read is better left out: it is not there any more, or somebody is at it.
func vanished(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errChanging) }

func unreadable(e *Entry, err error) error {
	return fmt.Errorf("%q: %w", e.Path, err)
}
