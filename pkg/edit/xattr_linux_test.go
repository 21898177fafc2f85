package edit

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// Extended attributes are of what BuildKit compares: a copy has them, and so has a file that was edited.
func TestExtendedAttributes(t *testing.T) {
	dir, into := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	write(t, dir, map[string]string{"Dockerfile": "FROM node\nCOPY . .\n", "sub/a.go": "a\n"})
	for _, name := range []string{"sub", "sub/a.go"} {
		err := unix.Lsetxattr(filepath.Join(dir, name), "user.colour", []byte("blue"), 0)
		if errors.Is(err, unix.ENOTSUP) {
			t.Skip("the file system of temporary files has no extended attributes")
		}
		assert.NilError(t, err)
	}
	plain, _ := view(t, dir)
	c, err := Copy(context.Background(), dir, into, "Dockerfile")
	assert.NilError(t, err)
	assert.Equal(t, len(c.Left), 0)
	copied, _ := view(t, into)
	assert.Equal(t, copied, plain)

	e, err := Apply(into, "sub/a.go", nonce)
	assert.NilError(t, err)
	value := make([]byte, 10)
	n, err := unix.Lgetxattr(filepath.Join(into, "sub/a.go"), "user.colour", value)
	assert.NilError(t, err)
	assert.Equal(t, string(value[:n]), "blue")
	edited, _ := view(t, into)
	assert.Assert(t, edited != plain)
	assert.NilError(t, e.Revert())
	reverted, _ := view(t, into)
	assert.Equal(t, reverted, plain)
}
