package trial

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// cause is where a difference comes from, nil when that is not known.
func (v *version) cause(d difference) *session.Miss {
	switch d.text {
	case nowRuns:
		return v.rootOf(d.step)
	case takesMore, takesLess:
		return v.changed(d.step)
	}
	return nil
}

// rootOf is the step for which another one runs: one that runs for its own reason, and has no bearing on it in the other
// version.
func (v *version) rootOf(s *seen) *session.Miss {
	isRan := func(a *seen) bool { return ran(a.Step) }
	var roots []*seen
	for _, a := range append([]*seen{s}, s.ancestors(isRan)...) {
		if isRan(a) && !slices.ContainsFunc(a.before, isRan) {
			roots = append(roots, a)
		}
	}
	if len(roots) == 0 {
		return nil
	}
	was := s.other.ancestors(nil)
	slices.SortStableFunc(roots, func(a, b *seen) int {
		return compareFirst(
			[2]bool{!slices.Contains(was, a.other), !slices.Contains(was, b.other)},
			[2]bool{a != s, b != s}, [2]bool{a.Start < b.Start, b.Start < a.Start},
		)
	})
	root := roots[0]
	why := v.reasons(root, s)
	if root == s && len(why) == 0 {
		return nil
	}
	m := missOf(root.Step, strings.Join(why, "; "))
	return &m
}

// compareFirst puts first what has the first property that the other one lacks.
func compareFirst(properties ...[2]bool) int {
	for _, p := range properties {
		if p[0] != p[1] {
			if p[0] {
				return -1
			}
			return 1
		}
	}
	return 0
}

// reasons say why a step runs for which s runs, and what is another than in the base.
func (v *version) reasons(root, s *seen) []string {
	var out []string
	if root != s {
		out = append(out, placeOf(root, s)...)
	}
	if c := root.compare(v.run.Edited); c != "" {
		out = append(out, c)
	}
	if edited := v.editedFor(root); len(edited) > 0 {
		was := "was"
		if len(edited) > 1 {
			was = "were"
		}
		out = append(out, fmt.Sprintf("it takes %s, which %s edited", strings.Join(edited, ", "), was))
	}
	if g := root.graph; g != nil && g.NoCache {
		out = append(out, "the cache may not be used for it (no-cache)")
	}
	return out
}

// placeOf says how a step and the one that it makes run stand to one another in the base.
func placeOf(root, s *seen) []string {
	text := short(root.label.text)
	was, then := s.other, root.other
	switch {
	case then == nil:
		return []string{text + " is new before it"}
	case slices.Contains(was.ancestors(nil), then):
		return nil
	case then.isAfter(was):
		return []string{text + " stands before it now; in the base it came after"}
	}
	return []string{"it is not built on " + short(then.label.text) + " in the base"}
}

// isAfter tells whether a step stands below another one in its stage, or is built on it.
func (s *seen) isAfter(other *seen) bool {
	if s.Stage == other.Stage && s.label.platform == other.label.platform {
		return s.label.number > other.label.number
	}
	return slices.Contains(s.ancestors(nil), other)
}

// editedFor are the edited files that a step takes. Without its graph it is what copies from the build context that takes them.
func (v *version) editedFor(s *seen) []string {
	if s.graph == nil {
		if takesLocal(s.label) {
			return v.run.Edited
		}
		return nil
	}
	var out []string
	for _, path := range v.run.Edited {
		if takes(s.graph, path) {
			out = append(out, path)
		}
	}
	return out
}

// changed is the nearest step, of a step and what it is built on, that is another than in the base.
func (v *version) changed(s *seen) *session.Miss {
	for _, a := range append([]*seen{s}, s.ancestors(nil)...) {
		why := a.compare(v.run.Edited)
		if a.other == nil && a != s {
			why = "it is new before it"
		}
		if why != "" {
			m := missOf(a.Step, why)
			return &m
		}
	}
	return nil
}

// compare says what of a step itself is another than in the base; that a scenario edits files is none of it.
func (s *seen) compare(edited []string) string {
	if s.other == nil {
		return ""
	}
	was, is := s.other.graph, s.graph
	if was == nil || is == nil {
		if s.label.text == s.other.label.text {
			return ""
		}
		return fmt.Sprintf("it was %q", short(s.other.label.text))
	}
	if was.Base != nil && is.Base != nil && was.Base.Ref != is.Base.Ref {
		return fmt.Sprintf("the base image changed: %s → %s", was.Base.Ref, is.Base.Ref)
	}
	was, is = withoutSecrets(was), withoutSecrets(is)
	if was.Files != is.Files {
		was.LoadTakes()
		is.LoadTakes()
	}
	c := steps.Compare(was, is)
	if c == nil {
		return ""
	}
	if c.Kind == steps.CauseFiles && len(edited) > 0 {
		return withoutEdits(c, edited)
	}
	return c.Text
}

// withoutSecrets is a copy of a step whose texts may be told, in parts too.
func withoutSecrets(s *steps.Step) *steps.Step {
	out := *s
	out.Name, out.Text = shown(s.Name), redact(s.Text)
	return &out
}

// shownFiles is how many changed files a sentence has.
const shownFiles = 3

// withoutEdits says which files changed beside the edited ones.
func withoutEdits(c *steps.Cause, edited []string) string {
	var words []string
	for _, f := range c.Files {
		if !slices.Contains(edited, f.Path) {
			words = append(words, f.String())
		}
	}
	return someOf(words)
}
