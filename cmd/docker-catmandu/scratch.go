package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// scratch is a temporary folder. A process that is killed can't remove it, so it is noted in the cache, and the next one that makes
// a scratch does. The note is locked as long as the process lives, whose folder it is.
type scratch struct {
	dir, note string
	lock      *flock.Flock
}

const (
	// lockEnd ends the name of a note's lock.
	lockEnd = ".lock"
	// nameLetters are as many as it takes for no two scratches to have one name.
	nameLetters = 12
)

// scratchNotes is where scratches are noted; empty is nowhere.
func scratchNotes() string {
	cache, err := cacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "scratch")
}

// newScratch makes one with a name that begins with prefix. Where it can't be noted, it is made all the same.
func newScratch(notes, prefix string) (*scratch, error) {
	cleanScratches(notes)
	s := &scratch{}
	var err error
	if s.dir, err = filepath.Abs(filepath.Join(os.TempDir(), prefix+strings.ToLower(rand.Text()[:nameLetters]))); err != nil {
		return nil, err
	}
	s.write(notes)
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		s.forget()
		return nil, err
	}
	return s, nil
}

// write notes a scratch before it is made.
func (s *scratch) write(notes string) {
	if notes == "" || os.MkdirAll(notes, 0o700) != nil {
		return
	}
	note := filepath.Join(notes, filepath.Base(s.dir))
	lock := lockOf(note)
	if got, err := lock.TryLock(); err != nil || !got {
		_ = lock.Close()
		return
	}
	s.note, s.lock = note, lock
	if os.WriteFile(note, []byte(s.dir), 0o600) != nil {
		s.forget()
	}
}

func lockOf(note string) *flock.Flock { return flock.New(note+lockEnd, flock.SetPermissions(0o600)) }

// forget removes the note. Its lock goes last: on Windows an open file can't be removed.
func (s *scratch) forget() {
	if s.lock != nil {
		_ = os.Remove(s.note)
		_ = s.lock.Close()
		_ = os.Remove(s.note + lockEnd)
	}
}

// close removes the folder.
func (s *scratch) close() {
	if os.RemoveAll(s.dir) == nil {
		s.forget()
	} else if s.lock != nil { // it is for the next one
		_ = s.lock.Close()
	}
}

// cleanScratches removes those whose processes ended without close.
func cleanScratches(notes string) {
	for _, s := range endedScratches(notes) {
		s.close()
	}
}

// leftScratches are the folders that cleanScratches would remove.
func leftScratches(notes string) []string {
	var out []string
	for _, s := range endedScratches(notes) {
		if _, err := os.Stat(s.dir); err == nil {
			out = append(out, s.dir)
		}
		_ = s.lock.Close()
	}
	return out
}

// endedScratches takes those whose processes ended without close.
func endedScratches(notes string) []*scratch {
	var out []*scratch
	entries, _ := os.ReadDir(notes)
	for _, e := range entries {
		name, is := strings.CutSuffix(e.Name(), lockEnd)
		if !is {
			continue
		}
		s := &scratch{note: filepath.Join(notes, name)}
		s.lock = lockOf(s.note)
		if got, err := s.lock.TryLock(); err != nil || !got {
			_ = s.lock.Close()
			continue
		}
		dir, _ := os.ReadFile(s.note)
		if s.dir = string(dir); filepath.IsAbs(s.dir) && filepath.Base(s.dir) == name {
			out = append(out, s)
		} else { // it ended before it had written the note
			s.forget()
		}
	}
	return out
}
