package porter

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
)

// version is of what is said; both sides are the same program as a rule.
const version = 1

// kind is what a frame is.
type kind byte

// Frames. An order comes first, then what it is about, then go.
const (
	frameOrder  kind = 'o'
	frameKnown  kind = 'k' // digests of chunks, one after the other
	frameTree   kind = 't'
	frameMarks  kind = 'm'
	frameGo     kind = 'g'
	frameBlock  kind = 'b'
	frameEnd    kind = 'e'
	frameReport kind = 'r'
	frameError  kind = 'x'
)

// order is what the helper shall do.
type order struct {
	Version int    `json:"version"`
	Do      string `json:"do"`
	Dir     string `json:"dir"`
	// Replace allows to restore what has something in it.
	Replace bool `json:"replace,omitempty"`
}

const (
	doPack   = "pack"
	doUnpack = "unpack"
)

// report is what the helper did.
type report struct {
	NotEmpty bool          `json:"notEmpty,omitempty"`
	Skipped  []parcel.Name `json:"skipped,omitempty"`
	Read     int64         `json:"read,omitempty"`
}

// refusal is an error of the other side.
type refusal struct {
	Text    string `json:"text"`
	Damaged bool   `json:"damaged,omitempty"`
}

// maxFrame bounds a frame, in bytes.
const maxFrame = 1 << 30

// line is one direction of what is said.
type line struct {
	mu sync.Mutex
	w  *bufio.Writer
	r  *bufio.Reader
}

func newLine(w io.Writer, r io.Reader) *line {
	return &line{w: bufio.NewWriterSize(w, 1<<20), r: bufio.NewReaderSize(r, 1<<20)}
}

// say sends a frame. What is short waits for what comes next, unless it is flushed.
func (l *line) say(k kind, payload []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.head(k, len(payload)); err != nil {
		return err
	}
	_, err := l.w.Write(payload)
	return err
}

func (l *line) head(k kind, size int) error {
	if size > maxFrame {
		return fmt.Errorf("%d bytes are too many to be said at once", size)
	}
	var head [5]byte
	head[0] = byte(k)
	binary.BigEndian.PutUint32(head[1:], uint32(size)) //nolint:gosec // bounded above
	_, err := l.w.Write(head[:])
	return err
}

func (l *line) sayJSON(k kind, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return l.say(k, text)
}

func (l *line) sayBlock(b *parcel.Packed) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.head(frameBlock, b.Len()); err != nil {
		return err
	}
	_, err := b.WriteTo(l.w)
	return err
}

func (l *line) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Flush()
}

// hear waits for a frame. A refusal is an error.
func (l *line) hear() (kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(l.r, head[:]); err != nil {
		return 0, nil, ErrGone
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxFrame {
		return 0, nil, fmt.Errorf("%w: a frame of %d bytes", errNonsense, size)
	}
	payload, err := l.read(int(size))
	if err != nil {
		return 0, nil, ErrGone
	}
	if kind(head[0]) != frameError {
		return kind(head[0]), payload, nil
	}
	var said refusal
	if err := json.Unmarshal(payload, &said); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errNonsense, err)
	}
	if said.Damaged {
		return 0, nil, fmt.Errorf("%w: %s", parcel.ErrDamaged, said.Text)
	}
	return 0, nil, errors.New(said.Text)
}

// spare are buffers for frames, most of which have a block in them. Who is done with one gives it back.
var spare = sync.Pool{New: func() any {
	b := make([]byte, 0, 1<<20+1<<16)
	return &b
}}

const minSpare, maxSpare = 64 << 10, 4 << 20

// read reads what a frame has. What is long grows with what comes, and not with what is promised.
func (l *line) read(size int) ([]byte, error) {
	if size >= minSpare && size <= maxSpare {
		payload := (*spare.Get().(*[]byte))[:0]
		payload = slices.Grow(payload, size)[:size]
		_, err := io.ReadFull(l.r, payload)
		return payload, err
	}
	var body bytes.Buffer
	body.Grow(min(size, maxSpare))
	_, err := io.CopyN(&body, l.r, int64(size))
	return body.Bytes(), err
}

var (
	// ErrGone says that the other side ended without a word.
	ErrGone     = errors.New("the helper beside the mount ended without an answer")
	errNonsense = errors.New("the helper beside the mount doesn't say what was expected")
)

// expect hears a frame of that kind.
func (l *line) expect(k kind) ([]byte, error) {
	got, payload, err := l.hear()
	if err == nil && got != k {
		err = fmt.Errorf("%w: %q in place of %q", errNonsense, got, k)
	}
	return payload, err
}

func (l *line) expectJSON(k kind, v any) error {
	payload, err := l.expect(k)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(payload, v); err != nil {
		return fmt.Errorf("%w: %w", errNonsense, err)
	}
	return nil
}

const digestSize = len(parcel.Digest{})

func encodeDigests(all map[parcel.Digest]bool) []byte {
	out := make([]byte, 0, len(all)*digestSize)
	for d := range all {
		out = append(out, d[:]...)
	}
	return out
}

func decodeDigests(payload []byte) map[parcel.Digest]bool {
	out := make(map[parcel.Digest]bool, len(payload)/digestSize)
	for ; len(payload) >= digestSize; payload = payload[digestSize:] {
		out[parcel.Digest(payload)] = true
	}
	return out
}

func encodeMarks(all []parcel.Mark) []byte {
	out := make([]byte, 0, 16*len(all))
	for _, m := range all {
		out = binary.BigEndian.AppendUint64(out, m.Inode)
		out = binary.BigEndian.AppendUint64(out, uint64(m.Changed)) //nolint:gosec // as it is, bit for bit
	}
	return out
}

// decodeMarks reads the marks of so many entries; nil when they are of something else.
func decodeMarks(payload []byte, entries int) []parcel.Mark {
	if len(payload) != 16*entries {
		return nil
	}
	out := make([]parcel.Mark, entries)
	for i := range out {
		out[i].Inode = binary.BigEndian.Uint64(payload[16*i:])
		out[i].Changed = int64(binary.BigEndian.Uint64(payload[16*i+8:])) //nolint:gosec // as it is, bit for bit
	}
	return out
}
