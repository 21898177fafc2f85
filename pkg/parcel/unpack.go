package parcel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrNotEmpty says that a folder has something in it already.
var ErrNotEmpty = errors.New("it has something in it")

// Unpacker writes a tree into a folder: first below a name that nobody knows, then, when all of it was verified and is there, it moves
// what is at the top to where it belongs.
type Unpacker struct {
	// temp is where the tree is written, aside where what it replaces waits for its end.
	dir, temp, aside string
	tree             *Tree
	replace          bool
	release          func()

	mu sync.Mutex
	// wanted are the places of chunks that did not come yet.
	wanted map[Digest][]place
	// missing are how many pieces each file lacks.
	missing []atomic.Int32
}

type place struct {
	entry  int
	offset int64
}

// NewUnpacker prepares to restore a folder, which must be empty unless it is replaced. It waits for others who pack or unpack it, and
// removes what one that was killed left there.
func NewUnpacker(dir string, t *Tree, replace bool) (_ *Unpacker, err error) {
	u := &Unpacker{dir: dir, tree: t, replace: replace, wanted: map[Digest][]place{}, missing: make([]atomic.Int32, len(t.Entries))}
	if u.release, err = lock(dir, true); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, u.Close())
		}
	}()
	names, err := u.standing()
	if err != nil {
		return nil, err
	}
	if len(names) > 0 && !replace {
		return nil, ErrNotEmpty
	}
	if u.temp, err = os.MkdirTemp(dir, temporary); err != nil {
		return nil, err
	}
	for i := range t.Entries {
		if err := u.begin(i); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// standing are the names in the folder, once what others left is removed.
func (u *Unpacker) standing() ([]string, error) {
	list, err := os.ReadDir(u.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range list {
		switch name := filepath.Join(u.dir, e.Name()); {
		case name == u.temp, name == u.aside:
		case strings.HasPrefix(e.Name(), temporary):
			if err := removeAll(name); err != nil {
				return nil, err
			}
		default:
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// removeAll also removes what is in folders that may not be written to.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, _ error) error {
		if e != nil && e.IsDir() {
			return os.Chmod(path, 0o700) //nolint:gosec // it is about to be removed
		}
		return nil
	})
	return os.RemoveAll(dir)
}

func (u *Unpacker) at(name Name) string { return filepath.Join(u.temp, string(name)) }

// begin makes a folder, or an empty file and notes what belongs into it.
func (u *Unpacker) begin(i int) error {
	e := &u.tree.Entries[i]
	switch {
	case e.Kind == Dir && e.Path != ".":
		return os.Mkdir(u.at(e.Path), 0o700)
	case e.Kind != File:
		return nil
	}
	offset, chunks := int64(0), 0
	for _, p := range e.Pieces {
		if !p.IsHole() {
			u.wanted[p.Chunk] = append(u.wanted[p.Chunk], place{i, offset})
			chunks++
		}
		offset += p.Size
	}
	u.missing[i].Store(int32(chunks)) //nolint:gosec // as many as 2^31 chunks are 32 TB
	if len(e.Pieces) == 1 && chunks == 1 {
		return nil // made when its content comes
	}
	f, err := os.OpenFile(u.at(e.Path), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(e.Size), f.Close()); err != nil {
		return err
	}
	if chunks == 0 {
		return dress(u.at(e.Path), e)
	}
	return nil
}

// Wants tells whether a chunk is still needed.
func (u *Unpacker) Wants(d Digest) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, wanted := u.wanted[d]
	return wanted
}

// Add verifies a block and writes what is needed of it. It may be called by several at once.
func (u *Unpacker) Add(p *Packed) error {
	return p.Each(func(c Chunk, data []byte) error {
		u.mu.Lock()
		places := u.wanted[c.Digest]
		delete(u.wanted, c.Digest)
		u.mu.Unlock()
		for _, to := range places {
			if err := u.write(to, data); err != nil {
				return err
			}
		}
		return nil
	})
}

// write writes a chunk into a file, and finishes the file with the last one.
func (u *Unpacker) write(to place, data []byte) error {
	e := &u.tree.Entries[to.entry]
	whole := int64(len(data)) == e.Size
	flags, mode := os.O_WRONLY, fs.FileMode(0o600)
	if whole {
		flags, mode = os.O_CREATE|os.O_EXCL|os.O_WRONLY, fs.FileMode(e.Mode&0o777)
	}
	f, err := os.OpenFile(u.at(e.Path), flags, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, to.offset)
	if err == nil && whole {
		err = dressNew(f, e)
	}
	if err := errors.Join(err, f.Close()); err != nil || whole {
		return err
	}
	if u.missing[to.entry].Add(-1) > 0 {
		return nil
	}
	return dress(u.at(e.Path), e)
}

// Commit puts the tree where it belongs. Until then the folder is as it was, and it is so again when that fails.
func (u *Unpacker) Commit() (*Marked, error) {
	if n := len(u.wanted); n > 0 {
		return nil, fmt.Errorf("%w: %d chunks are missing", ErrDamaged, n)
	}
	if err := u.finish(); err != nil {
		return nil, err
	}
	if err := u.swap(); err != nil {
		return nil, err
	}
	if err := u.Close(); err != nil { // what was replaced goes before the folder gets its time
		return nil, err
	}
	root := u.tree.Entries[0]
	if err := dress(u.dir, &root); err != nil {
		return nil, err
	}
	return u.marked()
}

// finish makes what is no file, and then gives folders what they have, the innermost first: to make something in one changes its time.
func (u *Unpacker) finish() error {
	for i := range u.tree.Entries {
		e := &u.tree.Entries[i]
		var err error
		switch e.Kind {
		case Dir, File:
			continue
		case Link:
			err = os.Link(u.at(e.Target), u.at(e.Path))
		default:
			if err = create(u.at(e.Path), e); err == nil {
				err = dress(u.at(e.Path), e)
			}
		}
		if err != nil {
			return err
		}
	}
	for _, e := range slices.Backward(u.tree.Entries) {
		if e.Kind == Dir && strings.Contains(string(e.Path), "/") {
			if err := dress(u.at(e.Path), &e); err != nil {
				return err
			}
		}
	}
	return nil
}

// swap moves what is at the top. A folder gets its permissions and time when it is there: where one that may not be written to
// can't be moved, and where that changes its time.
func (u *Unpacker) swap() (err error) {
	var moved [][2]string
	defer func() {
		if err == nil {
			return
		}
		for _, m := range slices.Backward(moved) {
			err = errors.Join(err, move(m[1], m[0]))
		}
	}()
	rename := func(from, to string) error {
		if err := move(from, to); err != nil {
			return err
		}
		moved = append(moved, [2]string{from, to})
		return nil
	}
	names, err := u.standing()
	if err != nil {
		return err
	}
	if len(names) > 0 && !u.replace {
		return fmt.Errorf("%w: a build began to use it meanwhile", ErrNotEmpty)
	}
	if len(names) > 0 {
		if u.aside, err = os.MkdirTemp(u.dir, temporary); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := rename(filepath.Join(u.dir, name), filepath.Join(u.aside, name)); err != nil {
			return err
		}
	}
	for _, e := range u.tree.Entries[1:] {
		if strings.Contains(string(e.Path), "/") {
			continue
		}
		to := filepath.Join(u.dir, string(e.Path))
		if err := rename(u.at(e.Path), to); err != nil {
			return err
		}
		if e.Kind == Dir {
			if err := dress(to, &e); err != nil {
				return err
			}
		}
	}
	return nil
}

// marked is the tree as it is there now.
func (u *Unpacker) marked() (*Marked, error) {
	m := &Marked{Tree: u.tree, Marks: make([]Mark, len(u.tree.Entries))}
	for i, e := range u.tree.Entries {
		if e.Kind != File {
			continue
		}
		now, st, err := describeBare(filepath.Join(u.dir, string(e.Path)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a build is using it already
		}
		if err != nil {
			return nil, err
		}
		// A change in the same tick of the clock would have changed this time, which is of long ago.
		if now.Time == e.Time && st.changed/1e9 > e.Time[0]+int64(young.Seconds()) {
			m.Marks[i] = Mark{Inode: st.inode.number, Changed: st.changed}
		}
	}
	return m, nil
}

// Close removes what is not where it belongs.
func (u *Unpacker) Close() error {
	if u.release == nil {
		return nil
	}
	defer func() {
		u.release()
		u.release = nil
	}()
	var err error
	for _, dir := range []string{u.temp, u.aside} {
		if dir != "" {
			err = errors.Join(err, removeAll(dir))
		}
	}
	return err
}
