package parcel

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// temporary begins the name of the folder in which a folder is restored.
const temporary = ".catmandu-restore-"

// Mark tells a file of one machine from what it is after a change, without reading it.
type Mark struct {
	Inode uint64
	// Changed is its ctime in nanoseconds; 0 says that it is too young to be told.
	Changed int64
}

// Marked is a tree as it was on this machine.
type Marked struct {
	Tree  *Tree
	Marks []Mark // of its entries
}

// scan is a tree without the content of its files.
type scan struct {
	dir     string
	entries []Entry
	marks   []Mark
	// skipped are names of what can't be kept.
	skipped []Name
	names   map[inode]Name
}

// inode is a file that may have several names.
type inode struct{ device, number uint64 }

// walk lists a folder. What vanishes meanwhile was not there.
func walk(ctx context.Context, dir string) (*scan, error) {
	s := &scan{dir: dir, names: map[inode]Name{}}
	e, st, err := describe(dir)
	if err != nil {
		return nil, err
	}
	if e.Kind != Dir {
		return nil, &fs.PathError{Op: "save", Path: dir, Err: errors.New("is no folder")}
	}
	e.Path = "."
	s.add(e, st)
	return s, s.below(ctx, "")
}

func (s *scan) add(e Entry, st status) {
	s.entries = append(s.entries, e)
	s.marks = append(s.marks, Mark{Inode: st.inode.number, Changed: st.changed})
}

func (s *scan) below(ctx context.Context, at string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	list, err := os.ReadDir(filepath.Join(s.dir, at))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, l := range list {
		if at == "" && strings.HasPrefix(l.Name(), temporary) {
			continue
		}
		name := l.Name()
		if at != "" {
			name = at + "/" + name
		}
		e, st, err := describe(filepath.Join(s.dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case errors.Is(err, errSocket):
			s.skipped = append(s.skipped, Name(name))
			continue
		case err != nil:
			return err
		}
		e.Path = Name(name)
		s.add(s.named(e, st), st)
		if e.Kind == Dir {
			if err := s.below(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// named makes a link of what has a name already.
func (s *scan) named(e Entry, st status) Entry {
	if e.Kind == Dir || st.links < 2 {
		return e
	}
	if first, known := s.names[st.inode]; known {
		return Entry{Path: e.Path, Kind: Link, Target: first}
	}
	s.names[st.inode] = e.Path
	return e
}

// status is what a tree doesn't have of a file.
type status struct {
	inode   inode
	links   uint64
	changed int64 // ctime in nanoseconds
	blocks  int64 // of 512 bytes
}

// errSocket says that a file is a socket.
var errSocket = errors.New("is a socket")
