package parcel

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// treeFormat is the first line of a tree.
const treeFormat = `{"format":"docker-catmandu tree 1"}`

// maxTree is how much a tree may be unpacked, in bytes: some five million files.
const maxTree = 1 << 30

// Encode writes a tree as lines of JSON, compressed.
func (t *Tree) Encode() ([]byte, error) {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, treeFormat+"\n"); err != nil {
		return nil, err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := range t.Entries {
		if err := enc.Encode(&t.Entries[i]); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return out.Bytes(), err
}

// Decode reads what Encode writes, and makes sure that every name lies below a folder that is named before it: what is written
// of a tree stays where it is written to.
func Decode(text []byte) (*Tree, error) {
	r, err := zstd.NewReader(bytes.NewReader(text), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxTree))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	lines := bufio.NewReaderSize(io.LimitReader(r, maxTree), 1<<16)
	first, err := lines.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%w: tree: %w", ErrDamaged, unexpected(err))
	}
	if strings.TrimSuffix(first, "\n") != treeFormat {
		return nil, fmt.Errorf("a tree of another format (%.60q): written by another version of this program", first)
	}
	t := &Tree{}
	for dec := json.NewDecoder(lines); ; {
		var e Entry
		err := dec.Decode(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: tree: %w", ErrDamaged, err)
		}
		t.Entries = append(t.Entries, e)
	}
	return t, t.check()
}

// unexpected is the error of what ends too early.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// check refuses what no folder can have been.
func (t *Tree) check() error {
	if len(t.Entries) == 0 || t.Entries[0].Path != "." || t.Entries[0].Kind != Dir {
		return fmt.Errorf("%w: tree: it does not begin with the folder itself", ErrDamaged)
	}
	kinds := map[Name]Kind{".": Dir}
	for _, e := range t.Entries[1:] {
		if err := e.check(kinds); err != nil {
			return fmt.Errorf("%w: tree: %q: %w", ErrDamaged, e.Path, err)
		}
		kinds[e.Path] = e.Kind
	}
	return nil
}

func (e *Entry) check(kinds map[Name]Kind) error {
	p := string(e.Path)
	_, twice := kinds[e.Path]
	switch {
	case p == "" || path.Clean(p) != p || p == ".." || strings.HasPrefix(p, "../") || path.IsAbs(p) || strings.ContainsRune(p, 0):
		return errors.New("no name below a folder")
	case twice:
		return errors.New("named twice")
	case kinds[Name(path.Dir(p))] != Dir:
		return errors.New("not below a folder")
	case strings.HasPrefix(p, temporary):
		return errors.New("a name that restoring uses")
	}
	switch e.Kind {
	case Dir, Fifo, Char, Block:
	case Symlink:
		if e.Target == "" {
			return errors.New("leads nowhere")
		}
	case Link:
		if of := kinds[e.Target]; of == "" || of == Dir || of == Link {
			return fmt.Errorf("another name of %q, which is no file before it", e.Target)
		}
	case File:
		var size int64
		for _, p := range e.Pieces {
			size += p.Size
		}
		if size != e.Size {
			return fmt.Errorf("%d bytes in pieces of %d", e.Size, size)
		}
	default:
		return fmt.Errorf("of kind %q", e.Kind)
	}
	return nil
}
