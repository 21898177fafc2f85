package forecast

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// maxParting is how many builds are told of that part from others.
const maxParting = 2

// parting says which builds go along with a set of others for a while, and why not further.
func (a *adviser) parting(set []int, leaving map[string]bool) string {
	text, told := "", 0
	for i, b := range a.builds {
		if slices.Contains(set, i) || told == maxParting {
			continue
		}
		with, of, n := a.longest(set, b)
		if n < 2 || leaving[of[n].Key] {
			continue
		}
		told++
		goes := "%s shares %d of them and leaves at line %d"
		if len(b.services) > 1 {
			goes = "%s share %d of them and leave at line %d"
		}
		text += "; " + fmt.Sprintf(goes, enumerate(b.services), linesOf(of[:n]), of[n].Line) + ": " + differs(with, of, n)
	}
	return text
}

// longest finds where a build goes furthest along with a set of others that go on together.
func (a *adviser) longest(set []int, b *sharer) (with, of []*steps.Step, n int) {
	for _, x := range a.builds[set[0]].chains {
		for _, y := range b.chains {
			k := commonPrefix(x, y)
			if k > n && k < len(x) && k < len(y) && a.ownedBy(x[k], set) {
				with, of, n = x, y, k
			}
		}
	}
	return with, of, n
}

// commonPrefix counts the steps that two chains share.
func commonPrefix(a, b []*steps.Step) int {
	n := 0
	for n < len(a) && n < len(b) && a[n].Key != "" && a[n].Key == b[n].Key {
		n++
	}
	return n
}

// differs says why the step at n of a chain is not shared with another one.
func differs(with, of []*steps.Step, n int) string {
	x, y := with[n], of[n]
	if text(x) != text(y) {
		if i := slices.IndexFunc(of[n:], func(s *steps.Step) bool { return text(s) == text(x) }); i > 0 {
			return fmt.Sprintf("%s comes before %s", short(y), short(x))
		}
		return fmt.Sprintf("%s comes where they have %s", short(y), short(x))
	}
	switch names := differing(x, y); {
	case y.Key == "":
		return "it can't be known whether " + short(y) + " is the same"
	case x.User != y.User:
		return "USER differs at " + short(y)
	case x.Dir != y.Dir:
		return "WORKDIR differs at " + short(y)
	case len(names) > 0:
		return enumerate(variablesOf(names, x, y)) + " differs at " + short(y)
	case x.Files != y.Files:
		return short(y) + " takes other files"
	}
	return short(y) + " is not the same"
}

// differing are the variables that two steps see otherwise.
func differing(x, y *steps.Step) []string {
	names := map[string]bool{}
	for name, value := range x.Env {
		if other, has := y.Env[name]; !has || other != value {
			names[name] = true
		}
	}
	for name := range y.Env {
		if _, has := x.Env[name]; !has {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// variablesOf names variables as the Dockerfile sets them.
func variablesOf(names []string, x, y *steps.Step) []string {
	var out []string
	for _, name := range names {
		if slices.Contains(x.Args, name) || slices.Contains(y.Args, name) {
			out = append(out, "ARG "+name)
		} else {
			out = append(out, "ENV "+name)
		}
	}
	return out
}

// maxInstruction is how much of an instruction a sentence has.
const maxInstruction = 40

// short is an instruction as a sentence has it.
func short(s *steps.Step) string {
	r := []rune(text(s))
	if len(r) > maxInstruction {
		return string(r[:maxInstruction-1]) + "…"
	}
	return string(r)
}

// saving says what an advice saves.
func saving(a Advice) string {
	text := ""
	switch s := a.Seconds; {
	case s < 0.05:
		return ""
	case s < 10:
		text = fmt.Sprintf(", which saves %.1f s", s)
	case s < 120:
		text = fmt.Sprintf(", which saves %.0f s", s)
	default:
		text = fmt.Sprintf(", which saves %.0f min", s/60)
	}
	if !a.Exact {
		text += " (inferred)"
	}
	return text
}

// enumerate writes "a, b and c".
func enumerate(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
