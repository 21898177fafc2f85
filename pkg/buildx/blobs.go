package buildx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Blobs is a folder of blobs with an index: an OCI layout, or a cache that was exported to a folder. BuildKit only ever adds to
// the latter.
type Blobs struct {
	Dir string `json:"dir"`
	// Size is that of all blobs in bytes, Unreached that of those that nothing in the index leads to any more.
	Size           int64 `json:"size"`
	Unreached      int64 `json:"unreached"`
	UnreachedBlobs int   `json:"unreachedBlobs"`
	// Changed is when something was written to it last.
	Changed time.Time `json:"changedAt,omitzero"`

	unreached []blob
}

type blob struct {
	path    string
	size    int64
	changed time.Time
}

// ErrFolderUsed says that a build writes to a folder, or may read what it has just replaced there.
var ErrFolderUsed = errors.New("the folder is in use")

// ReadBlobs reads a folder; what the digests among roots lead to counts as reached too. Where there is no such folder, its error is
// fs.ErrNotExist.
func ReadBlobs(dir string, roots ...string) (*Blobs, error) {
	index, err := readIndex(dir)
	if err != nil {
		return nil, err
	}
	needed, err := reached(dir, index, roots)
	if err != nil {
		return nil, err
	}
	return listBlobs(dir, needed)
}

// listBlobs looks at all blobs.
func listBlobs(dir string, needed map[digest.Digest]bool) (*Blobs, error) {
	b := &Blobs{Dir: dir}
	algorithms, err := os.ReadDir(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	for _, path := range []string{filepath.Join(dir, "index.json"), filepath.Join(dir, "ingest")} {
		if info, err := os.Stat(path); err == nil {
			b.changed(info)
		}
	}
	for _, a := range algorithms {
		if err := b.add(filepath.Join(dir, "blobs", a.Name()), needed); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *Blobs) changed(info fs.FileInfo) {
	if info.ModTime().After(b.Changed) {
		b.Changed = info.ModTime()
	}
}

// add adds the blobs of one algorithm.
func (b *Blobs) add(dir string, needed map[digest.Digest]bool) error {
	if info, err := os.Stat(dir); err == nil {
		b.changed(info)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err != nil {
			return err
		}
		b.Size += info.Size()
		if !needed[digest.NewDigestFromEncoded(digest.Algorithm(filepath.Base(dir)), e.Name())] {
			b.Unreached, b.UnreachedBlobs = b.Unreached+info.Size(), b.UnreachedBlobs+1
			b.unreached = append(b.unreached, blob{filepath.Join(dir, e.Name()), info.Size(), info.ModTime()})
		}
	}
	return nil
}

// reached are the digests that an index and roots lead to. It errs where it can't know: what it does not find may be removed.
func reached(dir string, index ocispecs.Index, roots []string) (map[digest.Digest]bool, error) {
	needed := map[digest.Digest]bool{}
	todo := slices.Clone(index.Manifests)
	for _, r := range roots {
		todo = append(todo, ocispecs.Descriptor{Digest: digest.Digest(r)})
	}
	for len(todo) > 0 {
		d := todo[0]
		todo = todo[1:]
		if needed[d.Digest] {
			continue
		}
		if err := d.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("%s: digest %q: %w", filepath.Join(dir, "index.json"), d.Digest, err)
		}
		needed[d.Digest] = true
		m, err := manifestOf(dir, d)
		if err != nil {
			return nil, err
		}
		todo = append(todo, m.Manifests...)
		for _, l := range m.Layers {
			needed[l.Digest] = true
		}
		if m.Config != nil {
			needed[m.Config.Digest] = true
		}
	}
	return needed, nil
}

// manifestOf reads a manifest or an index; it is empty for what is neither, and for what is not there.
func manifestOf(dir string, d ocispecs.Descriptor) (manifest, error) {
	var m manifest
	if d.MediaType != "" && !strings.Contains(d.MediaType, ".manifest.") && !strings.Contains(d.MediaType, ".index.") {
		return m, nil
	}
	path := filepath.Join(dir, "blobs", d.Digest.Algorithm().String(), d.Digest.Encoded())
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, nil
	case err != nil:
		return m, err
	case info.Size() > maxManifest:
		return m, fmt.Errorf("%s: a manifest of %d bytes is not read", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Older is what of the folder nothing leads to and was written before a time.
func (b *Blobs) Older(before time.Time) (size int64, blobs int) {
	for _, u := range b.unreached {
		if u.changed.Before(before) {
			size, blobs = size+u.size, blobs+1
		}
	}
	return size, blobs
}
