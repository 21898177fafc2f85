package buildx

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// blobFolder is a folder in the making.
type blobFolder struct {
	t   *testing.T
	dir string
}

func newBlobFolder(t *testing.T) *blobFolder {
	t.Helper()
	f := &blobFolder{t, t.TempDir()}
	for _, name := range []string{"blobs/sha256", "ingest"} {
		assert.NilError(t, os.MkdirAll(filepath.Join(f.dir, name), 0o755))
	}
	return f
}

func (f *blobFolder) blob(text []byte, mediaType string) ocispecs.Descriptor {
	f.t.Helper()
	d := ocispecs.Descriptor{Digest: digest.FromBytes(text), Size: int64(len(text)), MediaType: mediaType}
	assert.NilError(f.t, os.WriteFile(f.path(d), text, 0o644))
	return d
}

func (f *blobFolder) path(d ocispecs.Descriptor) string {
	return filepath.Join(f.dir, "blobs", "sha256", d.Digest.Encoded())
}

func (f *blobFolder) marshal(v any, mediaType string) ocispecs.Descriptor {
	f.t.Helper()
	text, err := json.Marshal(v)
	assert.NilError(f.t, err)
	return f.blob(text, mediaType)
}

const (
	layerType  = "application/vnd.oci.image.layer.v1.tar+gzip"
	configType = "application/vnd.buildkit.cacheconfig.v0"
)

// cache is an exported cache of two layers, the first of which all have: as a manifest, or as an index as older BuildKits make it.
func (f *blobFolder) cache(name string, asIndex bool) ocispecs.Descriptor {
	f.t.Helper()
	config := f.blob([]byte(`{"name":"`+name+`"}`), configType)
	layers := []ocispecs.Descriptor{f.blob([]byte("shared"), layerType), f.blob([]byte(name+name), layerType)}
	if asIndex {
		return f.marshal(ocispecs.Index{Manifests: append(layers, config)}, ocispecs.MediaTypeImageIndex)
	}
	return f.marshal(ocispecs.Manifest{Config: config, Layers: layers}, ocispecs.MediaTypeImageManifest)
}

// index makes the index lead to these, as if that was done a while ago.
func (f *blobFolder) index(manifests ...ocispecs.Descriptor) {
	f.t.Helper()
	assert.NilError(f.t, writeJSON(filepath.Join(f.dir, "index.json"), ocispecs.Index{Manifests: manifests}))
	f.age(time.Hour)
}

func (f *blobFolder) age(d time.Duration) {
	f.t.Helper()
	for _, name := range []string{"index.json", "ingest", "blobs/sha256"} {
		then := time.Now().Add(-d)
		assert.NilError(f.t, os.Chtimes(filepath.Join(f.dir, name), then, then))
	}
}

func (f *blobFolder) count() int {
	f.t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.dir, "blobs", "sha256"))
	assert.NilError(f.t, err)
	return len(entries)
}

func TestSweepCache(t *testing.T) {
	for name, asIndex := range map[string]bool{"manifest": false, "index": true} {
		t.Run(name, func(t *testing.T) {
			f := newBlobFolder(t)
			old, other := f.cache("older", asIndex), f.cache("other", asIndex)
			f.index(other, f.cache("new", asIndex))
			b, err := ReadBlobs(f.dir)
			assert.NilError(t, err)
			assert.Equal(t, b.UnreachedBlobs, 3)
			assert.Equal(t, b.Unreached, old.Size+int64(len(`{"name":"older"}`)+len("olderolder")))
			freed, err := SweepCache(f.dir, time.Time{})
			assert.NilError(t, err)
			assert.Equal(t, freed, b.Unreached)
			after, err := ReadBlobs(f.dir)
			assert.NilError(t, err)
			assert.Equal(t, after.Size, b.Size-freed)
			assert.Equal(t, after.UnreachedBlobs, 0)
			assert.Equal(t, f.count(), 7, "two caches with a layer in common")
			freed, err = SweepCache(f.dir, time.Time{})
			assert.NilError(t, err)
			assert.Equal(t, freed, int64(0), "it changed a moment ago, but there is nothing to do")
		})
	}
}

func TestSweepCacheKeeps(t *testing.T) {
	f := newBlobFolder(t)
	named, gone := f.cache("named", false), f.cache("gone", false)
	f.index(f.cache("new", false))

	// What a target names by its digest stays.
	_, err := SweepCache(f.dir, time.Time{}, string(named.Digest))
	assert.NilError(t, err)
	_, err = os.Stat(f.path(gone))
	assert.Assert(t, errors.Is(err, fs.ErrNotExist), "%v", err)
	assert.Equal(t, f.count(), 7)
	f.age(time.Hour)

	// So does what is not old enough.
	young, size := f.cache("young", false), int64(0)
	f.age(time.Hour)
	b, err := ReadBlobs(f.dir, string(named.Digest))
	assert.NilError(t, err)
	size, blobs := b.Older(time.Now().Add(-time.Minute))
	assert.Equal(t, size, int64(0))
	assert.Equal(t, blobs, 0)
	freed, err := SweepCache(f.dir, time.Now().Add(-time.Minute), string(named.Digest))
	assert.NilError(t, err)
	assert.Equal(t, freed, int64(0))

	// A manifest that can't be read may lead to anything.
	broken := f.blob([]byte("{"), ocispecs.MediaTypeImageManifest)
	f.index(broken)
	_, err = SweepCache(f.dir, time.Time{})
	assert.ErrorContains(t, err, broken.Digest.Encoded())
	_, err = os.Stat(f.path(young))
	assert.NilError(t, err)

	// As may an index that is being written.
	assert.NilError(t, os.WriteFile(filepath.Join(f.dir, "index.json"), []byte(`{"manif`), 0o644))
	f.age(time.Hour)
	_, err = SweepCache(f.dir, time.Time{})
	assert.ErrorContains(t, err, "index.json")
}

// TestSweepCacheUsed has others use the folder.
func TestSweepCacheUsed(t *testing.T) {
	lock := func(f *blobFolder) func() {
		l := flock.New(filepath.Join(f.dir, cacheLock))
		got, err := l.TryRLock()
		assert.Assert(t, got && err == nil)
		return func() { _ = l.Close() }
	}
	for name, use := range map[string]func(f *blobFolder) func(){
		"exported to": lock,
		"read by us":  func(f *blobFolder) func() { return HoldCache(f.dir) },
		"an older client writes a blob": func(f *blobFolder) func() {
			assert.NilError(t, os.Mkdir(filepath.Join(f.dir, "ingest", "x"), 0o755))
			f.age(time.Hour)
			return func() { assert.NilError(t, os.Remove(filepath.Join(f.dir, "ingest", "x"))) }
		},
		"an older client has written": func(f *blobFolder) func() {
			f.age(time.Second)
			return func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newBlobFolder(t)
			f.cache("old", false)
			f.index(f.cache("new", false))
			release := use(f)
			for _, act := range []func() (int64, error){
				func() (int64, error) { return SweepCache(f.dir, time.Time{}) },
				func() (int64, error) { return EmptyCache(f.dir) },
			} {
				_, err := act()
				assert.Assert(t, errors.Is(err, ErrFolderUsed), "%v", err)
				assert.Equal(t, f.count(), 7)
			}
			release()
			f.age(time.Hour)
			_, err := SweepCache(f.dir, time.Time{})
			assert.NilError(t, err)
			assert.Equal(t, f.count(), 4)
		})
	}
}

func TestEmptyCache(t *testing.T) {
	f := newBlobFolder(t)
	f.cache("old", false)
	f.index(f.cache("new", false))
	b, err := ReadBlobs(f.dir)
	assert.NilError(t, err)
	freed, err := EmptyCache(f.dir)
	assert.NilError(t, err)
	assert.Equal(t, freed, b.Size)
	_, err = ReadBlobs(f.dir)
	assert.Assert(t, errors.Is(err, fs.ErrNotExist), "%v", err)
	_, err = os.Stat(filepath.Join(f.dir, "ingest"))
	assert.NilError(t, err, "a build that is about to export would fail without it")
}

func TestSweepLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "web")
	assert.NilError(t, mergeLayout(writeTypedLayout(t, "prod", "one"), dir))
	stray := filepath.Join(dir, "blobs", "sha256", digest.FromString("stray").Encoded())
	assert.NilError(t, os.WriteFile(stray, []byte("stray"), 0o644))
	freed, err := SweepLayout(dir)
	assert.NilError(t, err)
	assert.Equal(t, freed, int64(len("stray")))
	check(t, dir)
}

// writeTypedLayout is writeLayout with media types, as images have them.
func writeTypedLayout(t *testing.T, tag, layer string) string {
	t.Helper()
	f := newBlobFolder(t)
	d := f.cache(layer, false)
	d.Annotations = map[string]string{ocispecs.AnnotationRefName: tag}
	f.index(d)
	return f.dir
}

func TestCacheFolders(t *testing.T) {
	got, err := CacheFolders(targets.Target{
		CacheTo:   []string{"type=local,dest=/c/web,mode=max", "type=registry,ref=r/c", "type=inline"},
		CacheFrom: []string{"type=local,src=/c/web", "type=local,src=/c/old,digest=sha256:1", "r/c"},
		Build:     compose.Build{},
	})
	assert.NilError(t, err)
	assert.DeepEqual(t, got, []CacheFolder{{Dir: "/c/web", Written: true}, {Dir: "/c/web"}, {Dir: "/c/old", Digest: "sha256:1"}})
}

func TestLayoutFolders(t *testing.T) {
	o := Outputs{Specs: []string{"type=oci,dest=/out,tar=false", "type=oci,dest=/out.tar", "type=local,dest=/files", "type=oci,dest=-"}}
	p := &targets.Plan{Targets: []targets.Target{{Service: "base", Linked: true}, {Service: "web"}}}
	assert.DeepEqual(t, o.LayoutFolders(p), map[string][]string{"web": {"/out"}})
	p.Targets[0].Linked = false
	assert.DeepEqual(t, o.LayoutFolders(p), map[string][]string{"base": {"/out/base"}, "web": {"/out/web"}})
}

func TestParts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web")
	alive, err := newPart(path)
	assert.NilError(t, err)
	dead, err := newPart(path)
	assert.NilError(t, err)
	assert.NilError(t, dead.lock.Close())
	assert.Equal(t, len(Parts(path)), 0, "it may not have got its lock yet")
	then := time.Now().Add(-time.Hour)
	for _, p := range []*part{alive, dead} {
		assert.NilError(t, os.Chtimes(p.dir, then, then))
	}
	assert.DeepEqual(t, Parts(path), []string{dead.dir})
	RemoveParts(path)
	assert.Equal(t, len(Parts(path)), 0)
	_, err = os.Stat(dead.dir)
	assert.Assert(t, errors.Is(err, fs.ErrNotExist), "%v", err)
	_, err = os.Stat(alive.dir)
	assert.NilError(t, err)
	alive.remove()
}
