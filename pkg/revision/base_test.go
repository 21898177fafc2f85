package revision

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

func TestFirst(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	assert.NilError(t, os.WriteFile(c.path("a"), nil, 0o644))
	c.git("add", "a")
	c.git("commit", "-qm", "x")
	rev, err := First(context.Background(), c.dir, "origin/HEAD", "main", "HEAD")
	assert.NilError(t, err)
	assert.Equal(t, rev, "main")
	_, err = First(context.Background(), c.dir, "x", "y")
	assert.Error(t, err, "none of x, y is a revision here")
}

func TestIgnored(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	for name, text := range map[string]string{".gitignore": "*.env\nbuilt\n", "tracked.env": "", "a.env": "", "b": "", "built/x/y": "", "dir/a.env": ""} {
		assert.NilError(t, os.MkdirAll(filepath.Dir(c.path(name)), 0o755))
		assert.NilError(t, os.WriteFile(c.path(name), []byte(text), 0o644))
	}
	c.git("add", "-f", "tracked.env")
	ask := func(names ...string) map[string]bool {
		for i := range names {
			names[i] = c.path(names[i])
		}
		ignored, err := Ignored(context.Background(), c.dir, names)
		assert.NilError(t, err)
		out := map[string]bool{}
		for name, is := range ignored {
			rel, err := filepath.Rel(c.dir, name)
			assert.NilError(t, err)
			if is {
				out[filepath.ToSlash(rel)] = true
			}
		}
		return out
	}
	assert.DeepEqual(t, ask(), map[string]bool{})
	assert.DeepEqual(t, ask("b"), map[string]bool{})
	assert.DeepEqual(t, ask("tracked.env", "a.env", "b", "built", "built/x/y", "dir/a.env", "../elsewhere"),
		map[string]bool{"a.env": true, "built": true, "built/x/y": true, "dir/a.env": true})

	sub := checkout{t, c.path("sub")}
	assert.NilError(t, os.Mkdir(sub.dir, 0o755))
	sub.git("init", "-q")
	assert.NilError(t, os.WriteFile(sub.path("x"), nil, 0o644))
	sub.git("add", "x")
	sub.git("commit", "-qm", "x")
	c.git("-c", "advice.addEmbeddedRepo=false", "add", "sub")
	assert.DeepEqual(t, ask("a.env", "sub/a.env"), map[string]bool{"a.env": true})
}

func TestMissingCommit(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	const commit = "0123456789012345678901234567890123456789"
	c.git("update-index", "--add", "--cacheinfo", "160000,"+commit+",sub")
	c.git("commit", "-qm", "x")
	assert.NilError(t, os.Mkdir(c.path("sub"), 0o755))
	for _, open := range []func() (*Tree, error){
		func() (*Tree, error) { return Open(context.Background(), c.dir, "HEAD") },
		func() (*Tree, error) { return WorkingTree(context.Background(), c.dir, Options{}) },
	} {
		tree, err := open()
		assert.NilError(t, err)
		assert.DeepEqual(t, tree.Missing(), []string{"sub"})
		assert.Equal(t, tree.MissingCommit("sub"), commit)
		assert.NilError(t, tree.Close())
	}
}

// TestUnchanged is about files on disk whose objects git knows without reading them.
func TestUnchanged(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	for _, name := range []string{"same", "changed", "assumed", "touched"} {
		assert.NilError(t, os.WriteFile(c.path(name), []byte("x\n"), 0o644))
	}
	c.git("add", ".")
	c.git("commit", "-qm", "x")
	c.git("update-index", "--assume-unchanged", "assumed")
	for _, name := range []string{"changed", "assumed", "new"} {
		assert.NilError(t, os.WriteFile(c.path(name), []byte("y\n"), 0o644)) // of the same size, at once: racy for git
	}
	object := func(name string) string {
		tree, err := WorkingTree(context.Background(), c.dir, Options{})
		assert.NilError(t, err)
		defer tree.Close()
		id, plain := tree.BlobID(c.path(name))
		assert.Equal(t, plain, id != "")
		return id
	}
	assert.Equal(t, object("same"), c.git("rev-parse", "HEAD:same"))
	for _, name := range []string{"changed", "assumed", "new", "none"} {
		assert.Equal(t, object(name), "", name)
	}
	c.git("config", "core.autocrlf", "input") // the file may have other line ends than its object
	assert.Equal(t, object("same"), "")
	c.git("config", "core.autocrlf", "false")
	assert.Assert(t, object("same") != "")
	assert.NilError(t, os.WriteFile(c.path(".gitattributes"), []byte("* text=auto\n"), 0o644))
	assert.Equal(t, object("same"), "")
}
