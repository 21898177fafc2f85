package ledger

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

func list(n int, variant string) []steps.File {
	var files []steps.File
	for i := range n {
		files = append(files, steps.File{
			Path: fmt.Sprintf("src/pkg%d/file%d.go", i/20, i), Digest: digest(variant, i), Mode: 0o644, Size: int64(i), Content: digest("content"+variant, i),
		})
	}
	return files
}

// taking is one step that takes n files of a variant.
func taking(n int, variant string) []Result {
	r := results(1, "x")
	r[0].Unsure, r[0].Step.Files, r[0].Step.Takes = false, digest(variant, n), list(n, variant)
	return r
}

func sideFiles(t testing.TB, l *Ledger) int {
	t.Helper()
	infos, err := l.listInfos()
	assert.NilError(t, err)
	return len(infos)
}

func TestFiles(t *testing.T) {
	l := New(t.TempDir())
	all := append(append(taking(3, "a"), taking(3, "a")...), taking(3, "b")...)
	assert.Assert(t, !l.Knows(all[0].Step))
	assert.NilError(t, l.Append(build("one", "b"), all))
	assert.Equal(t, sideFiles(t, l), 2)
	assert.Assert(t, l.Knows(all[0].Step))

	known, none, unsure, other := taking(3, "a")[0], taking(0, "")[0], taking(3, "c")[0], taking(3, "a")[0]
	known.Step.Takes, known.Step.Line = nil, 7
	none.Step.Files = ""
	unsure.Unsure = true
	other.Step.Self = "sha256:COPY of another name with the same content"
	assert.NilError(t, l.Append(build("two", "b"), []Result{known, none, unsure, other}))
	assert.Equal(t, sideFiles(t, l), 3)

	h := read(t, l)
	a, b := list(3, "a"), list(3, "b")
	for i, want := range [][]steps.File{a, a, b, a, nil, nil, a} {
		got, err := l.Files(slices.Concat(h.Builds[0].Results, h.Builds[1].Results)[i])
		assert.NilError(t, err)
		assert.DeepEqual(t, got, want)
	}
	info, err := os.Stat(l.listPath(listID(h.Builds[0].Results[0].Step)))
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
}

// A side file that is lost or broken is not known, and comes back with the next build.
func TestFilesBroken(t *testing.T) {
	for name, damage := range map[string]func(path string, text []byte) error{
		"missing": func(path string, _ []byte) error { return os.Remove(path) },
		"empty":   func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) },
		"zeros":   func(path string, text []byte) error { return os.WriteFile(path, make([]byte, len(text)), 0o600) },
		"cut":     func(path string, text []byte) error { return os.WriteFile(path, text[:2], 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			l := New(t.TempDir())
			assert.NilError(t, l.Append(build("one", "b"), taking(100, "a")))
			r := read(t, l).Builds[0].Results[0]
			text, err := os.ReadFile(l.listPath(listID(r.Step)))
			assert.NilError(t, err)
			assert.NilError(t, damage(l.listPath(listID(r.Step)), text))

			got, err := l.Files(r)
			assert.NilError(t, err)
			assert.Assert(t, got == nil)
			assert.NilError(t, l.Append(build("two", "b"), taking(100, "a")))
			got, err = l.Files(r)
			assert.NilError(t, err)
			assert.Equal(t, len(got), 100)
		})
	}
}

func TestFilesAreLimited(t *testing.T) {
	l := New(t.TempDir())
	l.maxFiles = 30_000
	for i := range 20 {
		assert.NilError(t, l.Append(build(fmt.Sprint(i), "b"), taking(50, fmt.Sprint(i))))
		assert.NilError(t, l.Append(build("again", "b"), taking(50, "0")))
		tick(t, l)
	}
	n := sideFiles(t, l)
	assert.Assert(t, n > 2 && n < 20, n)
	h := read(t, l)
	for _, i := range []int{0, len(h.Builds) - 2, len(h.Builds) - 1} { // used in each round, and the newest
		got, err := l.Files(h.Builds[i].Results[0])
		assert.NilError(t, err)
		assert.Equal(t, len(got), 50, i)
	}
	// One that is too large alone is kept while it is the newest.
	assert.NilError(t, l.Append(build("large", "b"), taking(2000, "large")))
	assert.Equal(t, sideFiles(t, l), 1)
}

// tick makes all side files a minute older.
func tick(t testing.TB, l *Ledger) {
	t.Helper()
	infos, err := l.listInfos()
	assert.NilError(t, err)
	for _, info := range infos {
		at := info.ModTime().Add(-time.Minute)
		assert.NilError(t, os.Chtimes(l.lists()+"/"+info.Name(), at, at))
	}
}
