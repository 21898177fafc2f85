package parcel

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// blockSize is how many bytes of chunks are compressed together.
const blockSize = 1 << 20

// Chunk is a piece of content, by its digest.
type Chunk struct {
	Digest Digest
	Size   int
}

// Packed is a block: chunks, compressed together.
type Packed struct {
	Chunks []Chunk
	data   []byte
}

// A block is stored as two frames of zstd: one that decompressors skip, with the list of chunks, and their content. So a file of
// blocks is also what "zstd -d" reads.
const (
	skippable  = 0x184D2A5C
	maxHeader  = 1 << 20
	frameStart = 8 // the magic number and the size of what is skipped
)

var (
	encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithWindowSize(blockSize),
			zstd.WithEncoderCRC(false)) // chunks have digests
	})
	decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithDecoderMaxMemory(2*blockSize))
	})
)

// buffers are for the content of a block.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, blockSize)
	return &b
}}

// pack compresses chunks, whose content is one after the other in data.
func pack(chunks []Chunk, data []byte) (*Packed, error) {
	enc, err := encoder()
	if err != nil {
		return nil, err
	}
	return &Packed{chunks, enc.EncodeAll(data, make([]byte, 0, len(data)+len(data)/128+64))}, nil // what gets no smaller grows a little
}

// Len is how many bytes the block is stored in.
func (p *Packed) Len() int { return len(p.header()) + len(p.data) }

func (p *Packed) header() []byte {
	out := make([]byte, frameStart, frameStart+len(p.Chunks)*(len(Digest{})+3)+10)
	out = binary.AppendUvarint(out, uint64(len(p.data)))
	out = binary.AppendUvarint(out, uint64(len(p.Chunks)))
	for _, c := range p.Chunks {
		out = append(out, c.Digest[:]...)
		out = binary.AppendUvarint(out, uint64(c.Size))
	}
	binary.LittleEndian.PutUint32(out, skippable)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-frameStart))
	return out
}

// WriteTo stores a block.
func (p *Packed) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(p.header())
	if err != nil {
		return int64(n), err
	}
	m, err := w.Write(p.data)
	return int64(n) + int64(m), err
}

// ReadBlock reads the next stored block; io.EOF is where there is none.
func ReadBlock(r *bufio.Reader) (*Packed, error) {
	var start [frameStart]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("%w: block: %w", ErrDamaged, err)
	}
	size := binary.LittleEndian.Uint32(start[4:])
	if binary.LittleEndian.Uint32(start[:]) != skippable || size > maxHeader {
		return nil, errNoBlock
	}
	header := make([]byte, size)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, fmt.Errorf("%w: block: %w", ErrDamaged, unexpected(err))
	}
	p := &Packed{}
	length, err := p.parse(header)
	if err != nil {
		return nil, err
	}
	p.data = make([]byte, length)
	if _, err := io.ReadFull(r, p.data); err != nil {
		return nil, fmt.Errorf("%w: block: %w", ErrDamaged, unexpected(err))
	}
	return p, nil
}

var errNoBlock = fmt.Errorf("%w: no block begins where one should", ErrDamaged)

// ParseBlock is ReadBlock of all of text, which is not copied.
func ParseBlock(text []byte) (*Packed, error) {
	if len(text) < frameStart || binary.LittleEndian.Uint32(text) != skippable {
		return nil, errNoBlock
	}
	size := int(binary.LittleEndian.Uint32(text[4:]))
	if size > maxHeader || len(text) < frameStart+size {
		return nil, errNoBlock
	}
	p := &Packed{data: text[frameStart+size:]}
	length, err := p.parse(text[frameStart : frameStart+size])
	if err == nil && length != len(p.data) {
		err = fmt.Errorf("%w: block: %d bytes, and should have %d", ErrDamaged, len(p.data), length)
	}
	return p, err
}

// parse reads the header without its start, and returns the length of the data.
func (p *Packed) parse(header []byte) (int, error) {
	broken := fmt.Errorf("%w: the list of a block's chunks", ErrDamaged)
	number := func() (uint64, bool) {
		n, used := binary.Uvarint(header)
		if used <= 0 {
			return 0, false
		}
		header = header[used:]
		return n, true
	}
	length, ok1 := number()
	count, ok2 := number()
	if !ok1 || !ok2 || length > 2*blockSize || count > maxHeader {
		return 0, broken
	}
	for range count {
		var c Chunk
		if len(header) < len(c.Digest) {
			return 0, broken
		}
		header = header[copy(c.Digest[:], header):]
		size, ok := number()
		if !ok || size > maxChunk {
			return 0, broken
		}
		c.Size = int(size)
		p.Chunks = append(p.Chunks, c)
	}
	if len(header) > 0 {
		return 0, broken
	}
	return int(length), nil
}

// Each calls f with each chunk's content, once all of the block is known to be what was stored. The content is f's only as long as
// f runs.
func (p *Packed) Each(f func(c Chunk, data []byte) error) error {
	dec, err := decoder()
	if err != nil {
		return err
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	data, err := dec.DecodeAll(p.data, (*buffer)[:0])
	if err != nil {
		return fmt.Errorf("%w: block: %w", ErrDamaged, err)
	}
	rest := data
	for _, c := range p.Chunks {
		if len(rest) < c.Size || sha256.Sum256(rest[:c.Size]) != c.Digest {
			return fmt.Errorf("%w: chunk %s has another content", ErrDamaged, c.Digest)
		}
		rest = rest[c.Size:]
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: block: more than its chunks", ErrDamaged)
	}
	for _, c := range p.Chunks {
		if err := f(c, data[:c.Size]); err != nil {
			return err
		}
		data = data[c.Size:]
	}
	return nil
}
