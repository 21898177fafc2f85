package session

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// History is the sessions of a project, by their start.
type History struct {
	Sessions []*Session
	// Warnings tell of lines that can't be read: what a writer left that died, or marks of a conflict.
	Warnings []Warning
}

// Read returns the sessions of the history, each once. Without the file there are none. It takes no lock.
func (st *Store) Read() (*History, error) {
	text, err := os.ReadFile(st.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return &History{}, nil
	}
	if err != nil {
		return nil, err
	}
	return parseHistory(st.Path(), text)
}

// parseHistory reads lines. What git merges has those of both branches, some of them twice, in any order.
func parseHistory(path string, text []byte) (*History, error) {
	h := &History{}
	seen := map[string]bool{}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		whole := bytes.HasSuffix(line, []byte("\n"))
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		s, err := parse(line)
		var other *schemaError
		switch {
		case errors.As(err, &other):
			return nil, fmt.Errorf("%s:%d: %w", path, number, err)
		case err != nil && !whole:
			h.Warnings = append(h.Warnings, Warning{"torn-line", fmt.Sprintf("%s:%d: the last line is not whole: it is left out", path, number)})
		case err != nil:
			h.Warnings = append(h.Warnings, Warning{"bad-line", fmt.Sprintf("%s:%d: %s: the line is left out", path, number, err)})
		case !seen[s.ID]:
			seen[s.ID] = true
			h.Sessions = append(h.Sessions, s)
		}
	}
	slices.SortFunc(h.Sessions, func(a, b *Session) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	return h, nil
}

// Load returns a session with its runs, nil when they are not kept here.
func (st *Store) Load(id string) (*Session, error) {
	if checkID(id) != nil {
		return nil, nil
	}
	s, err := readFile(st.RunsPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return s, err
}

func readFile(path string) (*Session, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// entry is a session that Find may be asked for. One of which only the runs are there has no line.
type entry struct {
	id       string
	started  time.Time
	revision string
	line     *Session
}

// entries returns all that is there by the start, the history and what was measured here without being added to it.
func (st *Store) entries() ([]entry, error) {
	h, err := st.Read()
	if err != nil {
		return nil, err
	}
	var all []entry
	seen := map[string]bool{}
	for _, s := range h.Sessions {
		e := entry{id: s.ID, started: s.Started, line: s}
		if s.VCS != nil {
			e.revision = s.VCS.Revision
		}
		seen[s.ID] = true
		all = append(all, e)
	}
	files, err := os.ReadDir(st.runs())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, f := range files {
		id, ok := strings.CutSuffix(f.Name(), runsSuffix)
		if !ok {
			continue
		}
		if started, ok := idTime(id); ok && !seen[id] {
			all = append(all, entry{id: id, started: started})
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int {
		return cmp.Or(a.started.Compare(b.started), cmp.Compare(a.id, b.id))
	})
	return all, nil
}
