package trial

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Takers are the names, as a run has them, of the steps that take a file: COPY and ADD, and RUN that mounts it. The path is
// within the build context; an absolute one finds files of any local folder, in a graph that was just made.
func Takers(g *steps.Graph, path string) []string {
	var out []string
	for i := range g.Steps {
		s := g.Steps[i]
		if !takes(&s, path) {
			continue
		}
		if name := shown(s.Name); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func takes(s *steps.Step, path string) bool {
	if filepath.IsAbs(path) {
		return s.TakesAny(map[string]bool{filepath.Clean(path): true})
	}
	s = loaded(s)
	path = filepath.ToSlash(filepath.Clean(path))
	return slices.ContainsFunc(s.Takes, func(f steps.File) bool { return f.Path == path })
}

// loaded is a step with its files, where these can be known; the step itself stays as it is.
func loaded(s *steps.Step) *steps.Step {
	all := *s
	all.LoadTakes()
	return &all
}

// edited: what takes an edited file runs, and what is built on that. All else is cached.
func (p *prover) edited() Outcome {
	if o, bad := p.disturbed(); bad {
		return o
	}
	if len(p.Edits) == 0 {
		return invalid("nothing was edited")
	}
	var roots []int
	var proofs []string
	for _, e := range p.Edits {
		takers := p.takers(e)
		hit := slices.IndexFunc(takers, func(i int) bool { return ran(&p.steps[i]) })
		if hit < 0 {
			return invalid("the edit of %s had no effect: %s", e.Path, p.noEffect(e, takers))
		}
		roots = append(roots, takers...)
		proofs = append(proofs, fmt.Sprintf("%s ran, which takes %s", named(&p.steps[takers[hit]]), e.Path))
	}
	o := Outcome{Valid: true, Proof: strings.Join(proofs, "; ")}
	expected := p.below(roots)
	for _, i := range p.ran {
		if !expected[i] {
			o.Missed = append(o.Missed, missOf(&p.steps[i], p.why(i)))
		}
	}
	return o
}

// takers are the places of the steps that take an edited file.
func (p *prover) takers(e Edit) []int {
	var out []int
	for i := range p.steps {
		s := &p.steps[i]
		if slices.Contains(e.Takers, s.Name) && (e.Service == "" || e.Service == s.Service) {
			out = append(out, i)
		}
	}
	return out
}

// noEffect guesses why an edit changed nothing.
func (p *prover) noEffect(e Edit, takers []int) string {
	switch {
	case len(e.Takers) == 0 && e.Why != "":
		return e.Why
	case len(e.Takers) == 0:
		return "no step takes it; the ignore file excludes it, or no COPY, ADD or mount of the stages that are built names it"
	case len(takers) == 0:
		return short(e.Takers[0]) + " is not part of the build"
	}
	s := &p.steps[takers[0]]
	if !s.Cached {
		return named(s) + " was not reached"
	}
	return named(s) + " was cached; it has the bytes of a build before, or the size and time by which BuildKit knows what it was sent"
}

// below are the steps that are built on others, themselves among them, in all services that have them.
func (p *prover) below(roots []int) map[int]bool {
	out, same := map[int]bool{}, map[identity]bool{}
	for _, i := range roots {
		out[i], same[identityOf(&p.steps[i])] = true, true
	}
	for changed := true; changed; {
		changed = false
		for i := range p.steps {
			s := &p.steps[i]
			if !out[i] && (same[identityOf(s)] || slices.ContainsFunc(s.After, func(in int) bool { return out[in] })) {
				out[i], same[identityOf(s)], changed = true, true, true
			}
		}
	}
	return out
}

// firstMiss is the earliest step that ran, nil when none did.
func firstMiss(r *session.Run) *session.Miss {
	first := -1
	for _, i := range distinct(r.Steps) {
		s := &r.Steps[i]
		if !isFrom(s) && ran(s) && (first < 0 || s.Start < r.Steps[first].Start) {
			first = i
		}
	}
	if first < 0 {
		return nil
	}
	why := ""
	if len(r.Edited) > 0 && takesLocal(labelOf(r.Steps[first].Name)) {
		was := " was edited"
		if len(r.Edited) > 1 {
			was = " were edited"
		}
		why = someOf(r.Edited) + was
	}
	m := missOf(&r.Steps[first], why)
	return &m
}

// someOf are the first of a list, with how many there are beside.
func someOf(words []string) string {
	text := strings.Join(words[:min(shownFiles, len(words))], ", ")
	if more := len(words) - shownFiles; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// takesLocal tells whether an instruction takes files of a build context.
func takesLocal(l label) bool {
	switch l.word() {
	case "COPY":
		return !strings.Contains(l.text, "--from=")
	case "ADD":
		return !strings.Contains(l.text, "://")
	}
	return l.word() == "RUN" && strings.Contains(l.text, "--mount=") && !strings.Contains(l.text, "from=")
}
