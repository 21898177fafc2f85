package revision

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"gotest.tools/v3/assert"
)

// A build reads what a checkout wrote, not what git keeps.
func TestConversions(t *testing.T) {
	for name, settings := range map[string][]string{
		"attributes":   nil,
		"autocrlf":     {"core.autocrlf", "true"},
		"eol":          {"core.eol", "crlf"},
		"input":        {"core.autocrlf", "input"},
		"no symlinks":  {"core.symlinks", "false"},
		"clean filter": {"filter.upper.smudge", "tr a-z A-Z"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			c := newCheckout(t)
			if settings != nil {
				c.git("config", settings[0], settings[1])
			}
			c.write(".gitattributes", "* text=auto\n*.bat eol=crlf\n*.id ident\n*.bin -text\n*.up filter=upper\n*.utf16 text working-tree-encoding=UTF-16LE\n")
			c.write("sub/.gitattributes", "*.bat eol=lf\n")
			for _, file := range []string{"plain", "x.bat", "sub/x.bat", "x.bin", "x.up", " leading space.bat", "line\nbreak.bat", "with space.bat", "cr\r.bat"} {
				c.write(file, "a\nb\n")
			}
			c.write("empty.bat", "")
			c.write("x.id", "$Id$\n")
			c.write("x.utf16", "a\x00\n\x00")
			c.link("link", "x.bat")
			c.commit()
			c.git("rm", "-rq", "--cached", ".")
			c.git("reset", "-q", "--hard")
			c.same()

			tree := c.open("HEAD")
			text, err := tree.ReadFile(c.path("x.bat"))
			assert.NilError(t, err)
			assert.Equal(t, string(text), "a\r\nb\r\n")
			_, unconverted := tree.BlobID(c.path("x.bat"))
			assert.Assert(t, !unconverted)
			_, unconverted = tree.BlobID(c.path("x.bin"))
			assert.Assert(t, unconverted)
			_, unconverted = tree.BlobID(c.path("plain"))
			assert.Equal(t, unconverted, settings == nil || settings[0] != "core.eol" && settings[1] != "true")
		})
	}
}

// The attributes of another revision are its own, not those of the working tree.
func TestAttributesOfRevision(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("dir/x.txt", "a\n")
	c.write("dir/.gitattributes", "*.txt eol=crlf\n")
	c.commit()
	c.git("rm", "-q", "dir/.gitattributes")
	c.write(".gitattributes", "*.txt -text\n")
	c.commit()
	for rev, want := range map[string]string{"HEAD": "a\n", "HEAD~1": "a\r\n"} {
		text, err := c.open(rev).ReadFile(c.path("dir/x.txt"))
		assert.NilError(t, err)
		assert.Equal(t, string(text), want)
	}
}

// A filter that is not installed changes nothing, as LFS without git-lfs.
func TestNoFilter(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
	c.write("x.bin", "version https://git-lfs.github.com/spec/v1\n")
	c.commit()
	c.same()
	_, unconverted := c.open("HEAD").BlobID(c.path("x.bin"))
	assert.Assert(t, unconverted)
}

func TestGlobalAttributes(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write("x.txt", "a\n")
	c.commit()
	c.write(".git/info/attributes", "*.txt eol=crlf\n")
	text, err := c.open("HEAD").ReadFile(c.path("x.txt"))
	assert.NilError(t, err)
	assert.Equal(t, string(text), "a\r\n")
}

// Neither the repository nor the folder for temporary files has more than before.
func TestLeavesNothing(t *testing.T) {
	alone(t)
	c := newCheckout(t)
	c.write(".gitattributes", "* eol=crlf\n")
	c.write("x", "a\n")
	c.commit()
	c.write("x", "a\n") // git would look at it anew, and note that in its index
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	repository := os.DirFS(c.path(".git"))
	before := listed(t, repository)

	tree, err := Open(t.Context(), c.dir, "HEAD")
	assert.NilError(t, err)
	_, err = tree.ReadFile(c.path("x"))
	assert.NilError(t, err)
	disk, err := WorkingTree(t.Context(), c.dir, Options{})
	assert.NilError(t, err)
	files(t, disk, c.dir, nil)
	assert.NilError(t, errors.Join(tree.Close(), disk.Close()))
	assert.DeepEqual(t, listed(t, repository), before)
	assert.Equal(t, len(listed(t, os.DirFS(temporary))), 1)
}

func listed(t *testing.T, dir fs.FS) []string {
	t.Helper()
	var lines []string
	assert.NilError(t, fs.WalkDir(dir, ".", func(name string, e fs.DirEntry, err error) error {
		info, err2 := e.Info()
		lines = append(lines, fmt.Sprint(name, info.Size(), info.ModTime()))
		return errors.Join(err, err2)
	}))
	return lines
}
