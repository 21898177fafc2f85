package steps

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// FileChange is a file that is another than before.
type FileChange struct {
	Path string `json:"path"`
	// Change is content, mode, added, removed, renamed, type, link or attributes.
	Change string `json:"change"`
	// From and To are modes, link targets or, of what was renamed, its names.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Added and Removed count lines, where they are known.
	Added   int `json:"added,omitempty"`
	Removed int `json:"removed,omitempty"`
}

// maxChanges is how many changed files are listed.
const maxChanges = 100

func compareFiles(old, now *Step) *Cause {
	c := &Cause{Kind: CauseFiles, Exact: true}
	if old.Takes == nil || now.Takes == nil {
		c.Text = "files that it takes changed; which, is not known any more"
		return c
	}
	changes := CompareFiles(old.Takes, now.Takes)
	if len(changes) == 0 {
		c.Text = "the order or place of the files that it takes changed"
		return c
	}
	var words []string
	for _, f := range changes[:min(3, len(changes))] {
		words = append(words, f.String())
	}
	c.Text = strings.Join(words, ", ")
	if more := len(changes) - 3; more > 0 {
		c.Text += fmt.Sprintf(" and %d more", more)
	}
	c.Files = changes[:min(maxChanges, len(changes))]
	return c
}

// CompareFiles lists what changed between two lists of files.
func CompareFiles(old, now []File) []FileChange {
	before := map[string]File{}
	for _, f := range old {
		before[f.Path] = f
	}
	var out []FileChange
	var added []File
	for _, f := range now {
		was, there := before[f.Path]
		delete(before, f.Path)
		switch {
		case !there:
			added = append(added, f)
		case was.Digest != f.Digest:
			out = append(out, compareFile(was, f))
		}
	}
	removed := map[string][]File{} // by content
	for _, f := range old {
		if _, gone := before[f.Path]; gone {
			removed[f.Content] = append(removed[f.Content], f)
		}
	}
	for _, f := range added {
		if same := removed[f.Content]; f.Content != "" && len(same) > 0 {
			removed[f.Content] = same[1:]
			delete(before, same[0].Path)
			out = append(out, FileChange{Path: f.Path, Change: "renamed", From: same[0].Path, To: f.Path})
			continue
		}
		out = append(out, FileChange{Path: f.Path, Change: "added"})
	}
	for path := range before {
		out = append(out, FileChange{Path: path, Change: "removed"})
	}
	slices.SortFunc(out, func(a, b FileChange) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// Touched lists the files whose times changed and nothing else of them.
func Touched(old, now []File) []string {
	before := map[string]File{}
	for _, f := range old {
		before[f.Path] = f
	}
	var out []string
	for _, f := range now {
		was, there := before[f.Path]
		if there && was.Digest == f.Digest && was.Time != f.Time && fs.FileMode(f.Mode).IsRegular() {
			out = append(out, f.Path)
		}
	}
	return out
}

func compareFile(old, now File) FileChange {
	c := FileChange{Path: now.Path}
	was, is := fs.FileMode(old.Mode), fs.FileMode(now.Mode)
	switch {
	case was.Type() != is.Type():
		c.Change, c.From, c.To = "type", kindOf(was), kindOf(is)
	case old.Link != now.Link:
		c.Change, c.From, c.To = "link", old.Link, now.Link
	case old.Content != now.Content:
		c.Change = "content"
		c.Added, c.Removed = countChanges(old.Lines, now.Lines)
	case was != is:
		c.Change, c.From, c.To = "mode", octal(was), octal(is)
	default:
		c.Change = "attributes"
	}
	return c
}

// countChanges counts lines by their sums. Lines that only moved are not counted.
func countChanges(old, now []byte) (added, removed int) {
	if len(old) == 0 && len(now) == 0 {
		return 0, 0
	}
	counts := map[uint32]int{}
	for i := 0; i+4 <= len(now); i += 4 {
		counts[binary.BigEndian.Uint32(now[i:])]++
	}
	for i := 0; i+4 <= len(old); i += 4 {
		counts[binary.BigEndian.Uint32(old[i:])]--
	}
	for n := range maps.Values(counts) {
		added, removed = added+max(n, 0), removed+max(-n, 0)
	}
	return added, removed
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m.IsRegular():
		return "file"
	}
	return "special file"
}

func octal(m fs.FileMode) string {
	bits := uint32(m.Perm())
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&flag != 0 {
			bits |= bit
		}
	}
	return fmt.Sprintf("%04o", bits)
}

// String is the change in a few words.
func (c FileChange) String() string {
	switch c.Change {
	case "content":
		if c.Added+c.Removed > 0 {
			return fmt.Sprintf("%s changed: +%d −%d lines", c.Path, c.Added, c.Removed)
		}
		return c.Path + " changed"
	case "mode":
		return fmt.Sprintf("mode of %s changed: %s → %s", c.Path, c.From, c.To)
	case "renamed":
		return fmt.Sprintf("%s was renamed to %s", c.From, c.To)
	case "type", "link":
		return fmt.Sprintf("%s changed: %s → %s", c.Path, c.From, c.To)
	case "attributes":
		return "attributes of " + c.Path + " changed"
	}
	return c.Path + " was " + c.Change
}
