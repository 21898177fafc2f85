package revision

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// A repository is found from everywhere: a folder in it, a linked working tree, git's hooks, before the first commit.
func TestWhere(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	_, err := Open(t.Context(), c.dir, "HEAD")
	assert.ErrorContains(t, err, `unknown git revision "HEAD": the repository has no commits`)
	c.write("service/web/Dockerfile", "FROM scratch\n")
	assert.DeepEqual(t, files(t, c.workingTree(Options{}), c.path("service"), nil),
		[]string{`drwxr-xr-x "web" 0`, `-rw-r--r-- "web/Dockerfile" 13 "FROM scratch\n"`})
	c.commit()

	linked := checkout{t: t, dir: filepath.Join(realPath(t, t.TempDir()), "linked")}
	c.git("worktree", "add", "-q", linked.dir, "-b", "other")
	linked.write("service/web/more", "")
	linked.commit()
	linked.same()
	assert.Equal(t, len(files(t, linked.open("main"), linked.dir, nil)), 3)

	t.Setenv("GIT_DIR", ".git")
	t.Setenv("GIT_INDEX_FILE", "nowhere")
	for _, dir := range []string{c.path("service/web"), c.dir} {
		tree, err := Open(t.Context(), dir, "HEAD")
		assert.NilError(t, err)
		assert.Equal(t, tree.Root(), c.dir)
		assert.NilError(t, tree.Close())
	}
	c.workingTree(Options{})
}

func TestErrors(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("x", "")
	first := c.commit()
	c.git("branch", "feature")
	c.write("y", "")
	second := c.commit()
	c.git("checkout", "-q", "feature")
	c.write("z", "")
	c.commit()
	base, err := MergeBase(t.Context(), c.dir, "main", "HEAD")
	assert.NilError(t, err)
	assert.Equal(t, base, first)

	shallow := checkout{t: t, dir: filepath.Join(realPath(t, t.TempDir()), "shallow")}
	c.git("clone", "-q", "--depth=1", "--no-single-branch", "file://"+c.dir, shallow.dir)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct{ dir, rev, want string }{
		{c.dir, "nope", `unknown git revision "nope"`},
		{c.dir, "--all", `"--all" is no git revision`},
		{c.dir, "HEAD:x", `unknown git revision "HEAD:x"`},
		{t.TempDir(), "HEAD", "is not in a git repository"},
		{filepath.Join(c.dir, ".git"), "HEAD", "without a working tree"},
		{c.path("gone"), "HEAD", "gone: file does not exist"},
		{shallow.dir, first, "fetch-depth: 0"},
		{shallow.dir, "main", "hint: there is \"origin/main\""},
	} {
		_, err := Open(t.Context(), test.dir, test.rev)
		assert.Check(t, err != nil && strings.Contains(err.Error(), test.want), "%s %s: %v", test.dir, test.rev, err)
	}
	_, err = MergeBase(t.Context(), shallow.dir, "origin/main", "HEAD")
	assert.ErrorContains(t, err, `no common ancestor`)
	assert.ErrorContains(t, err, "git fetch --unshallow")
	_, err = Open(cancelled, c.dir, "HEAD")
	assert.Assert(t, errors.Is(err, context.Canceled), "%v", err)

	c.git("checkout", "-q", "main")
	tree := c.open("HEAD")
	assert.NilError(t, os.Remove(c.path(".git/objects/"+blobFile(c, second+":y"))))
	_, err = tree.ReadFile(c.path("y"))
	assert.ErrorContains(t, err, "is not in this clone")
	t.Setenv("PATH", t.TempDir())
	_, err = Open(t.Context(), c.dir, "HEAD")
	assert.ErrorContains(t, err, "no git program in PATH")
}

func blobFile(c checkout, name string) string {
	id := c.git("rev-parse", name)
	return id[:2] + "/" + id[2:]
}

func TestRead(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("app/file", "text")
	c.link("current", "app")
	c.link("absolute", c.path("app"))
	c.link("out", "../elsewhere")
	c.link("loop", "loop")
	c.link("to-file", "app/file")
	c.commit()
	alias := filepath.Join(realPath(t, t.TempDir()), "alias")
	assert.NilError(t, os.Symlink(c.dir, alias))
	inner := filepath.Join(realPath(t, t.TempDir()), "inner")
	assert.NilError(t, os.Symlink(c.path("app"), inner))

	for name, tree := range map[string]*Tree{"revision": c.open("HEAD"), "disk": c.workingTree(Options{})} {
		t.Run(name, func(t *testing.T) {
			for _, p := range []string{c.path("app/file"), c.path("current/file"), c.path("absolute/file"), filepath.Join(alias, "app/file"), filepath.Join(alias, "current/file"), filepath.Join(inner, "file")} {
				text, err := tree.ReadFile(p)
				assert.NilError(t, err, p)
				assert.Equal(t, string(text), "text")
				stat, err := tree.Lstat(p)
				assert.NilError(t, err)
				assert.Equal(t, fmt.Sprint(stat.Path, stat.Size, os.FileMode(stat.Mode)), "file4 -rw-r--r--")
				id, unconverted := tree.BlobID(p)
				assert.Equal(t, id, c.git("rev-parse", "HEAD:app/file")) // on disk it is as in the index
				assert.Assert(t, unconverted)
			}
			assert.Equal(t, len(files(t, tree, c.path("current"), nil)), 1)
			for p, want := range map[string]error{
				c.path("to-file"):     ErrLink,
				c.path("none"):        fs.ErrNotExist,
				c.path("app/none/x"):  fs.ErrNotExist,
				c.path("app/file/x"):  fs.ErrNotExist,
				c.path("current/../"): nil,
			} {
				_, err := tree.ReadFile(p)
				assert.Assert(t, err != nil && (want == nil || errors.Is(err, want)), "%s: %v", p, err)
			}
			_, err := tree.ReadFile(c.path("out/x"))
			assert.ErrorContains(t, err, "leads out of "+c.dir)
			_, err = tree.FS(c.path("loop"))
			assert.ErrorContains(t, err, "too many")
			_, err = tree.FS("/")
			assert.ErrorContains(t, err, "is not below "+c.dir)
			rel, ok := tree.Rel(alias)
			assert.Assert(t, ok && rel == ".")
		})
	}
}
