package steps

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

// A file whose sums are known is not read again; one that changed is, also when its size and times are the same.
func TestDiskKeepsSums(t *testing.T) {
	p := newProject(t, map[string]string{"Dockerfile": "FROM busybox\nCOPY a b /\n", "a": "a", "b": "b"})
	p.store = t.TempDir()
	first := p.graph()
	assert.Equal(t, kept(t, p.store), 0, "what has just changed is not kept: it may change again in the same tick")
	p.later = 2 * young
	assert.DeepEqual(t, changed(first, p.graph()), []string{})
	assert.Equal(t, kept(t, p.store), 2)
	assert.DeepEqual(t, changed(first, p.graph()), []string{})

	info, err := os.Stat(filepath.Join(p.dir, "a"))
	assert.NilError(t, err)
	p.write("a", "x")
	assert.NilError(t, os.Chtimes(filepath.Join(p.dir, "a"), info.ModTime(), info.ModTime()))
	assert.DeepEqual(t, changed(first, p.graph()), []string{"[2/2] COPY a b /"})
}

// kept is how many files' sums lie in a store.
func kept(t *testing.T, store string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(store, "*"))
	assert.NilError(t, err)
	n := 0
	for _, f := range files {
		n += len(loadSums(f).entries)
	}
	return n
}

// A broken file of sums is as good as none.
func TestBrokenSums(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sums")
	s := &sums{entries: map[string]sumEntry{}}
	at := status{1, 2, 3, 4}
	of := Sums{stubDigest, stubDigest}
	s.put("a", at, of)
	assert.NilError(t, s.save(file))
	got, known := loadSums(file).get("a", at)
	assert.Assert(t, known)
	assert.Equal(t, got, of)
	_, known = loadSums(file).get("a", status{1, 2, 3, 5})
	assert.Assert(t, !known)
	text, err := os.ReadFile(file)
	assert.NilError(t, err)
	for i := range text {
		broken := append([]byte{}, text...)
		broken[i] ^= 1
		assert.NilError(t, os.WriteFile(file, broken, 0o600))
		assert.Equal(t, len(loadSums(file).entries), 0)
		assert.NilError(t, os.WriteFile(file, text[:i], 0o600))
		assert.Equal(t, len(loadSums(file).entries), 0)
	}
}

func TestRecent(t *testing.T) {
	p := newProject(t, map[string]string{"Dockerfile": "FROM busybox\nCOPY a /\nCOPY b /\n", "a": "a", "b": "b"})
	g := p.graph()
	changed := map[string]bool{filepath.Join(p.dir, "a"): true}
	assert.Assert(t, g.Steps[1].TakesAny(changed))
	assert.Assert(t, !g.Steps[2].TakesAny(changed))
}
