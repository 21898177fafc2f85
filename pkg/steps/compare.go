package steps

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Kinds of causes for which a step runs.
const (
	CauseFiles       = "files"       // the local files that it takes changed
	CauseInstruction = "instruction" // what it does changed
	CauseArg         = "arg"         // a build argument changed
	CauseEnv         = "env"         // a variable changed
	CauseBase        = "base"        // the image of a FROM moved
	CauseEarlier     = "earlier"     // a step that it is built on runs
	CauseGone        = "gone"        // it was built, and its result is no longer there
	CauseNew         = "new"         // it was not built before
	CauseNoCache     = "no-cache"    // the cache may not be used
	CauseUnknown     = "unpredictable"
)

// Cause is why a step runs.
type Cause struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
	// Exact is false for what is inferred.
	Exact bool `json:"exact"`
	// Files are those that changed, the first of them.
	Files []FileChange `json:"files,omitempty"`
	// Name is that of an argument or variable. Old and New are its values, or those of what else changed.
	Name string `json:"name,omitempty"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
	// Root is the name of the step where the cause lies when that is another, and RootKind the kind of its cause.
	Root     string `json:"root,omitempty"`
	RootKind string `json:"rootKind,omitempty"`
}

// Compare says what of a step itself is another than before: not what its inputs are. It returns nil when nothing is.
func Compare(old, now *Step) *Cause {
	switch {
	case old.Base != nil && now.Base != nil && old.Base.Ref == now.Base.Ref && old.Base.Digest != now.Base.Digest:
		return &Cause{
			Kind: CauseBase, Exact: true, Old: old.Base.Digest, New: now.Base.Digest,
			Text: fmt.Sprintf("%s moved: %s → %s", now.Base.Ref, shortDigest(old.Base.Digest), shortDigest(now.Base.Digest)),
		}
	case old.Self != now.Self:
		return compareSelf(old, now)
	case old.Files != now.Files:
		return compareFiles(old, now)
	}
	return nil
}

// compareSelf says what of an instruction changed. Where it stands in the Dockerfile as before, a variable did.
func compareSelf(old, now *Step) *Cause {
	if old.Source != "" && old.Source == now.Source {
		if c := compareVariables(old, now); c != nil {
			return c
		}
	}
	c := &Cause{Kind: CauseInstruction, Exact: true}
	for _, part := range []struct{ what, old, now string }{
		{"its text changed", instruction(old.Name), instruction(now.Name)},
		{"its command changed", old.Text, now.Text},
		{"USER changed", old.User, now.User},
		{"WORKDIR changed", old.Dir, now.Dir},
	} {
		if part.old != part.now {
			c.Old, c.New = part.old, part.now
			c.Text = fmt.Sprintf("%s: %q → %q", part.what, cut(part.old), cut(part.now))
			return c
		}
	}
	if c := compareVariables(old, now); c != nil {
		return c
	}
	c.Text = "its settings changed (network, hosts, limits, mounts, shell or platform)"
	return c
}

// compareVariables says which variable changed: one that a RUN sees, or one that the instruction is written with.
func compareVariables(old, now *Step) *Cause {
	for _, name := range slices.Sorted(maps.Keys(union(old.Env, now.Env))) {
		before, had := old.Env[name]
		after, has := now.Env[name]
		if before == after && had == has {
			continue
		}
		c := variable(name, slices.Contains(now.Args, name) || slices.Contains(old.Args, name))
		c.Old, c.New = before, after
		switch {
		case !had:
			c.Text += fmt.Sprintf(" is new: %q", cut(after))
		case !has:
			c.Text += " is gone"
		default:
			c.Text += fmt.Sprintf(" changed: %q → %q", cut(before), cut(after))
		}
		return c
	}
	was, is := instruction(old.Name), instruction(now.Name)
	if was == is || old.Source != now.Source {
		return nil
	}
	for _, m := range isVariable.FindAllStringSubmatch(now.Source, -1) {
		c := variable(m[1], slices.Contains(now.Args, m[1]))
		c.Old, c.New = was, is
		c.Text += fmt.Sprintf(" changed: %q → %q", cut(was), cut(is))
		return c
	}
	return nil
}

// isVariable matches $NAME and ${NAME…}.
var isVariable = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)

func variable(name string, isArg bool) *Cause {
	if isArg {
		return &Cause{Kind: CauseArg, Exact: true, Name: name, Text: "argument " + name}
	}
	return &Cause{Kind: CauseEnv, Exact: true, Name: name, Text: "variable " + name}
}

// instruction is the name of a step without its stage and number.
func instruction(name string) string {
	if strings.HasPrefix(name, "[") {
		if _, rest, ok := strings.Cut(name, "] "); ok {
			return rest
		}
	}
	return name
}

func union(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, b)
	return out
}

// shown is how many characters of a command are shown.
const shown = 60

func cut(s string) string {
	if r := []rune(s); len(r) > shown {
		return string(r[:shown]) + "…"
	}
	return s
}

func shortDigest(d string) string {
	_, hex, _ := strings.Cut(d, ":")
	if hex == "" {
		return "unknown"
	}
	return hex[:min(12, len(hex))]
}

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
