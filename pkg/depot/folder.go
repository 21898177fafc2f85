package depot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
)

// folder is an OCI layout.
//
// Who reads or writes parcels holds a shared lock meanwhile; blobs are removed only under an exclusive one, so that what somebody is
// about to name stays. Another lock is for the index, which is replaced as a whole.
type folder struct{ dir string }

// Folder is the depot in a folder, which is made when something is saved.
func Folder(dir string) *Depot { return &Depot{Name: dir, place: &folder{dir}} }

const (
	useLock   = ".use.lock"
	indexLock = ".index.lock"
	ingestDir = "ingest"
	indexFile = "index.json"
)

func (f *folder) path(parts ...string) string {
	return filepath.Join(append([]string{f.dir}, parts...)...)
}

func (f *folder) blobPath(d digest.Digest) string {
	return f.path("blobs", d.Algorithm().String(), d.Encoded())
}

func (f *folder) index() (ocispecs.Index, error) {
	var index ocispecs.Index
	text, err := os.ReadFile(f.path(indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return index, nil
	}
	if err != nil {
		return index, err
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return index, fmt.Errorf("%s: %w: %w", indexFile, parcel.ErrDamaged, err)
	}
	return index, nil
}

func named(name string) func(ocispecs.Descriptor) bool {
	return func(d ocispecs.Descriptor) bool { return d.Annotations[ocispecs.AnnotationRefName] == name }
}

func (f *folder) get(_ context.Context, name string) ([]byte, time.Time, error) {
	var none time.Time
	index, err := f.index()
	if err != nil {
		return nil, none, err
	}
	i := slices.IndexFunc(index.Manifests, named(name))
	if i < 0 {
		return nil, none, errNotFound
	}
	d := index.Manifests[i]
	if err := d.Digest.Validate(); err != nil {
		return nil, none, fmt.Errorf("%s: %w: %w", indexFile, parcel.ErrDamaged, err)
	}
	text, err := os.ReadFile(f.blobPath(d.Digest))
	if err == nil && digest.FromBytes(text) != d.Digest {
		err = fmt.Errorf("manifest %s: %w", d.Digest, parcel.ErrDamaged)
	}
	if err != nil {
		return nil, none, err
	}
	info, err := os.Stat(f.blobPath(d.Digest))
	if err != nil {
		return nil, none, err
	}
	return text, info.ModTime(), nil
}

func (f *folder) names(_ context.Context, prefix string) ([]string, error) {
	index, err := f.index()
	var out []string
	for _, d := range index.Manifests {
		if name := d.Annotations[ocispecs.AnnotationRefName]; strings.HasPrefix(name, prefix) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, err
}

func (f *folder) holds(_ context.Context, d ocispecs.Descriptor) (bool, error) {
	info, err := os.Stat(f.blobPath(d.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.Size() == d.Size, err
}

func (f *folder) open(_ context.Context, d ocispecs.Descriptor) (io.ReadCloser, error) {
	file, err := os.Open(f.blobPath(d.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNotFound
	}
	return file, err
}

func (f *folder) draft() (draft, error) {
	for _, dir := range []string{ingestDir, filepath.Join("blobs", digest.SHA256.String())} {
		if err := os.MkdirAll(f.path(dir), 0o755); err != nil {
			return draft{}, err
		}
	}
	return newDraft(f.path(ingestDir))
}

func (f *folder) put(_ context.Context, d ocispecs.Descriptor, from draft) error {
	err := from.file.Chmod(0o644)
	if err := errors.Join(err, from.file.Close()); err != nil {
		return errors.Join(err, from.discard())
	}
	if err := os.Rename(from.file.Name(), f.blobPath(d.Digest)); err != nil {
		return errors.Join(err, from.discard())
	}
	return nil
}

func (f *folder) tag(ctx context.Context, name string, d ocispecs.Descriptor, text []byte) error {
	file, err := f.draft()
	if err != nil {
		return err
	}
	if _, err := file.Write(text); err != nil {
		return errors.Join(err, file.discard())
	}
	if err := f.put(ctx, d, file); err != nil {
		return err
	}
	d.Annotations = map[string]string{ocispecs.AnnotationRefName: name}
	return f.change(func(list []ocispecs.Descriptor) []ocispecs.Descriptor {
		return append(slices.DeleteFunc(list, named(name)), d)
	})
}

func (f *folder) remove(_ context.Context, p *Parcel) error {
	return f.change(func(list []ocispecs.Descriptor) []ocispecs.Descriptor {
		return slices.DeleteFunc(list, func(d ocispecs.Descriptor) bool { return named(p.Name)(d) && d.Digest == p.digest })
	})
}

// change replaces the index.
func (f *folder) change(edit func([]ocispecs.Descriptor) []ocispecs.Descriptor) error {
	lock := flock.New(f.path(indexLock))
	if err := lock.Lock(); err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	index, err := f.index()
	if err != nil {
		return err
	}
	index.Versioned, index.MediaType = specs.Versioned{SchemaVersion: 2}, ocispecs.MediaTypeImageIndex
	if index.Manifests = edit(index.Manifests); index.Manifests == nil {
		index.Manifests = []ocispecs.Descriptor{}
	}
	for name, v := range map[string]any{ocispecs.ImageLayoutFile: ocispecs.ImageLayout{Version: ocispecs.ImageLayoutVersion}, indexFile: index} {
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.path(name+".tmp"), text, 0o644); err != nil {
			return errors.Join(err, os.Remove(f.path(name+".tmp")))
		}
		if err := os.Rename(f.path(name+".tmp"), f.path(name)); err != nil {
			return err
		}
	}
	return nil
}

// touch sets the time of the manifest, which is that of the last use.
func (f *folder) touch(p *Parcel) error {
	now := time.Now()
	return os.Chtimes(f.blobPath(p.digest), now, now)
}

func (f *folder) hold(ctx context.Context) (func(), error) {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return nil, err
	}
	lock := flock.New(f.path(useLock))
	if _, err := lock.TryRLockContext(ctx, 50*time.Millisecond); err != nil {
		return nil, err
	}
	return func() { _ = lock.Close() }, nil
}

// sweep removes blobs that nothing leads to, and what was begun and left. While somebody else is at it nothing goes; the next one
// removes it.
func (f *folder) sweep() error {
	if _, err := os.Stat(f.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock := flock.New(f.path(useLock))
	defer func() { _ = lock.Close() }()
	if free, err := lock.TryLock(); err != nil || !free {
		return err
	}
	index, err := f.index()
	if err != nil {
		return err
	}
	needed := map[string]bool{}
	for _, d := range index.Manifests {
		needed[d.Digest.Encoded()] = true
		text, err := os.ReadFile(f.blobPath(d.Digest))
		if err != nil {
			continue // nothing more can be known of it
		}
		var m ocispecs.Manifest
		if json.Unmarshal(text, &m) == nil {
			needed[m.Config.Digest.Encoded()] = true
			for _, l := range m.Layers {
				needed[l.Digest.Encoded()] = true
			}
		}
	}
	return errors.Join(
		removeIn(f.path("blobs", digest.SHA256.String()), func(name string) bool { return !needed[name] }),
		removeIn(f.path(ingestDir), func(string) bool { return true }))
}

func removeIn(dir string, goes func(name string) bool) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range list {
		if goes(e.Name()) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
