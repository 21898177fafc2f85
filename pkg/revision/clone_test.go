package revision

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

func withSubmodule(t *testing.T) checkout {
	t.Helper()
	inner := newCheckout(t)
	inner.write("inner.txt", "i")
	inner.commit()
	library := newCheckout(t)
	library.write("lib.c", "1\n")
	library.write(".gitattributes", "*.c eol=crlf\n")
	library.git("submodule", "--quiet", "add", inner.dir, "inner")
	library.commit()
	c := newCheckout(t)
	c.write("main.c", "m\n")
	c.git("submodule", "--quiet", "add", "--name", "odd/name", library.dir, "vendor/lib")
	c.git("submodule", "--quiet", "update", "--init", "--recursive")
	c.git("-C", "vendor/lib", "checkout", "-q", ".")
	c.commit()
	return c
}

func TestSubmodules(t *testing.T) {
	alone(t)
	c := withSubmodule(t)
	c.same()
	tree := c.open("HEAD")
	assert.Equal(t, len(tree.Missing()), 0)
	text, err := tree.ReadFile(c.path("vendor/lib/lib.c"))
	assert.NilError(t, err)
	assert.Equal(t, string(text), "1\r\n")
	text, err = tree.ReadFile(c.path("vendor/lib/inner/inner.txt"))
	assert.NilError(t, err)
	assert.Equal(t, string(text), "i")

	// The working tree has what the submodule has now; the revision what it had.
	c.write("vendor/lib/new", "2")
	assert.Equal(t, len(files(t, c.workingTree(Options{}), c.dir, nil)), len(files(t, tree, c.dir, nil))+1)

	// Without its working tree a submodule is read from where git keeps it; a build would find the folder empty.
	before := files(t, tree, c.dir, nil)
	c.git("submodule", "--quiet", "deinit", "-f", "--all")
	assert.DeepEqual(t, files(t, c.open("HEAD"), c.dir, nil), before)
	assert.DeepEqual(t, c.workingTree(Options{}).Missing(), []string{"vendor/lib"})
	assert.NilError(t, os.RemoveAll(c.path("vendor")))
	assert.DeepEqual(t, files(t, c.open("HEAD"), c.dir, nil), before)
}

func TestMissingSubmodule(t *testing.T) {
	alone(t)
	c := withSubmodule(t)
	clone := checkout{t: t, dir: filepath.Join(realPath(t, t.TempDir()), "clone")}
	c.git("clone", "-q", c.dir, clone.dir)
	clone.same()
	tree := clone.open("HEAD")
	assert.DeepEqual(t, tree.Missing(), []string{"vendor/lib"})
	stat, err := tree.Lstat(clone.path("vendor/lib"))
	assert.NilError(t, err)
	assert.Assert(t, stat.IsDir())
}

// A repository that was put into another is files to a build.
func TestNestedRepository(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	nested := checkout{t: t, dir: c.path("nested")}
	nested.write("file", "1")
	nested.git("init", "-q")
	nested.commit()
	assert.DeepEqual(t, files(t, c.workingTree(Options{}), c.dir, nil), []string{`drwxr-xr-x "nested" 0`, `-rw-r--r-- "nested/file" 1 "1"`})
}

func TestSparseCheckout(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("in/x", "1\n")
	c.write("out/y", "2\n")
	c.write(".gitattributes", "y eol=crlf\n")
	c.commit()
	c.git("rm", "-rq", "--cached", ".")
	c.git("reset", "-q", "--hard")
	before := files(t, c.open("HEAD"), c.dir, nil)
	for _, index := range []string{"--no-sparse-index", "--sparse-index"} {
		c.git("sparse-checkout", "set", "--cone", index, "in")
		_, err := os.Stat(c.path("out"))
		assert.Assert(t, os.IsNotExist(err))
		assert.DeepEqual(t, files(t, c.workingTree(Options{}), c.dir, nil), before)
	}
}

// Nothing is fetched: what a partial clone lacks is an error.
func TestPartialClone(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("x", "1")
	c.write("y", "same")
	c.commit()
	c.write("x", "2")
	c.commit()
	c.git("config", "uploadpack.allowFilter", "true")
	clone := checkout{t: t, dir: filepath.Join(realPath(t, t.TempDir()), "clone")}
	c.git("clone", "-q", "--filter=blob:none", "file://"+c.dir, clone.dir)
	clone.same()
	tree := clone.open("HEAD~1")
	for range 2 {
		_, err := tree.ReadFile(clone.path("x"))
		assert.ErrorContains(t, err, "git fetch --refetch --no-filter")
		text, err := tree.ReadFile(clone.path("y"))
		assert.NilError(t, err)
		assert.Equal(t, string(text), "same")
	}
	clone.git("fetch", "-q", "--refetch", "--no-filter")
	text, err := tree.ReadFile(clone.path("x"))
	assert.NilError(t, err)
	assert.Equal(t, string(text), "1")
}
