package edit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// view is what BuildKit compares of a COPY . . of a folder, and the files of it.
func view(t testing.TB, dir string) (key string, files []steps.File) {
	t.Helper()
	g := graph(t, dir, "web", "", nil)
	s := &g.Steps[len(g.Steps)-1]
	assert.Equal(t, s.Unknown, "")
	s.LoadTakes()
	return s.Files, s.Takes
}

// grow makes a random tree below dir.
func grow(t testing.TB, r *rand.Rand, dir string) {
	t.Helper()
	write(t, dir, map[string]string{"Dockerfile": "FROM node\nCOPY . .\n"})
	words := []string{"a", "b", "c.md", "src", "lib", "node_modules", ".git", "x y", "ü"}
	folders, files := []string{"."}, []string{"Dockerfile"}
	name := func() string {
		return filepath.Join(folders[r.IntN(len(folders))], words[r.IntN(len(words))])
	}
	for range 5 + r.IntN(40) {
		to := name()
		file := filepath.Join(dir, to)
		if _, err := os.Lstat(file); err == nil {
			continue
		}
		switch r.IntN(8) {
		case 0, 1:
			assert.NilError(t, os.Mkdir(file, 0o755))
			folders = append(folders, to)
		case 2:
			targets := []string{"../a", "/etc/passwd", "gone", "../../..", files[r.IntN(len(files))]}
			assert.NilError(t, os.Symlink(targets[r.IntN(len(targets))], file))
		case 3:
			assert.NilError(t, os.Link(filepath.Join(dir, files[r.IntN(len(files))]), file))
		default:
			assert.NilError(t, os.WriteFile(file, fmt.Append(nil, r.IntN(3)), 0o600))
			assert.NilError(t, os.Chmod(file, []os.FileMode{0o644, 0o755, 0o400, 0o666 | fs.ModeSetgid}[r.IntN(4)]))
			at := time.Unix(r.Int64N(1<<31), r.Int64N(1e9))
			assert.NilError(t, os.Chtimes(file, at, at))
			files = append(files, to)
		}
	}
	patterns := []string{"*", "**/a", "!**/b", "node_modules", "**/.git", "src/*", "!src/lib", "*.md", "!lib", "# x", "Dockerfile", "/a/", "!a/b/c.md", ".dockerignore"}
	var ignored []string
	for range r.IntN(5) {
		ignored = append(ignored, patterns[r.IntN(len(patterns))])
	}
	names := []string{".dockerignore", "Dockerfile.dockerignore"}
	for _, name := range names[:r.IntN(3)] {
		write(t, dir, map[string]string{name: strings.Join(ignored, "\n")})
		ignored = append(ignored, "lib")
	}
	assert.NilError(t, os.Chmod(filepath.Join(dir, folders[len(folders)-1]), 0o755))
}

// To BuildKit a copy is the same as the original, whatever is ignored.
func TestCopyIsTheSameToBuildKit(t *testing.T) {
	for seed := range uint64(50) {
		dir, into := t.TempDir(), filepath.Join(t.TempDir(), "copy")
		grow(t, rand.New(rand.NewPCG(seed, 1)), dir)
		_, err := Copy(context.Background(), dir, into, "Dockerfile")
		assert.NilError(t, err, "seed %d", seed)
		key, files := view(t, dir)
		copied, same := view(t, into)
		assert.DeepEqual(t, same, files)
		assert.Equal(t, copied, key, "seed %d", seed)
		assert.NilError(t, Remove(into))
	}
}

func TestCopy(t *testing.T) {
	dir, into := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	write(t, dir, map[string]string{
		"docker/Dockerfile": "FROM node", "docker/Dockerfile.dockerignore": "node_modules\n.git\ndocker\n.dockerignore\n*.sock",
		".dockerignore": "src", "src/a.go": "a", "bin/tool": "!", "node_modules/x/y": "z", ".git/config": "x",
	})
	assert.NilError(t, os.Symlink("a.go", filepath.Join(dir, "src/link")))
	assert.NilError(t, os.Link(filepath.Join(dir, "src/a.go"), filepath.Join(dir, "src/also.go")))
	old := time.Unix(1e9, 123456789)
	for _, name := range []string{"src/a.go", "src"} {
		assert.NilError(t, os.Chtimes(filepath.Join(dir, name), old, old))
	}
	assert.NilError(t, os.Chmod(filepath.Join(dir, "bin"), 0o555))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "bin"), 0o755) })

	c, err := Copy(context.Background(), dir, into, filepath.Join(dir, "docker/Dockerfile"))
	assert.NilError(t, err)
	assert.DeepEqual(t, tree(t, into), []string{
		"-rw-r--r-- .dockerignore", "dr-xr-xr-x bin", "-rwxr-xr-x bin/tool", "drwxr-xr-x docker", "-rw-r--r-- docker/Dockerfile",
		"-rw-r--r-- docker/Dockerfile.dockerignore", "drwxr-xr-x src", "-rw-r--r-- src/a.go", "-rw-r--r-- src/also.go", "Lrwxrwxrwx src/link",
	})
	assert.Equal(t, fmt.Sprint(c.Files, c.Folders, c.Links, c.Bytes), "6 3 1 68")
	assert.Equal(t, len(c.Left), 0)
	for _, name := range []string{"src/a.go", "src"} {
		info, err := os.Stat(filepath.Join(into, name))
		assert.NilError(t, err)
		assert.Assert(t, info.ModTime().Equal(old))
	}
	info := func(dir, name string) os.FileInfo {
		info, err := os.Lstat(filepath.Join(dir, name))
		assert.NilError(t, err)
		return info
	}
	assert.Assert(t, os.SameFile(info(into, "src/a.go"), info(into, "src/also.go")))
	assert.Assert(t, !os.SameFile(info(into, "src/a.go"), info(dir, "src/a.go")), "the user's files are theirs")

	assert.NilError(t, Remove(into))
	_, err = os.Stat(into)
	assert.Assert(t, errors.Is(err, fs.ErrNotExist))
}

// An ignore file may be a link, to one that is ignored itself.
func TestCopyFollowsTheIgnoreFile(t *testing.T) {
	dir, into := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	write(t, dir, map[string]string{"Dockerfile": "FROM node\nCOPY . .\n", "etc/ignore": "etc\nsecret", "secret": "x", "a": "x"})
	assert.NilError(t, os.Symlink("/../etc/ignore", filepath.Join(dir, ".dockerignore")))
	_, err := Copy(context.Background(), dir, into, "")
	assert.NilError(t, err)
	assert.DeepEqual(t, tree(t, into), []string{"Lrwxrwxrwx .dockerignore", "-rw-r--r-- Dockerfile", "-rw-r--r-- a", "drwxr-xr-x etc", "-rw-r--r-- etc/ignore"})
}

func TestCopyErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "a", "bad/.dockerignore": "a", "bad/Dockerfile.dockerignore": "[", "full/x": "x"})
	for _, tc := range []struct{ from, into, dockerfile, want string }{
		{dir, filepath.Join(dir, "inside"), "", "can't lie in the original"},
		{filepath.Join(dir, "bad"), filepath.Join(dir, "full"), "", "is not empty"},
		{filepath.Join(dir, "gone"), filepath.Join(dir, "new"), "", "no such file"},
		{filepath.Join(dir, "bad"), filepath.Join(dir, "other"), "Dockerfile", "["},
	} {
		_, err := Copy(context.Background(), tc.from, tc.into, tc.dockerfile)
		assert.Assert(t, is.ErrorContains(err, tc.want))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Copy(ctx, filepath.Join(dir, "full"), filepath.Join(dir, "cancelled"), "")
	assert.Assert(t, errors.Is(err, context.Canceled))
}

// tree lists modes and paths.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("modes are Unix's")
	}
	var out []string
	assert.NilError(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := entry.Info()
		rel, _ := filepath.Rel(dir, name)
		out = append(out, fmt.Sprint(info.Mode(), " ", filepath.ToSlash(rel)))
		return err
	}))
	return out
}
