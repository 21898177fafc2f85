package comparison

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Files are the build contexts of a plan as a revision has them. What no revision can have (folders elsewhere, files that
// git ignores as a whole folder) comes from the disk. It is a steps.Folders whose sums are made of git's names for
// contents: equal where BuildKit's are equal, without reading what git has read before.
type Files struct {
	tree    *revision.Tree
	under   string
	newHash func() hash.Hash
	mu      sync.Mutex
	dirs    map[string]string
	ids     map[string]string // of files on disk, by path
}

// NewFiles are the files of a tree for a plan whose paths are those on disk, below the folder under. An object name of the
// repository tells how it makes them.
func NewFiles(tree *revision.Tree, under, object string) *Files {
	f := &Files{tree: tree, under: under, newHash: sha1.New, dirs: map[string]string{}, ids: map[string]string{}}
	if len(object) == hex.EncodedLen(sha256.Size) {
		f.newHash = sha256.New
	}
	return f
}

// Real is a path of the plan as one on disk.
func (f *Files) Real(name string) string {
	if rest, ok := strings.CutPrefix(name, f.under+string(filepath.Separator)); ok && f.under != "" {
		return string(filepath.Separator) + rest
	}
	return name
}

// FS returns what lies below a folder.
func (f *Files) FS(dir string) (fsutil.FS, error) {
	files, err := f.tree.FS(f.Real(dir))
	if err == nil {
		return files, nil
	}
	return fsutil.NewFS(dir)
}

// Sum returns the sums of a regular file below dir.
func (f *Files) Sum(dir string, files fsutil.FS, stat *fstypes.Stat) (steps.Sums, error) {
	id, err := f.id(filepath.Join(f.within(dir), stat.Path), files, stat)
	if err != nil {
		return steps.Sums{}, err
	}
	return steps.Sums{File: digest.FromString(fmt.Sprintf("%o %s", stat.Mode, id)), Content: digest.FromString(id)}, nil
}

// within is a folder by a path that the tree needs not look for at length.
func (f *Files) within(dir string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, known := f.dirs[dir]
	if !known {
		at = f.Real(dir)
		if rel, ok := f.tree.Rel(at); ok {
			at = filepath.Join(f.tree.Root(), filepath.FromSlash(rel))
		}
		f.dirs[dir] = at
	}
	return at
}

// id is the name that git gives to the content that a build would read.
func (f *Files) id(name string, files fsutil.FS, stat *fstypes.Stat) (string, error) {
	if id, plain := f.tree.BlobID(name); plain {
		return id, nil
	}
	f.mu.Lock()
	id, known := f.ids[name]
	f.mu.Unlock()
	if known {
		return id, nil
	}
	in, err := files.Open(stat.Path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := f.newHash()
	fmt.Fprintf(h, "blob %d\x00", stat.Size)
	if _, err := io.Copy(h, in); err != nil {
		return "", err
	}
	id = hex.EncodeToString(h.Sum(nil))
	f.mu.Lock()
	f.ids[name] = id
	f.mu.Unlock()
	return id, nil
}

// Read reads a file of a folder as BuildKit would be sent it: not through a link.
func (f *Files) Read(dir, name string) ([]byte, error) {
	text, err := f.tree.ReadFile(filepath.Join(f.Real(dir), filepath.Base(name)))
	if err == nil || errors.Is(err, revision.ErrLink) {
		return text, err
	}
	return frontend.ReadFile(dir, name)
}

// maxLinks ends the reading of links in a circle.
const maxLinks = 40

// readThrough reads a file, also through links.
func (f *Files) readThrough(name string) ([]byte, error) {
	for range maxLinks {
		text, err := f.tree.ReadFile(f.Real(name))
		if err == nil {
			return text, nil
		}
		if !errors.Is(err, revision.ErrLink) {
			return os.ReadFile(name)
		}
		stat, err := f.tree.Lstat(f.Real(name))
		if err != nil {
			return nil, err
		}
		if link := filepath.FromSlash(stat.Linkname); filepath.IsAbs(link) {
			name = link
		} else {
			name = filepath.Join(filepath.Dir(name), link)
		}
	}
	return nil, fmt.Errorf("%s: %w", name, syscall.ELOOP)
}

// missing are the submodules in folders whose files are not there, and the commits that are named of them.
func (f *Files) missing(dirs []string) []string {
	out := []string{}
	for _, dir := range dirs {
		top, ok := f.tree.Rel(f.Real(dir))
		if !ok {
			continue
		}
		for _, sub := range f.tree.Missing() {
			if top == "." || sub == top || strings.HasPrefix(sub, top+"/") || strings.HasPrefix(top, sub+"/") {
				out = append(out, strings.TrimPrefix(sub, top)+" "+f.tree.MissingCommit(sub))
			}
		}
	}
	return out
}
