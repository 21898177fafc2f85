package edit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Copied is what a copy has.
type Copied struct {
	Files, Folders, Links int
	// Bytes are those of regular files; Shared those of them that take no place of their own.
	Bytes, Shared int64
	// Left are what could not be kept, by path: extended attributes or owners that this user may not set, sockets.
	Left []string
}

// Copy copies a build context into a folder, which is made and must be empty: what BuildKit would be sent, and the Dockerfile and
// the ignore files that lie in it. Modes, times, links, extended attributes and, for root, owners are kept. The Dockerfile is an
// absolute path or one from the context, empty when it is inline: beside it may lie an ignore file of its own.
func Copy(ctx context.Context, from, into, dockerfile string) (Copied, error) {
	c, err := newCopier(from, into)
	if err != nil {
		return Copied{}, err
	}
	excludes, err := ignoredBy(c.from, dockerfile)
	if err != nil {
		return Copied{}, err
	}
	if err := c.walk(ctx, excludes); err != nil {
		return c.Copied, err
	}
	for _, name := range buildFiles(c.from, dockerfile) {
		if _, err := follow(c.from, name, c.add); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return c.Copied, err
		}
	}
	c.finish()
	return c.Copied, nil
}

// Remove removes a copy, also folders of it that may not be written.
func Remove(dir string) error {
	err := os.RemoveAll(dir)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.IsDir() {
			_ = os.Chmod(name, 0o700) // before what is in it is read
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// copier copies files one by one.
type copier struct {
	Copied
	from, into string
	// names are the copied files by their first name in the original, which need not be copied itself.
	names map[string]string
	done  map[string]bool
	// folders get their modes and times at the end.
	folders []*fstypes.Stat
}

func newCopier(from, into string) (*copier, error) {
	from, err := realPath(from)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(into, 0o700); err != nil {
		return nil, err
	}
	if into, err = realPath(into); err != nil {
		return nil, err
	}
	if rel, err := filepath.Rel(from, into); err == nil && filepath.IsLocal(rel) {
		return nil, fmt.Errorf("%s: a copy can't lie in the original %s", into, from)
	}
	entries, err := os.ReadDir(into)
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%s: is not empty", into)
	}
	return &copier{from: from, into: into, names: map[string]string{}, done: map[string]bool{}}, nil
}

func realPath(name string) (string, error) {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(name)
}

// walk copies what BuildKit's client would send.
func (c *copier) walk(ctx context.Context, excludes []string) error {
	all, err := fsutil.NewFS(c.from)
	if err != nil {
		return err
	}
	sent, err := fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: excludes})
	if err != nil {
		return err
	}
	return sent.Walk(ctx, "", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		stat, err := steps.StatOf(name, entry)
		if err != nil {
			return err
		}
		err = c.add(filepath.ToSlash(name), stat)
		if errors.Is(err, fs.ErrNotExist) { // it went away, and the walk would take that for a folder's end
			return nil
		}
		return err
	})
}

// add copies one file, folder or link, unless that was done.
func (c *copier) add(name string, stat *fstypes.Stat) error {
	if c.done[name] {
		c.remember(name, stat)
		return nil
	}
	from, to := c.paths(name)
	mode := fs.FileMode(stat.Mode)
	var err error
	switch {
	case mode.IsDir():
		stat.Path = name
		c.folders = append(c.folders, stat)
		c.Folders++
		if err = os.Mkdir(to, 0o700); errors.Is(err, fs.ErrExist) {
			err = os.Chmod(to, 0o700)
		}
		c.done[name] = true
		return err
	case mode&fs.ModeSymlink != 0:
		c.Links++
		err = os.Symlink(stat.Linkname, to)
	case mode.IsRegular():
		var linked bool
		if linked, err = c.file(name, stat); linked && err == nil {
			c.done[name] = true
			return nil
		}
	default:
		err = mknod(to, stat)
	}
	if errors.Is(err, errLeft) {
		c.leave(from, err)
		return nil
	}
	if err != nil {
		return err
	}
	c.done[name] = true
	for _, err := range describe(to, stat) {
		c.leave(from, err)
	}
	return nil
}

func (c *copier) paths(name string) (from, to string) {
	return filepath.Join(c.from, filepath.FromSlash(name)), filepath.Join(c.into, filepath.FromSlash(name))
}

// errLeft says that a file is not copied, and that this is no reason to stop.
var errLeft = errors.New("is not copied")

func (c *copier) leave(file string, err error) {
	c.Left = append(c.Left, fmt.Sprintf("%s: %v", file, err))
}

// remember is the name by which the content of a file was copied first, else this one.
func (c *copier) remember(name string, stat *fstypes.Stat) string {
	first := name
	if stat.Linkname != "" && fs.FileMode(stat.Mode).IsRegular() {
		first = filepath.ToSlash(stat.Linkname)
	}
	if _, known := c.names[first]; !known {
		c.names[first] = name
	}
	return c.names[first]
}

// file copies a regular file, or links it to a copy that it is another name of.
func (c *copier) file(name string, stat *fstypes.Stat) (linked bool, err error) {
	from, to := c.paths(name)
	if known := c.remember(name, stat); known != name {
		_, target := c.paths(known)
		if err := os.Link(target, to); !errors.Is(err, fs.ErrNotExist) { // else that one went away, and this is the first
			c.Files++
			return true, err
		}
	}
	info, err := os.Lstat(from)
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() { // what is told of a socket looks like a file
		return false, fmt.Errorf("%w: it is a socket", errLeft)
	}
	in, err := os.Open(from)
	if err != nil {
		return false, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false, err
	}
	var n int64
	if clone(out, in) {
		n = info.Size()
		c.Shared += n
	} else {
		n, err = io.Copy(out, in) // by the kernel, where it can
	}
	c.Files++
	c.Bytes += n
	return false, errors.Join(err, out.Close())
}

// finish gives folders their modes and times, the innermost first.
func (c *copier) finish() {
	for _, stat := range slices.Backward(c.folders) {
		from, to := c.paths(stat.Path)
		for _, err := range describe(to, stat) {
			c.leave(from, err)
		}
	}
	slices.Sort(c.Left)
}

// maxLinks is how many symbolic links a path may lead through, as in Linux.
const maxLinks = 40

// follow goes to a path below root, through links as if root were the root of all, and tells of everything on the way. It
// returns where the path leads.
func follow(root, name string, visit func(name string, stat *fstypes.Stat) error) (string, error) {
	at, rest := "", strings.Split(filepath.ToSlash(name), "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		if part == "" || part == "." || part == ".." {
			at = strings.TrimPrefix(path.Join("/", at, part), "/")
			continue
		}
		next := path.Join(at, part)
		stat, err := fsutil.Stat(filepath.Join(root, filepath.FromSlash(next)))
		if err != nil {
			return "", err
		}
		if visit != nil {
			if err := visit(next, stat); err != nil {
				return "", err
			}
		}
		if fs.FileMode(stat.Mode)&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		if path.IsAbs(stat.Linkname) {
			at = ""
		}
		rest = append(strings.Split(stat.Linkname, "/"), rest...)
	}
	return at, nil
}
