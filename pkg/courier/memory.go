package courier

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"

	"github.com/docker-catmandu/docker-catmandu/pkg/porter"
)

// Memory is a file that says what files of a mount in one builder were, so that those that are still the same are not read again.
// Nothing is lost with it but time.
type Memory struct{ Path string }

// load returns what was remembered; nothing where nothing is known.
func (m *Memory) load() porter.Remembered {
	none := porter.Remembered{}
	if m == nil {
		return none
	}
	text, err := os.ReadFile(m.Path)
	if err != nil || len(text) < 8 {
		return none
	}
	n := binary.BigEndian.Uint64(text)
	if n > uint64(len(text)-8) {
		return none
	}
	return porter.Remembered{Tree: text[8 : 8+n], Marks: text[8+n:]}
}

// store remembers; that it can't is no reason to fail.
func (m *Memory) store(r porter.Remembered) {
	if m == nil {
		return
	}
	text := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(r.Tree)+len(r.Marks)), uint64(len(r.Tree)))
	text = append(append(text, r.Tree...), r.Marks...)
	if err := m.write(text); err != nil {
		_ = os.Remove(m.Path) // what is there is of before
	}
}

func (m *Memory) write(text []byte) error {
	dir := filepath.Dir(m.Path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "memory-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), m.Path)
}
