package revision

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tonistiigi/fsutil"
	"gotest.tools/v3/assert"
)

// checkout is a repository that a test makes.
type checkout struct {
	t   testing.TB
	dir string
}

// alone keeps the settings of the machine away.
func alone(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git program in PATH")
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		t.Setenv("GIT_"+who+"_NAME", "a")
		t.Setenv("GIT_"+who+"_EMAIL", "a@example.com")
		t.Setenv("GIT_"+who+"_DATE", "2024-01-02T03:04:05Z")
	}
}

func newCheckout(t *testing.T) checkout {
	t.Helper()
	c := checkout{t: t, dir: realPath(t, t.TempDir())}
	c.git("init", "-q", "-b", "main")
	return c
}

// git runs without its gc in the background, which would be at work when the test removes the folder.
func (c checkout) git(args ...string) string {
	c.t.Helper()
	args = append([]string{"-c", "protocol.file.allow=always", "-c", "gc.auto=0"}, args...)
	cmd := exec.Command("git", args...)
	cmd.Dir = c.dir
	out, err := cmd.CombinedOutput()
	assert.NilError(c.t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

func (c checkout) path(name string) string { return filepath.Join(c.dir, filepath.FromSlash(name)) }

func (c checkout) write(name, content string) {
	c.t.Helper()
	assert.NilError(c.t, os.MkdirAll(filepath.Dir(c.path(name)), 0o755))
	assert.NilError(c.t, os.WriteFile(c.path(name), []byte(content), 0o644))
}

func (c checkout) link(name, target string) {
	c.t.Helper()
	assert.NilError(c.t, os.MkdirAll(filepath.Dir(c.path(name)), 0o755))
	assert.NilError(c.t, os.Symlink(target, c.path(name)))
}

func (c checkout) commit() string {
	c.t.Helper()
	c.git("add", "--all")
	c.git("commit", "-q", "--allow-empty", "-m", "x")
	return c.git("rev-parse", "HEAD")
}

func (c checkout) open(rev string) *Tree {
	c.t.Helper()
	tree, err := Open(c.t.Context(), c.dir, rev)
	assert.NilError(c.t, err)
	c.t.Cleanup(func() { assert.Check(c.t, tree.Close()) })
	return tree
}

func (c checkout) workingTree(o Options) *Tree {
	c.t.Helper()
	tree, err := WorkingTree(c.t.Context(), c.dir, o)
	assert.NilError(c.t, err)
	c.t.Cleanup(func() { assert.Check(c.t, tree.Close()) })
	return tree
}

// files tells all of a tree below a folder: names, modes, sizes, links, contents.
func files(t testing.TB, tree *Tree, dir string, opt *fsutil.FilterOpt) []string {
	t.Helper()
	below, err := tree.FS(dir)
	assert.NilError(t, err)
	below, err = fsutil.NewFilterFS(below, opt)
	assert.NilError(t, err)
	return walked(t, below)
}

func walked(t testing.TB, below fsutil.FS) []string {
	t.Helper()
	var lines []string
	err := below.Walk(context.Background(), "/", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %q %d", info.Mode(), name, info.Size())
		if stat := info.(*fsutil.StatInfo); stat.Linkname != "" {
			line += " -> " + stat.Linkname
		}
		if info.Mode().IsRegular() {
			line += fmt.Sprintf(" %q", content(t, below, name))
		}
		lines = append(lines, line)
		return nil
	})
	assert.NilError(t, err)
	return lines
}

func content(t testing.TB, below fsutil.FS, name string) string {
	t.Helper()
	rc, err := below.Open(name)
	assert.NilError(t, err)
	defer rc.Close()
	text, err := io.ReadAll(rc)
	assert.NilError(t, err)
	return string(text)
}

// same checks that a revision and the working tree are the same, which they are after a checkout.
func (c checkout) same() {
	c.t.Helper()
	at, disk := c.open("HEAD"), c.workingTree(Options{})
	assert.DeepEqual(c.t, files(c.t, at, c.dir, nil), files(c.t, disk, c.dir, nil))
	assert.DeepEqual(c.t, at.Missing(), disk.Missing())
}

func realPath(t testing.TB, name string) string {
	t.Helper()
	name, err := filepath.EvalSymlinks(name)
	assert.NilError(t, err)
	return name
}
