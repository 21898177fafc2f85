package edit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
)

// insertion is what an edit puts into a file.
type insertion struct {
	at   int64
	text []byte
	how  string
}

// Limits of what is looked at of a file to see how it may be edited.
const (
	wholeSize = 16 << 20
	headSize  = 8 << 10
	tailSize  = 64 << 10
)

// sample is a file, or its begin and end where it is large.
type sample struct {
	size       int64
	head, tail []byte
}

func sampleOf(f *os.File, size int64) (sample, error) {
	s := sample{size: size}
	if size <= wholeSize {
		text := make([]byte, size)
		if _, err := f.ReadAt(text, 0); err != nil && size > 0 {
			return s, err
		}
		s.head, s.tail = text[:min(headSize, len(text))], text
		return s, nil
	}
	s.head, s.tail = make([]byte, headSize), make([]byte, tailSize)
	if _, err := f.ReadAt(s.head, 0); err != nil {
		return s, err
	}
	_, err := f.ReadAt(s.tail, size-tailSize)
	if errors.Is(err, io.EOF) { // it ends there
		err = nil
	}
	return s, err
}

func (s sample) isWhole() bool { return int64(len(s.tail)) == s.size }

// isBinary is git's rule, for the end as well: a script may carry an archive.
func (s sample) isBinary() bool {
	end := s.tail[max(0, len(s.tail)-headSize):]
	return bytes.IndexByte(s.head, 0) >= 0 || bytes.IndexByte(end, 0) >= 0
}

// eol is how the lines of the file end.
func (s sample) eol() string {
	if i := bytes.LastIndexByte(s.tail, '\n'); i > 0 && s.tail[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// lead is what has to stand before a further line: the end of the last one, and an empty line where a backslash would join the
// two.
func (s sample) lead() string {
	if len(s.tail) == 0 {
		return ""
	}
	out := ""
	last := s.tail
	if !bytes.HasSuffix(last, []byte("\n")) {
		out = s.eol()
	}
	last = bytes.TrimSuffix(bytes.TrimSuffix(last, []byte("\n")), []byte("\r"))
	if bytes.HasSuffix(last, []byte(`\`)) {
		out += s.eol()
	}
	return out
}

// insertionOf decides how a file is edited: with a comment where its language has one that can stand at the end, else with
// white space.
func insertionOf(name string, s sample, nonce string) insertion {
	if s.isBinary() {
		return insertion{s.size, []byte(mark(nonce)), "bytes at the end"}
	}
	of := styleOf(name, s)
	switch of.kind {
	case comments:
		text := s.lead() + of.open + " catmandu bench " + mark(nonce)
		if of.close != "" {
			text += " " + of.close
		}
		return insertion{s.size, []byte(text + s.eol()), "a comment at the end"}
	case emptyLines:
		return insertion{s.size, []byte(s.lead() + code(nonce, "\n", "\r\n")), "empty lines at the end"}
	case words:
		if at := lastWord(s); at >= 0 {
			return insertion{at, []byte(code(nonce, " ", "\t")), "white space before the last line"}
		}
	}
	return insertion{s.size, []byte(s.lead() + code(nonce, " ", "\t") + s.eol()), "white space at the end"}
}

// code writes 64 bits of a nonce in two signs.
func code(nonce, zero, one string) string {
	var out strings.Builder
	sum := sha256.Sum256([]byte(nonce))
	for _, b := range sum[:8] {
		for bit := range 8 {
			if b>>bit&1 == 0 {
				out.WriteString(zero)
			} else {
				out.WriteString(one)
			}
		}
	}
	return out.String()
}

// lastWord is where the last line with something in it begins, if that is a word: -1 if not. Programs that read a list of words
// skip what stands before them, but may take an empty line for a word: `sed 's/$/.deb/' list` does.
func lastWord(s sample) int64 {
	text := bytes.TrimRight(s.tail, " \t\r\n")
	start := bytes.LastIndexByte(text, '\n') + 1
	if start == len(text) || start == 0 && !s.isWhole() || !isWord.Match(text[start:]) {
		return -1
	}
	return s.size - int64(len(s.tail)) + int64(start)
}

var isWord = regexp.MustCompile(`^[A-Za-z0-9]`)

// Kinds of what can be put into a text.
const (
	spaces = iota
	comments
	emptyLines
	words
)

type style struct {
	kind        int
	open, close string
}

var (
	slashes = style{comments, "//", ""}
	stars   = style{comments, "/*", "*/"}
	hashes  = style{comments, "#", ""}
	dashes  = style{comments, "--", ""}
	markup  = style{comments, "<!--", "-->"}
	semi    = style{comments, ";", ""}
)

// extensions are the styles of languages. What is not here gets white space, as do those whose ends may mean something:
// reStructuredText, templates, lock files.
var extensions = byWord(map[style]string{
	slashes: `go js mjs cjs jsx ts mts cts tsx java kt kts scala groovy gradle cc cpp cxx hpp hh hxx cs fs rs swift dart zig
		proto jsonc json5 sol v sv fbs thrift scss less`,
	stars: `c h css`,
	hashes: `py pyi pyx sh bash zsh ksh fish rb rake gemspec pl pm yaml yml toml tf tfvars hcl nix r jl ex exs ps1 psm1 psd1
		conf cfg properties env graphql gql cmake mk bzl bazel dockerfile containerfile dockerignore gitignore npmrc awk tcl nim cr`,
	dashes:                   `sql lua hs elm adb ads`,
	semi:                     `clj cljs cljc edn el lisp scm asm`,
	markup:                   `html htm xhtml xml svg md markdown vue svelte csproj fsproj vbproj props targets xaml plist pom xsd xsl xslt wsdl`,
	{comments, "%", ""}:      `erl hrl tex`,
	{comments, "rem", ""}:    `bat cmd`,
	{comments, "{/*", "*/}"}: `mdx`,
	{kind: emptyLines}:       `csv tsv`,
	{kind: words}:            `txt list lst`,
})

// names are the styles of files that their extension doesn't tell.
var names = byWord(map[style]string{
	hashes: `dockerfile containerfile makefile gnumakefile gemfile rakefile podfile vagrantfile brewfile justfile build workspace
		cmakelists.txt pipfile cargo.lock poetry.lock uv.lock yarn.lock .env .dockerignore .gitignore .npmrc .editorconfig`,
	slashes: `go.mod go.work jenkinsfile`,
})

var (
	isDockerfile   = regexp.MustCompile(`(?i)^(dockerfile|containerfile)\.[^.]+$`)
	isRequirements = regexp.MustCompile(`(?i)^(.*[-_.])?(requirements|constraints)([-_.].*)?\.(txt|in)$`)
	interpreter    = regexp.MustCompile(`^#![ \t]*(?:\S*/)?(\S+)(?:[ \t]+(?:-\S+[ \t]+)*(\S+))?`)
	isEnd          = regexp.MustCompile(`(?m)^__(END|DATA)__\r?$`)
)

func byWord(styles map[style]string) map[string]style {
	out := map[string]style{}
	for s, list := range styles {
		for word := range strings.FieldsSeq(list) {
			out[word] = s
		}
	}
	return out
}

// styleOf tells how a text may be edited, by its name and, where that says nothing, by the program that its first line names.
func styleOf(name string, s sample) style {
	lower := strings.ToLower(name)
	ext := strings.TrimPrefix(path.Ext(lower), ".")
	of, known := names[lower]
	switch {
	case known:
	case isDockerfile.MatchString(name), isRequirements.MatchString(name):
		of = hashes
	case ext == "php":
		of = ofPHP(s)
	case ext == "" || extensions[ext] == style{}:
		of = ofScript(s.head)
	default:
		of = extensions[ext]
	}
	if of == hashes && isEnd.Match(s.tail) {
		return style{} // what follows is data
	}
	return of
}

// ofPHP is for a file that may end outside of PHP, where all is output. To know needs a parser, so only the plain case gets a
// comment.
func ofPHP(s sample) style {
	if s.isWhole() && bytes.HasPrefix(s.head, []byte("<?php")) && !bytes.Contains(s.tail, []byte("?>")) {
		return slashes
	}
	return style{}
}

// ofScript goes by the first line: "#!/usr/bin/env python3".
func ofScript(head []byte) style {
	m := interpreter.FindSubmatch(head)
	if m == nil {
		return style{}
	}
	program := string(m[1])
	if program == "env" {
		program = path.Base(string(m[2]))
	}
	program = strings.TrimRight(program, "0123456789.")
	switch program {
	case "sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "python", "pypy", "perl", "ruby", "awk", "gawk", "make", "Rscript", "julia", "tclsh", "execlineb":
		return hashes
	case "node", "deno", "bun", "ts-node", "tsx", "groovy", "kotlin", "scala", "swift":
		return slashes
	case "lua", "luajit":
		return dashes
	}
	return style{}
}
