package revision

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tonistiigi/fsutil/types"
)

// ReadFile is the content of a regular file of the working tree, by its absolute path. It is fs.ErrNotExist when the
// tree has no such file, ErrLink when it is a link. Folders of the path may be links.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	n, err := t.find("open", name, false)
	if err != nil {
		return nil, err
	}
	rc, err := t.open(n)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(rc)
}

// Lstat is a file, folder or link by its absolute path. The stat's path is the last part of that.
func (t *Tree) Lstat(name string) (*types.Stat, error) {
	n, err := t.find("lstat", name, false)
	if err != nil {
		return nil, err
	}
	stat, err := t.stat(n)
	if err != nil {
		return nil, err
	}
	stat.Path = filepath.Base(name)
	return stat, nil
}

// BlobID is the object that git keeps for a file, and whether a build would read just that: a checkout may convert it.
// It is empty when git has none: for files on disk that changed or may have, for folders, and for what is not there.
func (t *Tree) BlobID(name string) (id string, unconverted bool) {
	n, err := t.find("open", name, false)
	switch {
	case err != nil:
		return "", false
	case n.object == "":
		return n.unchanged, n.unchanged != ""
	}
	return n.object, !n.convert
}

func (t *Tree) open(n *node) (io.ReadCloser, error) {
	switch {
	case n.mode.IsDir():
		return nil, &fs.PathError{Op: "open", Path: t.disk(n), Err: syscall.EISDIR}
	case n.isLink():
		return nil, &fs.PathError{Op: "open", Path: t.disk(n), Err: ErrLink}
	case n.object == "":
		return os.Open(t.disk(n))
	}
	rc, err := n.repo.open(n)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: t.disk(n), Err: err}
	}
	return rc, nil
}

func (t *Tree) readLink(n *node) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.link == "" && n.object != "" {
		content, err := n.repo.read(n)
		if err != nil {
			return "", &fs.PathError{Op: "readlink", Path: t.disk(n), Err: err}
		}
		n.link = string(content)
	}
	return n.link, nil
}

func (t *Tree) sizeOf(n *node) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.size >= 0 {
		return n.size, nil
	}
	content, err := n.repo.read(n)
	if err != nil {
		return 0, &fs.PathError{Op: "read", Path: t.disk(n), Err: err}
	}
	n.size = int64(len(content))
	return n.size, nil
}
