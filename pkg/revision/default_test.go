package revision

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestDefaultBranch(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	of := func(dir string) string {
		t.Helper()
		name, err := DefaultBranch(t.Context(), dir)
		assert.NilError(t, err)
		return name
	}
	assert.Equal(t, of(c.dir), "") // before the first commit
	c.write("a", "a")
	c.commit()
	assert.Equal(t, of(c.dir), "main")
	c.git("branch", "-m", "main", "trunk")
	assert.Equal(t, of(c.dir), "")

	clone := realPath(t, t.TempDir())
	c.git("clone", "-q", c.dir, clone)
	assert.Equal(t, of(clone), "trunk")
	checkout{t, clone}.git("checkout", "-q", "-b", "feature/x")
	assert.Equal(t, of(clone), "trunk")
	_, err := DefaultBranch(t.Context(), t.TempDir())
	assert.ErrorContains(t, err, "is not in a git repository")
}
