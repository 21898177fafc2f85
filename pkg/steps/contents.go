package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// Contents knows what is in local folders. It is for one look: what it has seen it doesn't look at again.
type Contents struct {
	folders Folders
	mu      sync.Mutex
	trees   map[string]func() (*tree, error)
	// sources are those of graphs that are known, by the digest of the operation.
	sources map[string]source
}

// Folders is where the files of build contexts come from.
type Folders interface {
	// FS returns what lies below a folder, named by its absolute path.
	FS(dir string) (fsutil.FS, error)
	// Sum returns the sums of a regular file below dir.
	Sum(dir string, files fsutil.FS, stat *fstypes.Stat) (Sums, error)
}

// Sums are of a regular file: as BuildKit compares it, with permissions and extended attributes, and of its bytes alone.
type Sums struct{ File, Content digest.Digest }

// NewContents looks at folders.
func NewContents(f Folders) *Contents {
	return &Contents{folders: f, trees: map[string]func() (*tree, error){}, sources: map[string]source{}}
}

// Know notes which folders a graph reads. A graph that is built on another has the other's operations in it, whose folders
// may have the names of its own: those that were known first count.
func (c *Contents) Know(s Source) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range s.Definition.GetDef() {
		op := &pb.Op{}
		if err := op.UnmarshalVT(text); err != nil {
			return err
		}
		name, local := strings.CutPrefix(op.GetSource().GetIdentifier(), localScheme)
		dgst := digest.FromBytes(text).String()
		_, known := c.sources[dgst]
		session := op.GetSource().GetAttrs()[pb.AttrLocalSessionID]
		if !local || known || s.Session != "" && session != "" && session != s.Session {
			continue
		}
		dir, known := s.Folders[name]
		if !known {
			continue
		}
		folder, err := newSource(dir, op.GetSource().Attrs)
		if err != nil {
			return err
		}
		c.sources[dgst] = folder
	}
	return nil
}

func (c *Contents) source(dgst string) (source, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.sources[dgst]
	return s, ok
}

// source says which files BuildKit asks for, as the attributes of a local:// operation do.
type source struct {
	Dir                      string
	Include, Exclude, Follow []string
}

// newSource reads the attributes of the operation that makes a folder known to BuildKit.
func newSource(dir string, attrs map[string]string) (source, error) {
	s := source{Dir: dir}
	for name, list := range map[string]*[]string{
		pb.AttrIncludePatterns: &s.Include, pb.AttrExcludePatterns: &s.Exclude, pb.AttrFollowPaths: &s.Follow,
	} {
		if text := attrs[name]; text != "" {
			if err := json.Unmarshal([]byte(text), list); err != nil {
				return s, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return s, nil
}

// tree returns the files of a source; the same of all graphs that read it.
func (c *Contents) tree(ctx context.Context, s source) (*tree, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	read, known := c.trees[string(text)]
	if !known {
		read = sync.OnceValues(func() (*tree, error) { return c.read(ctx, s) })
		c.trees[string(text)] = read
	}
	c.mu.Unlock()
	return read()
}

// read walks a source as BuildKit's client does when it sends one.
func (c *Contents) read(ctx context.Context, s source) (*tree, error) {
	all, err := c.folders.FS(s.Dir)
	if err != nil {
		return nil, err
	}
	// The client tells BuildKit of all files as of root's.
	owned, err := fsutil.NewFilterFS(all, &fsutil.FilterOpt{Map: func(_ string, st *fstypes.Stat) fsutil.MapResult {
		st.Uid, st.Gid = 0, 0
		return fsutil.MapResultKeep
	}})
	if err != nil {
		return nil, err
	}
	sent, err := fsutil.NewFilterFS(owned, &fsutil.FilterOpt{IncludePatterns: s.Include, ExcludePatterns: s.Exclude, FollowPaths: s.Follow})
	if err != nil {
		return nil, err
	}
	t, err := newTree(s.Dir)
	if err != nil {
		return nil, err
	}
	sum := func(stat *fstypes.Stat) (Sums, error) { return c.folders.Sum(s.Dir, all, stat) }
	err = sent.Walk(ctx, "", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		stat, err := StatOf(path, entry)
		if err != nil {
			return err
		}
		return t.add(path, stat, sum)
	})
	if err != nil {
		return nil, err
	}
	t.open = func(path string) (io.ReadCloser, error) { return all.Open(path) }
	return t, t.finish()
}

// StatOf is what a walk through a folder of fsutil's says of an entry.
func StatOf(name string, entry fs.DirEntry) (*fstypes.Stat, error) {
	info, err := entry.Info()
	if err != nil {
		return nil, err
	}
	stat, ok := info.Sys().(*fstypes.Stat)
	if !ok {
		return nil, fmt.Errorf("%s: nothing is known of it", name)
	}
	return stat, nil
}
