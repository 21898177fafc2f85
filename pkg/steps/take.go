package steps

import (
	"hash/fnv"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
)

// taken are the files that a step takes of one tree. It is for telling of them: whether they changed, the digest says.
type taken struct {
	tree      *tree
	selectors []selector
}

// take lists the files of all selectors, each once, with directories.
func (t taken) take() []File {
	if len(t.selectors) == 0 {
		return t.tree.files
	}
	chosen := make([]bool, len(t.tree.files))
	for _, s := range t.selectors {
		t.choose(s, chosen)
	}
	var out []File
	for i, f := range t.tree.files {
		if chosen[i] {
			out = append(out, f)
		}
	}
	return out
}

// choose marks what a selector selects.
func (t taken) choose(s selector, chosen []bool) {
	roots := []string{t.tree.follow(s.Path)}
	if plain := clean(s.Path); plain != roots[0] {
		if i, is := t.tree.links[plain]; is {
			chosen[i] = true
		}
	}
	if s.Wildcard {
		roots = t.tree.match(clean(s.Path))
	}
	include, exclude := matcher(s.IncludePatterns), matcher(s.ExcludePatterns)
	for i, f := range t.tree.files {
		for _, root := range roots {
			rel, in := below(root, f.Path)
			if !in {
				continue
			}
			if include != nil && rel != "" && !matches(include, rel) || exclude != nil && rel != "" && matches(exclude, rel) {
				continue
			}
			chosen[i] = true
		}
	}
}

func clean(p string) string { return strings.TrimPrefix(path.Join("/", p), "/") }

// below returns the path within root.
func below(root, p string) (string, bool) {
	if root == "" || root == p {
		return strings.TrimPrefix(p, root), true
	}
	return strings.CutPrefix(p, root+"/")
}

func matcher(patterns []string) *patternmatcher.PatternMatcher {
	if len(patterns) == 0 {
		return nil
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil
	}
	return m
}

func matches(m *patternmatcher.PatternMatcher, p string) bool {
	ok, err := m.MatchesOrParentMatches(p)
	return err == nil && ok
}

// match lists the paths that a pattern with wildcards stands for.
func (t *tree) match(pattern string) []string {
	var out []string
	for _, f := range t.files {
		if ok, err := path.Match(pattern, f.Path); err == nil && ok {
			out = append(out, f.Path, t.follow(f.Path))
		}
	}
	return out
}

// maxLinks is how many symbolic links a path may lead through, as in Linux.
const maxLinks = 40

// follow returns where a path leads through symbolic links.
func (t *tree) follow(p string) string {
	done, rest, hops := "", strings.Split(clean(p), "/"), 0
	for len(rest) > 0 {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		i, known := t.links[next]
		if !known || fs.FileMode(t.files[i].Mode)&fs.ModeSymlink == 0 || hops > maxLinks {
			done = next
			continue
		}
		hops++
		target := t.files[i].Link
		if !path.IsAbs(target) {
			target = path.Join("/", done, target)
		}
		rest = append(strings.Split(clean(target), "/"), rest...)
		done = ""
	}
	return strings.TrimPrefix(done, "/")
}

// Limits of what is read again to count changed lines: for steps that take a few texts, such as lists of dependencies.
const (
	maxCounted     = 64
	maxCountedSize = 1 << 20 // bytes, of one file
)

// countLines gives short texts the sums of their lines.
func (t *tree) countLines(files []File) []File {
	if len(files) > maxCounted {
		return files
	}
	files = slices.Clone(files)
	for i, f := range files {
		if !fs.FileMode(f.Mode).IsRegular() || f.Size > maxCountedSize {
			continue
		}
		r, err := t.open(f.Path)
		if err != nil {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(r, maxCountedSize))
		_ = r.Close()
		if err == nil && !slices.Contains(text, 0) {
			files[i].Lines = lineSums(text)
		}
	}
	return files
}

// lineSums are 4 bytes for each line.
func lineSums(text []byte) []byte {
	var out []byte
	for line := range strings.Lines(string(text)) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(line))
		out = h.Sum(out)
	}
	return out
}
