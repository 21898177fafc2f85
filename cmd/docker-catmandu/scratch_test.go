package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestScratch(t *testing.T) {
	temporary, notes := t.TempDir(), filepath.Join(t.TempDir(), "scratch")
	t.Setenv("TMPDIR", temporary)
	fresh := func() *scratch {
		t.Helper()
		s, err := newScratch(notes, "one-")
		assert.NilError(t, err)
		assert.NilError(t, os.WriteFile(filepath.Join(s.dir, "file"), nil, 0o600))
		return s
	}
	inUse, killed, unmade := fresh(), fresh(), fresh()
	assert.NilError(t, killed.lock.Close()) // as the kernel does
	assert.NilError(t, os.RemoveAll(unmade.dir))
	assert.NilError(t, unmade.lock.Close())
	assert.Equal(t, len(names(t, temporary)), 2)
	assert.DeepEqual(t, leftScratches(notes), []string{killed.dir})
	assert.Equal(t, len(names(t, temporary)), 2, "they are only listed")

	next := fresh()
	assert.DeepEqual(t, names(t, temporary), slices.Sorted(slices.Values([]string{filepath.Base(inUse.dir), filepath.Base(next.dir)})))
	inUse.close()
	next.close()
	assert.DeepEqual(t, names(t, temporary), []string{})
	assert.DeepEqual(t, names(t, notes), []string{})
}

// A note that is not what was written takes nothing else away.
func TestScratchDamaged(t *testing.T) {
	temporary, notes, other := t.TempDir(), t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	for name, text := range map[string]string{"empty": "", "other": other + "/", "cut": other, "relative": "relative", "above": "/"} {
		assert.NilError(t, os.WriteFile(filepath.Join(notes, name), []byte(text), 0o600))
		assert.NilError(t, os.WriteFile(filepath.Join(notes, name+lockEnd), nil, 0o600))
	}
	cleanScratches(notes)
	assert.DeepEqual(t, names(t, notes), []string{})
	_, err := os.Stat(other)
	assert.NilError(t, err)
}

// Where nothing can be noted, there is a scratch all the same.
func TestScratchWithoutNote(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	s, err := newScratch("/dev/null/scratch", "one-")
	assert.NilError(t, err)
	assert.Equal(t, len(names(t, temporary)), 1)
	s.close()
	assert.Equal(t, len(names(t, temporary)), 0)
}
