package revision

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tonistiigi/fsutil"
	"gotest.tools/v3/assert"
)

// A context passes BuildKit's filters: .dockerignore and the files that a Dockerfile names, through links.
func TestFilter(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	for _, name := range []string{"app/a.go", "app/b.go", "app/test/c.go", "real/lib/x", "real/other", "docs/d.md", "README.md"} {
		c.write(name, name)
	}
	c.link("lib", "real/lib")
	c.link("two", "./lib/../other")
	c.link("again", "/lib")
	c.link("app/up", "../../../README.md")
	c.link("round", "round")
	c.commit()
	at, disk := c.open("HEAD"), c.workingTree(Options{})
	for _, test := range []struct {
		opt  fsutil.FilterOpt
		want int // 0: not counted by hand
	}{
		{opt: fsutil.FilterOpt{FollowPaths: []string{"lib"}}, want: 4},
		{opt: fsutil.FilterOpt{FollowPaths: []string{"lib/x"}}, want: 4},
		{opt: fsutil.FilterOpt{FollowPaths: []string{"again/x", "two"}}},
		{opt: fsutil.FilterOpt{FollowPaths: []string{"*", "app/*"}}},
		{opt: fsutil.FilterOpt{FollowPaths: []string{"/app/u*"}}, want: 3},
		{opt: fsutil.FilterOpt{FollowPaths: []string{"round", "none", "none/*", "app/a.go/x"}}},
		{opt: fsutil.FilterOpt{FollowPaths: []string{"/"}}, want: 17},
		{opt: fsutil.FilterOpt{FollowPaths: []string{"app"}, ExcludePatterns: []string{"**/*.go", "!app/b.go"}}},
		{opt: fsutil.FilterOpt{ExcludePatterns: []string{"*", "!app/test"}}, want: 3},
		{opt: fsutil.FilterOpt{IncludePatterns: []string{"re*"}, ExcludePatterns: []string{"real/lib"}}},
	} {
		opt := test.opt
		got := files(t, at, c.dir, &opt)
		assert.DeepEqual(t, got, files(t, disk, c.dir, &opt))
		if test.want > 0 {
			assert.Equal(t, len(got), test.want, "%+v: %q", opt, got)
		}
		opt.ExcludePatterns = append([]string{".git"}, opt.ExcludePatterns...)
		onDisk, err := fsutil.NewFS(c.dir)
		assert.NilError(t, err)
		onDisk, err = fsutil.NewFilterFS(onDisk, &opt)
		assert.NilError(t, err)
		assert.DeepEqual(t, withoutModes(got), withoutModes(walked(t, onDisk)))
	}
}

// Walk answers as that of fsutil does, also to what its caller wants skipped.
func TestWalk(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	for _, name := range []string{"a/1", "a/2", "b/1", "c"} {
		c.write(name, "")
	}
	c.commit()
	assert.NilError(t, os.RemoveAll(c.path(".git/hooks")))
	at, err := c.open("HEAD").FS(c.dir)
	assert.NilError(t, err)
	onDisk, err := fsutil.NewFS(c.dir)
	assert.NilError(t, err)
	for _, target := range []string{"", "/", ".", "a", "/a", "a/", "a/1", "none", "a/none", "c"} {
		for _, at1 := range []string{"", "a", "a/1", "c", "none"} {
			for _, answer := range []error{nil, fs.SkipDir, fs.SkipAll, fs.ErrNotExist, fs.ErrInvalid} {
				steps := func(below fsutil.FS) string {
					var seen []string
					err := below.Walk(context.Background(), target, func(name string, e fs.DirEntry, err error) error {
						if name == ".git" {
							return fs.SkipDir
						}
						seen = append(seen, fmt.Sprintf("%s %v %v", name, e != nil && e.IsDir(), err != nil))
						if name == at1 {
							return answer
						}
						return err
					})
					return fmt.Sprintf("%q %v", seen, err)
				}
				assert.Equal(t, steps(at), steps(onDisk), "%q %q %v", target, at1, answer)
			}
		}
	}
	_, err = at.Open("a")
	assert.ErrorContains(t, err, "is a directory")
}

func TestSkeleton(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("compose.yaml", "name: x")
	c.write("web/Dockerfile.dev", "FROM scratch")
	c.write("web/dev.Dockerfile.dockerignore", "*")
	c.write("web/src/deep/main.go", "package main")
	c.write("web/.env.local", "A=1")
	c.write("web/settings", "B=1")
	c.write("big.yaml", string(bytes.Repeat([]byte("x"), skeletonSize+1)))
	c.link("current", "web")
	c.link("absolute.yaml", c.path("compose.yaml"))
	c.link("outside.yaml", "../other/compose.yaml")
	c.link("to-settings", "web/settings")
	c.commit()
	for name, tree := range map[string]*Tree{"revision": c.open("HEAD"), "disk": c.workingTree(Options{})} {
		t.Run(name, func(t *testing.T) {
			to := t.TempDir()
			for range 2 { // also over an older one
				assert.NilError(t, tree.Skeleton(t.Context(), to, c.path("to-settings"), c.path("none"), "/elsewhere"))
			}
			var got []string
			assert.NilError(t, filepath.WalkDir(to, func(p string, e fs.DirEntry, err error) error {
				rel, _ := filepath.Rel(to, p)
				if e.Type()&fs.ModeSymlink != 0 {
					target, _ := os.Readlink(p)
					rel += " -> " + target
				}
				got = append(got, rel)
				return err
			}))
			assert.DeepEqual(t, got, []string{
				".", "absolute.yaml -> " + filepath.Join(to, "compose.yaml"), "compose.yaml", "current -> web",
				"outside.yaml -> " + filepath.Join(filepath.Dir(c.dir), "other/compose.yaml"), "to-settings -> web/settings",
				"web", "web/.env.local", "web/Dockerfile.dev", "web/dev.Dockerfile.dockerignore", "web/settings", "web/src", "web/src/deep",
			})
			text, err := os.ReadFile(filepath.Join(to, "current/Dockerfile.dev"))
			assert.NilError(t, err)
			assert.Equal(t, string(text), "FROM scratch")
		})
	}
}

// A file too large for memory comes through a process of its own.
func TestLarge(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	assert.NilError(t, os.WriteFile(c.path("large"), bytes.Repeat([]byte("0123456789abcdef"), large/16+1), 0o644))
	c.commit()
	tree := c.open("HEAD")
	text, err := tree.ReadFile(c.path("large"))
	assert.NilError(t, err)
	assert.Equal(t, len(text), large+16)
	below, err := tree.FS(c.dir)
	assert.NilError(t, err)
	rc, err := below.Open("large")
	assert.NilError(t, err)
	assert.NilError(t, rc.Close()) // unread
}

// BenchmarkOpen has the 50 000 files of a large repository.
func BenchmarkOpen(b *testing.B) {
	c := checkout{t: b, dir: b.TempDir()}
	c.git("init", "-q")
	for i := range 50_000 {
		c.write(fmt.Sprintf("pkg%d/dir%d/file%d.txt", i/1000, i/50%20, i), fmt.Sprint(i))
	}
	c.git("add", ".")
	c.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")
	c.git("gc", "-q")
	walk := func(b *testing.B, open func() (*Tree, error)) {
		for b.Loop() {
			started := time.Now()
			tree, err := open()
			assert.NilError(b, err)
			b.ReportMetric(float64(time.Since(started).Milliseconds()), "ms/open")
			below, err := tree.FS(tree.Root())
			assert.NilError(b, err)
			n := 0
			assert.NilError(b, below.Walk(b.Context(), "", func(_ string, e fs.DirEntry, _ error) error {
				n++
				_, err := e.Info()
				return err
			}))
			assert.Equal(b, n, 50_000+50+1000)
			assert.NilError(b, tree.Close())
		}
	}
	b.Run("revision", func(b *testing.B) {
		walk(b, func() (*Tree, error) { return Open(b.Context(), c.dir, "HEAD") })
	})
	b.Run("disk", func(b *testing.B) {
		walk(b, func() (*Tree, error) { return WorkingTree(b.Context(), c.dir, Options{}) })
	})
	c.write(".gitattributes", "* text=auto\n")
	c.git("add", ".")
	c.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")
	b.Run("attributes", func(b *testing.B) {
		for b.Loop() {
			tree, err := Open(b.Context(), c.dir, "HEAD")
			assert.NilError(b, err)
			assert.NilError(b, tree.Close())
		}
	})
}
