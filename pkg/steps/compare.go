package steps

import (
	"fmt"
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
	CauseImport      = "import"      // it was not built here, and an imported cache may have it or did not
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
		{"its text changed", Bare(old.Name), Bare(now.Name)},
		{"its command changed", old.Text, now.Text},
		{"USER changed", old.User, now.User},
		{"WORKDIR changed", old.Dir, now.Dir},
	} {
		if part.old != part.now {
			c.Old, c.New = part.old, part.now
			was, is := cutBoth(part.old, part.now)
			c.Text = fmt.Sprintf("%s: %q → %q", part.what, was, is)
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
	was, is := Bare(old.Name), Bare(now.Name)
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

// cutBoth shows of two texts where they begin to differ.
func cutBoth(old, now string) (was, is string) {
	a, b := []rune(old), []rune(now)
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	from := same - shown/3
	if from <= 0 || max(len(a), len(b)) <= shown {
		return cut(old), cut(now)
	}
	return "…" + cut(string(a[from:])), "…" + cut(string(b[from:]))
}

func shortDigest(d string) string {
	_, hex, _ := strings.Cut(d, ":")
	if hex == "" {
		return "unknown"
	}
	return hex[:min(12, len(hex))]
}
