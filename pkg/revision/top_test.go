package revision

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

func TestTopAndRemoteHead(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("a/b", "a")
	commit := c.commit()
	top, err := Top(t.Context(), filepath.Join(c.dir, "a"))
	assert.NilError(t, err)
	assert.Equal(t, top, c.dir)
	_, err = Top(t.Context(), t.TempDir())
	assert.ErrorContains(t, err, "is not in a git repository")

	there, err := RemoteHead(t.Context(), c.dir, "main")
	assert.NilError(t, err)
	assert.Equal(t, there, commit)
	_, err = RemoteHead(t.Context(), c.dir, "nosuch")
	assert.ErrorContains(t, err, "has no branch nosuch")
	_, err = RemoteHead(t.Context(), c.dir+string(os.PathSeparator)+"nowhere", "main")
	assert.Assert(t, err != nil)
}
