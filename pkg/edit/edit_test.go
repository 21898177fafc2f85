package edit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

const (
	nonce   = "session/1"
	comment = "catmandu bench " // and the mark
)

func TestApply(t *testing.T) {
	m := comment + mark(nonce)
	blank := code(nonce, " ", "\t")
	php := "<?php\necho 1;"
	for _, tc := range []struct{ name, text, want string }{
		{"a.go", "package a\n", "package a\n// " + m + "\n"},
		{"a.go", "package a", "package a\n// " + m + "\n"},
		{"a.go", "", "// " + m + "\n"},
		{"a.ts", "a\r\n", "a\r\n// " + m + "\r\n"},
		{"a.c", "#define A \\\n", "#define A \\\n\n/* " + m + " */\n"},
		{"a.css", "a{}", "a{}\n/* " + m + " */\n"},
		{"a.py", "x = 1 \\", "x = 1 \\\n\n# " + m + "\n"},
		{"a.sh", "cat <<EOF\nEOF", "cat <<EOF\nEOF\n# " + m + "\n"},
		{"price", "#!/bin/sh\n", "#!/bin/sh\n# " + m + "\n"},
		{"serve", "#!/usr/bin/env -S node --x\n", "#!/usr/bin/env -S node --x\n// " + m + "\n"},
		{"run", "#! /usr/bin/python3.12 -u\n", "#! /usr/bin/python3.12 -u\n# " + m + "\n"},
		{"index.html", "<p>", "<p>\n<!-- " + m + " -->\n"},
		{"pom.xml", "<a/>\n", "<a/>\n<!-- " + m + " -->\n"},
		{"Shop.csproj", "<a/>\n", "<a/>\n<!-- " + m + " -->\n"},
		{"a.sql", "x;\n", "x;\n-- " + m + "\n"},
		{"go.mod", "module a\n", "module a\n// " + m + "\n"},
		{"requirements.txt", "a\n", "a\n# " + m + "\n"},
		{"dev-requirements.txt", "a \\\n", "a \\\n\n# " + m + "\n"},
		{"CMakeLists.txt", "a\n", "a\n# " + m + "\n"},
		{"Gemfile", "a\n", "a\n# " + m + "\n"},
		{"Cargo.toml", "a\n", "a\n# " + m + "\n"},
		{"Dockerfile.dev", "RUN a \\\n", "RUN a \\\n\n# " + m + "\n"},
		{"web.Dockerfile", "FROM a\n", "FROM a\n# " + m + "\n"},
		{"a.php", php, php + "\n// " + m + "\n"},
		{"a.php", php + "\n?>\n<p>", php + "\n?>\n<p>\n" + blank + "\n"},
		{"a.rb", "a\n__END__\nb\n", "a\n__END__\nb\n" + blank + "\n"},
		{"package.json", "{}", "{}\n" + blank + "\n"},
		{"package.json", "{}\n", "{}\n" + blank + "\n"},
		{"LICENSE", "a\n", "a\n" + blank + "\n"},
		{"a.rst", "a\n", "a\n" + blank + "\n"},
		{"a.csv", "a,b", "a,b\n" + code(nonce, "\n", "\r\n")},
		{"packages.txt", "a\nb\n", "a\n" + blank + "b\n"},
		{"packages.txt", "a", blank + "a"},
		{"packages.txt", "a\n\n", blank + "a\n\n"},
		{"packages.txt", "a\n# b\n", "a\n# b\n" + blank + "\n"},
		{"packages.txt", "", blank + "\n"},
		{"logo.png", "\x89PNG\x00", "\x89PNG\x00" + mark(nonce)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := t.TempDir()
			file := filepath.Join(root, "sub", tc.name)
			write(t, root, map[string]string{"sub/" + tc.name: tc.text})
			assert.NilError(t, os.Chmod(file, 0o750))
			old := time.Unix(1e9, 987654321)
			for _, name := range []string{file, filepath.Dir(file), root} {
				assert.NilError(t, os.Chtimes(name, old, old))
			}
			before := state(t, root)
			for range 2 {
				e, err := Apply(root, "sub/"+tc.name, nonce)
				assert.NilError(t, err)
				assert.DeepEqual(t, e.Paths, []string{"sub/" + tc.name})
				text, err := os.ReadFile(file)
				assert.NilError(t, err)
				assert.Equal(t, string(text), tc.want)
				info, err := os.Stat(file)
				assert.NilError(t, err)
				assert.Equal(t, info.Mode(), os.FileMode(0o750))
				assert.Assert(t, info.ModTime().After(old))
				assert.NilError(t, e.Revert())
				assert.DeepEqual(t, state(t, root), before)
				assert.NilError(t, e.Revert())
			}
		})
	}
}

// state is all of a tree: modes, times and contents.
func state(t testing.TB, dir string) []string {
	t.Helper()
	out := tree(t, dir)
	for i, line := range out {
		name := filepath.Join(dir, line[strings.IndexByte(line, ' ')+1:])
		info, err := os.Lstat(name)
		assert.NilError(t, err)
		out[i] += fmt.Sprint(" ", info.ModTime().UnixNano())
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(name)
			assert.NilError(t, err)
			out[i] += fmt.Sprintf(" %q", text)
		}
	}
	info, err := os.Lstat(dir)
	assert.NilError(t, err)
	return append(out, fmt.Sprint(info.Mode(), info.ModTime().UnixNano()))
}

// Every nonce makes another content, in every kind of file.
func TestApplyIsUnique(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"a.go": "x\n", "a.json": "{}", "a.txt": "x\n", "a.csv": "x\n", "a.bin": "\x00"})
	for _, name := range []string{"a.go", "a.json", "a.txt", "a.csv", "a.bin"} {
		seen := map[string]bool{}
		for i := range 20 {
			e, err := Apply(root, name, fmt.Sprint(i))
			assert.NilError(t, err)
			text, err := os.ReadFile(filepath.Join(root, name))
			assert.NilError(t, err)
			assert.Assert(t, !seen[string(text)], name)
			seen[string(text)] = true
			assert.NilError(t, e.Revert())
		}
	}
}

// Of a large file only begin and end are looked at.
func TestApplyToALargeFile(t *testing.T) {
	root := t.TempDir()
	line := strings.Repeat("x", 1023) + "\n"
	text := strings.Repeat(line, wholeSize/len(line)+1)
	write(t, root, map[string]string{"a.txt": text})
	e, err := Apply(root, "a.txt", nonce)
	assert.NilError(t, err)
	edited, err := os.ReadFile(filepath.Join(root, "a.txt"))
	assert.NilError(t, err)
	at := len(text) - len(line)
	assert.Assert(t, string(edited) == text[:at]+code(nonce, " ", "\t")+text[at:])
	assert.NilError(t, e.Revert())
	edited, err = os.ReadFile(filepath.Join(root, "a.txt"))
	assert.NilError(t, err)
	assert.Assert(t, string(edited) == text)
}

func TestApplyErrors(t *testing.T) {
	root, other := t.TempDir(), t.TempDir()
	write(t, root, map[string]string{"sub/a.go": "a\n"})
	write(t, other, map[string]string{"a.go": "a\n"})
	assert.NilError(t, os.Symlink(filepath.Join(other, "a.go"), filepath.Join(root, "out.go")))
	assert.NilError(t, os.Symlink(other, filepath.Join(root, "out")))
	assert.NilError(t, os.Symlink("sub/a.go", filepath.Join(root, "in.go")))
	for path, want := range map[string]string{
		"out.go": "a link leads out of the build context", "out/a.go": "a link leads out", "../a.go": "must be a path within the build context",
		"/etc/passwd": "must be a path within", "sub": "is a folder; name a file in it", "gone": "or .dockerignore keeps it out",
	} {
		_, err := Apply(root, path, nonce)
		assert.Assert(t, is.ErrorContains(err, want), path)
	}
	e, err := Apply(root, "in.go", nonce)
	assert.NilError(t, err)
	assert.DeepEqual(t, e.Paths, []string{"sub/a.go"})
	write(t, root, map[string]string{"sub/a.go": "somebody else's"})
	assert.Assert(t, is.ErrorContains(e.Revert(), "something else changed it"))
	text, err := os.ReadFile(filepath.Join(root, "sub/a.go"))
	assert.NilError(t, err)
	assert.Equal(t, string(text), "somebody else's")
}

// A time of the future is no reason for a tool to take the edit for old.
func TestApplyToAFileOfTheFuture(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"a.c": "a\n"})
	file := filepath.Join(root, "a.c")
	future := time.Now().Add(time.Hour)
	assert.NilError(t, os.Chtimes(file, future, future))
	e, err := Apply(root, "a.c", nonce)
	assert.NilError(t, err)
	info, err := os.Stat(file)
	assert.NilError(t, err)
	assert.Assert(t, info.ModTime().After(future))
	assert.NilError(t, e.Revert())
}
