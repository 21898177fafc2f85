package steps

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/moby/buildkit/cache"
	"github.com/moby/buildkit/cache/contenthash"
	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// tree is the files of a source, in BuildKit's own structure for comparing them: what it is asked for it answers with the
// very digests that BuildKit has in its cache keys.
type tree struct {
	dir  string
	sums contenthash.CacheContext
	// files are in the order of their names in each folder.
	files []File
	// links are the first names of files that have several.
	links map[string]int
	open  func(path string) (io.ReadCloser, error)
}

func newTree(dir string) (*tree, error) {
	sums, err := contenthash.GetCacheContext(context.Background(), &nothing{id: treeID.Add(1)})
	return &tree{dir: dir, sums: sums, links: map[string]int{}}, err
}

// add takes a file as BuildKit's receiver does.
func (t *tree) add(name string, stat *fstypes.Stat, sum func(*fstypes.Stat) (Sums, error)) error {
	mode := fs.FileMode(stat.Mode)
	f := File{Path: filepath.ToSlash(name), Mode: stat.Mode, Link: stat.Linkname, Time: stat.ModTime}
	var of Sums
	var err error
	switch {
	case !mode.IsRegular():
		of.File, err = header(stat)
	case stat.Linkname != "": // a further name of a file
		first, known := t.links[filepath.ToSlash(stat.Linkname)]
		f.Link = ""
		if known {
			of.File, of.Content = digest.Digest(t.files[first].Digest), digest.Digest(t.files[first].Content)
			break
		}
		// The first name is not sent, so BuildKit gets this one as a file of its own.
		stat = stat.CloneVT()
		stat.Linkname = ""
		fallthrough
	default:
		of, err = sum(stat)
		f.Size = stat.Size
	}
	if err != nil {
		return err
	}
	f.Digest, f.Content = of.File.String(), of.Content.String()
	t.links[f.Path] = len(t.files)
	t.files = append(t.files, f)
	return t.sums.HandleChange(fsutil.ChangeKindAdd, name, &hashed{stat, of.File}, nil)
}

// finish makes sure that the root is known, also when nothing is below it.
func (t *tree) finish() error {
	if len(t.files) > 0 {
		return nil
	}
	const name = "x"
	stat := &fstypes.Stat{Path: name, Mode: 0o644}
	return errors.Join(
		t.sums.HandleChange(fsutil.ChangeKindAdd, name, &hashed{stat, digest.FromString("")}, nil),
		t.sums.HandleChange(fsutil.ChangeKindDelete, name, nil, nil))
}

// digest is what BuildKit compares of the selected files.
func (t *tree) digest(ctx context.Context, list []selector) (digest.Digest, error) {
	if len(list) == 0 {
		list = []selector{{}}
	}
	var all []any
	for _, s := range list {
		d, err := t.sums.Checksum(ctx, nil, path.Join("/", s.Path), contenthash.ChecksumOpts{
			Wildcard: s.Wildcard, FollowLinks: s.FollowLinks, IncludePatterns: s.IncludePatterns,
			ExcludePatterns: s.ExcludePatterns, RequiredPaths: s.RequiredPaths,
		}, nil)
		if err != nil {
			return "", err
		}
		all = append(all, d)
	}
	return digestOf(all...)
}

// header is the digest of what has no content.
func header(stat *fstypes.Stat) (digest.Digest, error) {
	h, err := contenthash.NewFromStat(stat.CloneVT())
	if err != nil {
		return "", err
	}
	return digest.NewDigest(digest.SHA256, h), nil
}

// hashed is a file as BuildKit's receiver describes it.
type hashed struct {
	*fstypes.Stat
	digest digest.Digest
}

func (h *hashed) Name() string          { return filepath.Base(h.Path) }
func (h *hashed) ModTime() time.Time    { return time.Unix(0, h.Stat.ModTime) }
func (h *hashed) Size() int64           { return h.Stat.Size }
func (h *hashed) Mode() fs.FileMode     { return fs.FileMode(h.Stat.Mode) }
func (h *hashed) IsDir() bool           { return h.Mode().IsDir() }
func (h *hashed) Sys() any              { return h.Stat }
func (h *hashed) Digest() digest.Digest { return h.digest }

// nothing stands for the cache record that BuildKit would keep the structure with.
type nothing struct {
	cache.RefMetadata
	id int64
}

var treeID atomic.Int64

func (n *nothing) ID() string                         { return "tree-" + strconv.FormatInt(n.id, 10) }
func (n *nothing) GetExternal(string) ([]byte, error) { return nil, os.ErrNotExist }
func (n *nothing) SetExternal(string, []byte) error   { return nil }
