package buildx

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

// writeLayout makes a layout of one image with a tag, as BuildKit's client writes it.
func writeLayout(t *testing.T, tag, layer string) string {
	t.Helper()
	dir := t.TempDir()
	blobs := filepath.Join(dir, "blobs", "sha256")
	assert.NilError(t, os.MkdirAll(blobs, 0o755))
	blob := func(text []byte) ocispecs.Descriptor {
		d := ocispecs.Descriptor{Digest: digest.FromBytes(text), Size: int64(len(text))}
		assert.NilError(t, os.WriteFile(filepath.Join(blobs, d.Digest.Encoded()), text, 0o644))
		return d
	}
	m := ocispecs.Manifest{Config: blob([]byte(`{"config":"` + layer + `"}`)), Layers: []ocispecs.Descriptor{blob([]byte("shared")), blob([]byte(layer))}}
	text, err := json.Marshal(m)
	assert.NilError(t, err)
	desc := blob(text)
	desc.Annotations = map[string]string{ocispecs.AnnotationRefName: tag}
	assert.NilError(t, writeJSON(filepath.Join(dir, "index.json"), ocispecs.Index{Manifests: []ocispecs.Descriptor{desc}}))
	return dir
}

// check reads a layout as somebody else would: every blob that it leads to is there and is what its digest says.
func check(t *testing.T, dir string) map[string]digest.Digest {
	t.Helper()
	index, err := readIndex(dir)
	assert.NilError(t, err)
	tags, needed := map[string]digest.Digest{}, map[string]bool{}
	for _, m := range index.Manifests {
		tags[m.Annotations[ocispecs.AnnotationRefName]] = m.Digest
		reach(dir, m, needed)
	}
	for name := range needed {
		text, err := os.ReadFile(filepath.Join(dir, "blobs", "sha256", name))
		assert.NilError(t, err)
		assert.Equal(t, digest.FromBytes(text).Encoded(), name)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
	assert.NilError(t, err)
	assert.Equal(t, len(entries), len(needed), "blobs that nothing leads to")
	return tags
}

func TestMergeLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "web")
	assert.NilError(t, mergeLayout(writeLayout(t, "prod", "one"), dir))
	assert.NilError(t, mergeLayout(writeLayout(t, "dev", "two"), dir))
	before := check(t, dir)
	assert.Equal(t, len(before), 2)
	// A tag that moves takes the blobs of its old image along.
	assert.NilError(t, mergeLayout(writeLayout(t, "prod", "three"), dir))
	after := check(t, dir)
	assert.Equal(t, len(after), 2)
	assert.Equal(t, after["dev"], before["dev"])
	assert.Assert(t, after["prod"] != before["prod"])
	assert.Assert(t, layoutSize(dir, after["prod"]) > int64(len("shared")+len("three")))
}

func TestMergeLayoutAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "web")
	var wg sync.WaitGroup
	for i := range 8 {
		part := writeLayout(t, fmt.Sprint(i), fmt.Sprint("layer", i))
		wg.Go(func() { assert.Check(t, mergeLayout(part, dir)) })
	}
	wg.Wait()
	assert.Equal(t, len(check(t, dir)), 8)
}
