package revision

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tonistiigi/fsutil"
	"gotest.tools/v3/assert"
)

// onDisk tells all of a folder in the words of files.
func onDisk(t *testing.T, dir string) []string {
	t.Helper()
	below, err := fsutil.NewFS(dir)
	assert.NilError(t, err)
	return walked(t, below)
}

// A checkout has what the tree of the revision has, after all conversions, and leaves nothing in the repository.
func TestCheckout(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.git("config", "filter.upper.smudge", "tr a-z A-Z")
	c.git("config", "core.sparseCheckout", "true")
	c.write(".gitattributes", "*.bat eol=crlf\n*.up filter=upper\n*.id ident\n")
	c.write("sub/.gitattributes", "*.bat eol=lf\n")
	for _, file := range []string{"plain", "x.bat", "sub/x.bat", "sub/deep/x.up", "with space.bat", "line\nbreak"} {
		c.write(file, "a\nb\n")
	}
	c.write("x.id", "$Id$\n")
	c.write("tool", "#!/bin/sh\n")
	assert.NilError(t, os.Chmod(c.path("tool"), 0o755))
	c.link("link", "x.bat")
	c.link("out", "/etc/passwd")
	first := c.commit()
	c.git("rm", "-q", ".gitattributes", "plain")
	c.write(".gitattributes", "* -text\n")
	c.write("new", "n\n")
	second := c.commit()
	c.write("untracked", "x")
	c.write("new", "changed")
	c.write(".git/info/sparse-checkout", "/sub/\n")

	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	before := listed(t, os.DirFS(c.path(".git")))
	for rev, want := range map[string]string{"HEAD~1": first, "main": second} {
		into := filepath.Join(t.TempDir(), "into")
		commit, err := Checkout(t.Context(), c.path("sub"), rev, into)
		assert.NilError(t, err)
		assert.Equal(t, commit, want)
		assert.DeepEqual(t, onDisk(t, into), files(t, c.open(rev), c.dir, nil))
		beside, err := os.ReadDir(filepath.Dir(into))
		assert.NilError(t, err)
		assert.Equal(t, len(beside), 1)
	}
	assert.DeepEqual(t, listed(t, os.DirFS(c.path(".git"))), before)
	assert.Equal(t, c.git("worktree", "list", "--porcelain"), "worktree "+c.dir+"\nHEAD "+second+"\nbranch refs/heads/main")
	left, err := filepath.Glob(filepath.Join(temporary, "catmandu-*"))
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
}

// Submodules come from the repository; what is missing is said, and the rest is there.
func TestCheckoutOfSubmodules(t *testing.T) {
	alone(t)
	library := newCheckout(t)
	library.write("a.c", "old\n")
	library.commit()
	c := newCheckout(t)
	c.git("submodule", "--quiet", "add", library.dir, "libs/one")
	c.git("submodule", "--quiet", "add", library.dir, "two")
	c.write("main.c", "x\n")
	c.commit()
	library.write("a.c", "new\n")
	library.commit()
	c.git("-C", "libs/one", "pull", "-q")
	c.commit()

	into := t.TempDir()
	_, err := Checkout(t.Context(), c.dir, "HEAD~1", into)
	assert.NilError(t, err)
	text, err := os.ReadFile(filepath.Join(into, "libs/one/a.c"))
	assert.NilError(t, err)
	assert.Equal(t, string(text), "old\n")

	c.git("submodule", "--quiet", "deinit", "-f", "two")
	assert.NilError(t, os.RemoveAll(c.path(".git/modules/two")))
	into = t.TempDir()
	_, err = Checkout(t.Context(), c.dir, "HEAD", into)
	assert.Assert(t, errors.Is(err, ErrSubmodule))
	assert.ErrorContains(t, err, "a submodule is missing: two\nhint: `git submodule update --init --recursive`")
	text, err = os.ReadFile(filepath.Join(into, "libs/one/a.c"))
	assert.NilError(t, err)
	assert.Equal(t, string(text), "new\n")
	_, err = os.Stat(filepath.Join(into, "main.c"))
	assert.NilError(t, err)
}

func TestCheckoutErrors(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("a", "a")
	c.commit()
	_, err := Checkout(t.Context(), c.dir, "gone", t.TempDir())
	assert.ErrorContains(t, err, `unknown git revision "gone"`)
	_, err = Checkout(t.Context(), c.dir, "HEAD", c.dir)
	assert.ErrorContains(t, err, "is not empty")
	_, err = Checkout(t.Context(), t.TempDir(), "HEAD", t.TempDir())
	assert.ErrorContains(t, err, "is not in a git repository")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Checkout(ctx, c.dir, "HEAD", t.TempDir())
	assert.Assert(t, errors.Is(err, context.Canceled))
}
