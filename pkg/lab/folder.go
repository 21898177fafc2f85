package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/embedded"
)

// note is what has to be known of a lab to remove it. It is written before what it names is made.
type note struct {
	Kind    Kind      `json:"kind"`
	ID      string    `json:"id"`
	Project string    `json:"project"`
	Started time.Time `json:"started"`
	// Daemon is set for an embedded lab, and Temp is the folder of its socket if that is elsewhere.
	Daemon *embedded.Options `json:"daemon,omitempty"`
	Temp   string            `json:"temp,omitempty"`
	// Containers are set for a lab in containers.
	Containers *buildx.Containers `json:"containers,omitempty"`
	// Namespace is set for a lab in the user's builder.
	Namespace *marks `json:"namespace,omitempty"`
}

// folder is where a lab is noted. It is locked as long as the process lives that has the lab.
type folder struct {
	path string
	lock *flock.Flock
	note note
}

const (
	lockFile   = "lock"
	noteFile   = "lab.json"
	buildxName = "buildx"
)

// errTaken says that a lab is somebody else's.
var errTaken = errors.New("another process has it")

// newFolder makes the folder of a lab.
func newFolder(dir string, n note) (*folder, error) {
	path := filepath.Join(dir, n.ID)
	// A process that cleans up may take a folder away that has no note yet.
	for range 10 {
		// Where the inner one is not there, buildx can't write down who this client is, and BuildKit takes it for another
		// each time.
		if err := os.MkdirAll(filepath.Join(path, buildxName), 0o700); err != nil {
			return nil, err
		}
		f, err := takeFolder(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errTaken) {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			return nil, err
		}
		if f.note.ID != "" {
			f.release()
			break
		}
		f.note = n
		if err := f.write(); err != nil {
			return nil, errors.Join(err, f.remove())
		}
		return f, nil
	}
	return nil, fmt.Errorf("lab %s: there is one of that name", path)
}

// takeFolder takes the lock of a folder and reads its note, which is empty if there is none.
func takeFolder(path string) (*folder, error) {
	f := &folder{path: path, lock: flock.New(filepath.Join(path, lockFile), flock.SetPermissions(0o600))}
	got, err := f.lock.TryLock()
	if err == nil && !got {
		err = errTaken
	}
	if err == nil {
		_, err = os.Stat(f.lock.Path()) // whoever had it before may have removed it
	}
	if err != nil {
		f.release()
		return nil, fmt.Errorf("lab %s: %w", path, err)
	}
	text, err := os.ReadFile(filepath.Join(path, noteFile))
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &f.note)
	}
	if err != nil {
		f.release()
		return nil, fmt.Errorf("lab %s: %w", path, err)
	}
	return f, nil
}

// write writes the note, whole or not at all.
func (f *folder) write() error {
	text, err := json.MarshalIndent(f.note, "", "  ")
	if err != nil {
		return err
	}
	part := filepath.Join(f.path, noteFile+".part")
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(f.path, noteFile))
}

// remove removes the folder with all that is in it. The lock goes last: on Windows an open file can't be removed.
func (f *folder) remove() error {
	if err := f.clear(lockFile); err != nil {
		return err
	}
	if f.note.Temp != "" {
		if err := os.RemoveAll(f.note.Temp); err != nil {
			return err
		}
	}
	f.release()
	return os.RemoveAll(f.path)
}

// clear removes what is in the folder, but for what is to be kept.
func (f *folder) clear(kept ...string) error {
	entries, err := os.ReadDir(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if !slices.Contains(kept, e.Name()) {
			if err := os.RemoveAll(filepath.Join(f.path, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave gives the folder up with what the next one needs to remove the lab.
func (f *folder) leave() error {
	defer f.release()
	if f.note.Daemon != nil { // its state is in it
		return nil
	}
	return f.clear(lockFile, noteFile)
}

// release gives the folder up as it is.
func (f *folder) release() { _ = f.lock.Close() }

// buildxDir is where buildx remembers the lab's builds.
func (f *folder) buildxDir() string { return filepath.Join(f.path, buildxName) }
