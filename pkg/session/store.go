package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/gofrs/flock"
)

// patience is how long Append waits for other writers.
const patience = 10 * time.Second

// Store is the sessions of one project, in a folder that belongs into its repository: a line for each in a file that git can
// merge, and all of their runs beside it, which git leaves out.
type Store struct{ dir string }

// StoreFolder is where a store is in the folder of its project.
const StoreFolder = ".catmandu/bench"

// NewStore returns the store of the project in a folder. Nothing is there before something is written.
func NewStore(project string) *Store {
	return &Store{filepath.Join(project, filepath.FromSlash(StoreFolder))}
}

// Path is the file of the lines.
func (st *Store) Path() string { return filepath.Join(st.dir, "history.jsonl") }

func (st *Store) runs() string { return filepath.Join(st.dir, "runs") }

const runsSuffix = ".json.gz"

// RunsPath is the file of a session with all of its runs.
func (st *Store) RunsPath(id string) string { return filepath.Join(st.runs(), id+runsSuffix) }

// Append adds a session without its runs, in one write of one line.
func (st *Store) Append(s *Session) error {
	line, err := historyLine(s)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(st.dir, 0o755); err != nil {
		return err
	}
	unlock, err := st.lock(patience)
	if err != nil {
		return err
	}
	defer unlock()
	if err := st.prepare(); err != nil {
		return err
	}
	f, err := os.OpenFile(st.Path(), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	whole, size, err := mend(f)
	if err != nil {
		return err
	}
	if !whole {
		line = append([]byte("\n"), line...)
	}
	if _, err := f.Write(line); err != nil {
		return errors.Join(err, f.Truncate(size))
	}
	return f.Close()
}

func historyLine(s *Session) ([]byte, error) {
	if err := checkID(s.ID); err != nil {
		return nil, err
	}
	short := *s
	short.Runs = nil
	line, err := marshal(&short)
	return append(line, '\n'), err
}

// anID is what may be the name of a file.
var anID = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]*$`)

func checkID(id string) error {
	if !anID.MatchString(id) {
		return fmt.Errorf("session id %q: it has to be letters and digits", id)
	}
	return nil
}

func (st *Store) lock(patience time.Duration) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	lock := flock.New(filepath.Join(st.dir, "history.lock"))
	if _, err := lock.TryLockContext(ctx, 2*time.Millisecond); err != nil {
		_ = lock.Close()
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("%s: another process has held it for %s", lock.Path(), patience)
		}
		return nil, err
	}
	return func() { _ = lock.Close() }, nil
}

// prepare tells git about the folder when it is new. Later these files are the user's: what was removed stays away.
func (st *Store) prepare() error {
	for _, path := range []string{st.Path(), st.runs()} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for name, text := range map[string]string{
		".gitattributes": "*.jsonl merge=union\n",
		".gitignore":     "runs/\n*.lock\n",
	} {
		f, err := os.OpenFile(filepath.Join(st.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := f.WriteString(text); err != nil {
			return errors.Join(err, f.Close())
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// mend removes what a writer left that died: a part of a line, of which nobody was told that it is written. A last line that
// only lacks its end, as editors leave it, stays; then whole is false. The lock is held.
func mend(f *os.File) (whole bool, size int64, err error) {
	text, err := os.ReadFile(f.Name())
	if err != nil {
		return false, 0, err
	}
	end := bytes.LastIndexByte(text, '\n') + 1
	switch {
	case end == len(text):
		return true, int64(end), nil
	case json.Valid(text[end:]):
		return false, int64(len(text)), nil
	}
	return true, int64(end), f.Truncate(int64(end))
}

// SaveRuns writes the whole session, compressed. It is there as a whole or not at all.
func (st *Store) SaveRuns(s *Session) error {
	if err := checkID(s.ID); err != nil {
		return err
	}
	if err := os.MkdirAll(st.dir, 0o755); err != nil {
		return err
	}
	unlock, err := st.lock(patience)
	if err != nil {
		return err
	}
	defer unlock()
	if err := st.prepare(); err != nil {
		return err
	}
	if err := os.MkdirAll(st.runs(), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(st.runs(), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := pack(tmp, s); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), st.RunsPath(s.ID))
}
