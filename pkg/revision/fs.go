package revision

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// FS is the files below a folder of the working tree (an absolute path), as a build would get them as its context.
func (t *Tree) FS(dir string) (fsutil.FS, error) {
	n, err := t.find("open", dir, true)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	return &folder{tree: t, top: n}, nil
}

// folder is an fsutil.FS. It walks as that of fsutil.NewFS does on disk.
type folder struct {
	tree *Tree
	top  *node
}

// Open opens a regular file. It follows no links: who walks meets files where they are.
func (f *folder) Open(name string) (io.ReadCloser, error) {
	n := f.node(name)
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return f.tree.open(n)
}

// Walk calls fn for all below the target, and for the target itself when it is not the top.
func (f *folder) Walk(ctx context.Context, target string, fn fs.WalkDirFunc) error {
	n := f.node(target)
	var err error
	if n == nil {
		name := filepath.FromSlash(strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(target)), "/"))
		err = fn(name, nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist})
	} else {
		err = f.walk(ctx, n, fn)
	}
	if errors.Is(err, fs.SkipDir) || errors.Is(err, fs.SkipAll) || gone(err) {
		return nil
	}
	return err
}

func (f *folder) walk(ctx context.Context, n *node, fn fs.WalkDirFunc) error {
	if n != f.top {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := &entry{folder: f, node: n}
		err := fn(e.path(), e, nil)
		if gone(err) { // as fsutil does for a file that went away
			err = fs.SkipDir
		}
		if err != nil {
			if n.mode.IsDir() && errors.Is(err, fs.SkipDir) {
				return nil
			}
			return err
		}
	}
	for _, child := range n.children {
		if err := f.walk(ctx, child, fn); err != nil {
			if errors.Is(err, fs.SkipDir) {
				break
			}
			return err
		}
	}
	return nil
}

func gone(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func (f *folder) node(name string) *node {
	name = strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(name)), "/")
	return f.tree.nodes[path.Join(f.top.path, name)]
}

// entry is what a walk meets. What costs time to know is found out in Info.
type entry struct {
	folder *folder
	node   *node
}

func (e *entry) Name() string      { return e.node.name() }
func (e *entry) IsDir() bool       { return e.node.mode.IsDir() }
func (e *entry) Type() fs.FileMode { return e.node.mode.Type() }

func (e *entry) path() string {
	name := strings.TrimPrefix(e.node.path[len(e.folder.top.path):], "/")
	return filepath.FromSlash(name)
}

func (e *entry) Info() (fs.FileInfo, error) {
	stat, err := e.folder.tree.stat(e.node)
	if err != nil {
		return nil, err
	}
	stat.Path = e.path()
	return &fsutil.StatInfo{Stat: stat}, nil
}

// stat is all that BuildKit would make of a file, but its path. Owners are reset by its client, and times do not count.
func (t *Tree) stat(n *node) (*types.Stat, error) {
	stat := &types.Stat{Mode: uint32(n.mode)}
	switch {
	case n.mode.IsDir():
	case n.isLink():
		link, err := t.readLink(n)
		if err != nil {
			return nil, err
		}
		stat.Linkname, stat.Size = link, int64(len(link))
	default:
		size, err := t.sizeOf(n)
		if err != nil {
			return nil, err
		}
		stat.Size = size
	}
	return stat, nil
}
