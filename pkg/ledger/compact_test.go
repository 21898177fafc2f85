package ledger

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestCompact(t *testing.T) {
	l := New(t.TempDir())
	l.maxSize = 40_000
	compacted := false
	var size int64
	for i := range 60 {
		id := fmt.Sprint(i)
		assert.NilError(t, l.Append(build(id, "b"), results(5, id)))
		info, err := os.Stat(l.path())
		assert.NilError(t, err)
		assert.Assert(t, info.Size() <= l.maxSize)
		assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
		if info.Size() < size {
			compacted = true
			assert.Assert(t, info.Size() <= l.maxSize/2)
		}
		size = info.Size()

		h := read(t, l)
		assert.Equal(t, h.Skipped, 0)
		assert.Assert(t, len(h.Builds) > 3 || i < 4, len(h.Builds))
		for j, b := range slices.Backward(h.Builds) {
			id := fmt.Sprint(i - len(h.Builds) + 1 + j)
			equal(t, b, build(id, "b"), results(5, id))
		}
	}
	assert.Assert(t, compacted)
}

func TestCompactKeepsTheLast(t *testing.T) {
	l := New(t.TempDir())
	l.maxSize = 1000
	for _, id := range []string{"one", "two"} {
		assert.NilError(t, l.Append(build(id, "b"), results(20, id)))
		h := read(t, l)
		assert.DeepEqual(t, ids(h), []string{id})
		equal(t, h.Builds[0], build(id, "b"), results(20, id))
	}
}

// A later version's lines may not crowd out all others, nor the file have no bound.
func TestCompactOthers(t *testing.T) {
	l := New(t.TempDir())
	l.maxSize = 20_000
	for i := range 100 {
		assert.NilError(t, l.Append(build(fmt.Sprint(i), "b"), results(1, "x")))
		for j := range 5 {
			appendText(t, l, fmt.Sprintf(`{"kind":"new","v":1,"n":%d,"text":"%0200d"}`+"\n", 5*i+j, 0))
		}
	}
	h := read(t, l)
	assert.Assert(t, len(h.Builds) > 5)
	assert.Equal(t, h.Builds[len(h.Builds)-1].ID, "99")
	info, err := os.Stat(l.path())
	assert.NilError(t, err)
	assert.Assert(t, info.Size() < 22_000)
}

func TestCompactSideFiles(t *testing.T) {
	l := New(t.TempDir())
	for _, id := range []string{"old", "young", "named", "kept"} {
		assert.NilError(t, l.Append(build(id, "b"), taking(3, id)))
	}
	h := read(t, l)
	name := func(i int) string { return l.listPath(listID(h.Builds[i].Results[0].Step)) }
	for _, i := range []int{0, 2, 3} {
		old := time.Now().Add(-2 * time.Hour)
		assert.NilError(t, os.Chtimes(name(i), old, old))
	}
	appendText(t, l, `{"kind":"new","v":1,"list":"`+listID(h.Builds[2].Results[0].Step)+`"}`+"\n")
	text, err := os.ReadFile(l.path())
	assert.NilError(t, err)
	l.maxSize = 1500
	assert.NilError(t, l.compact(text))
	assert.DeepEqual(t, ids(read(t, l)), []string{"kept"})
	for i, want := range []bool{false, true, true, true} {
		_, err := os.Stat(name(i))
		assert.Equal(t, err == nil, want, i)
	}
}

// Who has the file open reads on in the old one.
func TestCompactWhileRead(t *testing.T) {
	l := New(t.TempDir())
	l.maxSize = 3000
	assert.NilError(t, l.Append(build("one", "b"), results(2, "x")))
	f, err := os.Open(l.path())
	assert.NilError(t, err)
	defer f.Close()
	for i := range 10 {
		assert.NilError(t, l.Append(build(fmt.Sprint(i), "b"), results(2, "y")))
	}
	assert.Assert(t, !slices.Contains(ids(read(t, l)), "one"))
	text, err := readAll(f)
	assert.NilError(t, err)
	assert.Equal(t, ids(parse(text).history())[0], "one")
}
