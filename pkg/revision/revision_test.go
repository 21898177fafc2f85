package revision

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tonistiigi/fsutil"
	"gotest.tools/v3/assert"
)

// What git can keep is the same from its objects and on disk, in the order in which fsutil walks a disk.
func TestFiles(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("a.txt", "a\n")
	c.write("a/deep/er/file", "x")
	c.write("a-b", "before a.txt, after a")
	c.write("empty", "")
	c.write("with space", "1")
	c.write("ünïcode/☃", "2")
	c.write("line\nbreak", "3")
	c.write(`quo"te'\back`, "4")
	c.write("tab\t", "5")
	c.write("run.sh", "#!/bin/sh\n")
	assert.NilError(t, os.Chmod(c.path("run.sh"), 0o700))
	assert.NilError(t, os.Chmod(c.path("a.txt"), 0o600))
	c.link("links/up", "../a.txt")
	c.link("links/nowhere", "/does/not/exist")
	c.link("links/dir", "../a")
	commit := c.commit()
	c.write(".git/info/exclude", "")
	c.same()

	tree := c.open("HEAD")
	assert.Equal(t, tree.Commit(), commit)
	assert.Equal(t, tree.Root(), c.dir)
	assert.Equal(t, c.workingTree(Options{}).Commit(), "")
	assert.DeepEqual(t, files(t, tree, c.dir, nil), []string{
		`drwxr-xr-x "a" 0`,
		`drwxr-xr-x "a/deep" 0`,
		`drwxr-xr-x "a/deep/er" 0`,
		`-rw-r--r-- "a/deep/er/file" 1 "x"`,
		`-rw-r--r-- "a-b" 21 "before a.txt, after a"`,
		`-rw-r--r-- "a.txt" 2 "a\n"`,
		`-rw-r--r-- "empty" 0 ""`,
		`-rw-r--r-- "line\nbreak" 1 "3"`,
		`drwxr-xr-x "links" 0`,
		`Lrwxrwxrwx "links/dir" 4 -> ../a`,
		`Lrwxrwxrwx "links/nowhere" 15 -> /does/not/exist`,
		`Lrwxrwxrwx "links/up" 8 -> ../a.txt`,
		`-rw-r--r-- "quo\"te'\\back" 1 "4"`,
		`-rwxr-xr-x "run.sh" 10 "#!/bin/sh\n"`,
		`-rw-r--r-- "tab\t" 1 "5"`,
		`-rw-r--r-- "with space" 1 "1"`,
		`drwxr-xr-x "ünïcode" 0`,
		`-rw-r--r-- "ünïcode/☃" 1 "2"`,
	})
	assert.DeepEqual(t, files(t, tree, c.path("a/deep"), nil), []string{
		`drwxr-xr-x "er" 0`,
		`-rw-r--r-- "er/file" 1 "x"`,
	})
}

// Whatever the tree, a revision is what its checkout is; the names and their order are those of fsutil on disk.
func TestRandomTrees(t *testing.T) {
	alone(t)
	for seed := range int64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewSource(seed))
			c := newCheckout(t)
			names := []string{"a", "b", "a.b", "a-b", "A b", "ä", "a\nb", " a", "a ", `"`, "0", "~", "*", ".x"}
			name := func() string { return names[random.Intn(len(names))] }
			for range 60 {
				parts := []string{name()}
				for random.Intn(3) > 0 && len(parts) < 5 {
					parts = append(parts, name())
				}
				full := c.path(strings.Join(parts, "/"))
				if os.MkdirAll(filepath.Dir(full), 0o755) != nil {
					continue // a file is there
				}
				if random.Intn(5) == 0 {
					_ = os.Symlink(strings.Repeat("../", random.Intn(3))+name(), full)
					continue
				}
				text := strings.Repeat("x\r\ny\n", random.Intn(4)) + strings.Repeat("z", random.Intn(200))
				_ = os.WriteFile(full, []byte(text), []os.FileMode{0o600, 0o755, 0o444}[random.Intn(3)])
			}
			c.commit()
			c.same()
			c.git("rm", "-rq", "--cached", ".")
			c.git("reset", "-q", "--hard")
			c.git("clean", "-qdfx")
			c.same()

			disk, err := fsutil.NewFS(c.dir)
			assert.NilError(t, err)
			disk, err = fsutil.NewFilterFS(disk, &fsutil.FilterOpt{ExcludePatterns: []string{".git"}})
			assert.NilError(t, err)
			assert.DeepEqual(t, withoutModes(files(t, c.open("HEAD"), c.dir, nil)), withoutModes(walked(t, disk)))
		})
	}
}

// withoutModes leaves the modes out.
func withoutModes(lines []string) []string {
	var names []string
	for _, line := range lines {
		_, name, _ := strings.Cut(line, ` "`)
		if !strings.HasPrefix(line, "d") { // folders have sizes on disk
			names = append(names, name)
		}
	}
	return names
}

func TestWorkingTree(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write(".gitignore", "node_modules/\n*.log\n!kept.log\n")
	c.write("src/old/gone.txt", "1")
	c.write("src/changed.txt", "1")
	c.write("becomes/dir", "1")
	c.write("file", "1")
	c.write("tracked.log/x.log", "1")
	c.git("add", "-f", "tracked.log")
	c.commit()
	assert.NilError(t, os.Remove(c.path("src/old/gone.txt"))) // the folder stays, empty
	c.write("src/changed.txt", "22")
	c.write("src/new.txt", "3")
	c.write("node_modules/x/index.js", "4")
	c.write("out/only.log", "5")
	c.write("kept.log", "6")
	assert.NilError(t, os.RemoveAll(c.path("becomes")))
	c.link("becomes", "src") // becomes/dir is no file of the project now
	c.write("src/dir", "7")
	assert.NilError(t, os.Remove(c.path("file")))
	c.write("file/below", "8")

	want := []string{
		`-rw-r--r-- ".gitignore" 30 "node_modules/\n*.log\n!kept.log\n"`,
		`Lrwxrwxrwx "becomes" 3 -> src`,
		`drwxr-xr-x "file" 0`,
		`-rw-r--r-- "file/below" 1 "8"`,
		`-rw-r--r-- "kept.log" 1 "6"`,
		`drwxr-xr-x "src" 0`,
		`-rw-r--r-- "src/changed.txt" 2 "22"`,
		`-rw-r--r-- "src/dir" 1 "7"`,
		`-rw-r--r-- "src/new.txt" 1 "3"`,
		`drwxr-xr-x "tracked.log" 0`,
		`-rw-r--r-- "tracked.log/x.log" 1 "1"`,
	}
	assert.DeepEqual(t, files(t, c.workingTree(Options{}), c.dir, nil), want)
	all := files(t, c.workingTree(Options{Ignored: true}), c.dir, nil)
	assert.Equal(t, len(all), len(want)+5, "%q", all)
	c.commit()
	c.same()
}

// Without modes on disk the index has them.
func TestFileMode(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("run.sh", "")
	c.write("plain", "")
	c.git("add", ".")
	c.git("update-index", "--chmod=+x", "run.sh")
	c.git("commit", "-qm", "x")
	c.git("config", "core.fileMode", "false")
	assert.NilError(t, os.Chmod(c.path("plain"), 0o755))
	c.write("untracked", "")
	assert.NilError(t, os.Chmod(c.path("untracked"), 0o755))
	assert.DeepEqual(t, files(t, c.workingTree(Options{}), c.dir, nil), []string{
		`-rw-r--r-- "plain" 0 ""`, `-rwxr-xr-x "run.sh" 0 ""`, `-rw-r--r-- "untracked" 0 ""`,
	})
}
