package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// repository is one that a test makes.
type repository struct {
	t   testing.TB
	dir string
}

// newRepository has a commit with files ("name" → text; "name*" is executable), and is the working directory.
func newRepository(t *testing.T, files map[string]string) repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git program in PATH")
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Setenv("GITHUB_BASE_REF", "")
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		t.Setenv("GIT_"+who+"_NAME", "a")
		t.Setenv("GIT_"+who+"_EMAIL", "a@example.com")
	}
	top, err := filepath.EvalSymlinks(t.TempDir())
	assert.NilError(t, err)
	r := repository{t, filepath.Join(top, "shop")}
	t.Setenv("CATMANDU_CACHE_DIR", filepath.Join(top, "cache"))
	r.write(files)
	t.Chdir(r.dir)
	r.git("init", "-q", "-b", "main")
	r.commit()
	return r
}

func (r repository) write(files map[string]string) {
	r.t.Helper()
	for name, text := range files {
		name, executable := strings.CutSuffix(name, "*")
		path := filepath.Join(r.dir, filepath.FromSlash(name))
		assert.NilError(r.t, os.MkdirAll(filepath.Dir(path), 0o755))
		mode := os.FileMode(0o644)
		if executable {
			mode = 0o755
		}
		assert.NilError(r.t, os.WriteFile(path, []byte(text), mode))
		assert.NilError(r.t, os.Chmod(path, mode))
	}
}

func (r repository) remove(name string) {
	r.t.Helper()
	assert.NilError(r.t, os.RemoveAll(filepath.Join(r.dir, name)))
}

func (r repository) rename(from, to string) {
	r.t.Helper()
	to = filepath.Join(r.dir, to)
	assert.NilError(r.t, os.MkdirAll(filepath.Dir(to), 0o755))
	assert.NilError(r.t, os.Rename(filepath.Join(r.dir, from), to))
}

// replace changes a text in a file.
func (r repository) replace(name, old, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	was, err := os.ReadFile(path)
	assert.NilError(r.t, err)
	assert.Assert(r.t, strings.Contains(string(was), old), "%s has no %q", name, old)
	assert.NilError(r.t, os.WriteFile(path, []byte(strings.ReplaceAll(string(was), old, text)), 0o644))
}

func (r repository) git(args ...string) string {
	r.t.Helper()
	args = append([]string{"-c", "protocol.file.allow=always", "-c", "gc.auto=0"}, args...)
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	assert.NilError(r.t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

func (r repository) commit() string {
	r.t.Helper()
	r.git("add", "--all")
	r.git("commit", "-q", "--allow-empty", "-m", "x")
	return r.git("rev-parse", "HEAD")
}
