//go:build e2e

package courier

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/depot"
)

// small is a disk of 2 MB, which takes root.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	assert.NilError(t, unix.Mount("none", dir, "tmpfs", 0, "size=2m"))
	t.Cleanup(func() { assert.Check(t, unix.Unmount(dir, 0)) })
	return dir
}

// TestFullDisk has no space on either side: that is said, and nothing half-written stays.
func TestFullDisk(t *testing.T) {
	from := t.TempDir()
	fill(t, from, 1, 100, 100_000)
	full := small(t)
	_, err := Save(t.Context(), helper(t, from), depot.Folder(full), key, nil)
	assert.ErrorIs(t, err, unix.ENOSPC)
	all, err := depot.Folder(full).List(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(all), 0)
	ingest, err := os.ReadDir(filepath.Join(full, "ingest"))
	assert.NilError(t, err)
	assert.Equal(t, len(ingest), 0)

	d := depot.Folder(t.TempDir())
	s, err := Save(t.Context(), helper(t, from), d, key, nil)
	assert.NilError(t, err)
	mount := small(t)
	for range 2 {
		_, err = Restore(t.Context(), helper(t, mount), d, s.Parcel, false, nil)
		assert.ErrorContains(t, err, "no space left on device")
		left, err := os.ReadDir(mount)
		assert.NilError(t, err)
		assert.Equal(t, len(left), 0)
	}
}
