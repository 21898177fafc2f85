package revision

import (
	"os"
	"testing"

	"gotest.tools/v3/assert"
)

func TestStateOf(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	state := func() State {
		t.Helper()
		s, err := StateOf(t.Context(), c.path("sub"), ".own/kept")
		assert.NilError(t, err)
		return s
	}
	c.write(".gitignore", "*.o\n")
	c.write("sub/a", "a\n")
	assert.DeepEqual(t, state(), State{Branch: "main", Dirty: true})

	first := c.commit()
	clean := State{Commit: first, Branch: "main"}
	c.write("sub/x.o", "ignored")
	c.write("sub/.own/kept/b", "doesn't count")
	assert.DeepEqual(t, state(), clean)

	dirty := clean
	dirty.Dirty = true
	for _, file := range []string{"sub/.own/other", "sub/.own/kept2/b", ".own/kept/b", "sub/a"} {
		c.write(file, "counts")
		assert.DeepEqual(t, state(), dirty)
		assert.NilError(t, os.Remove(c.path(file)))
		c.git("checkout", "-q", "sub/a")
		assert.DeepEqual(t, state(), clean)
	}
	c.git("checkout", "-q", "--detach")
	clean.Branch = ""
	assert.DeepEqual(t, state(), clean)
}
