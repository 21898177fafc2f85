package trial

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// Prove judges a run by what its steps did.
func Prove(c Claim, r *session.Run) Outcome {
	switch {
	case c.Lost != "":
		return invalid("%s", c.Lost)
	case c.Failed != "":
		return invalid("the build failed: %s", c.Failed)
	}
	p := &prover{Claim: c, steps: r.Steps, known: newIndex(c.Graphs)}
	p.sort()
	switch c.Scenario {
	case Cold:
		return p.cold()
	case ColdBuilder, CI:
		return p.empty()
	case Warm:
		return p.warm()
	}
	if len(c.Edits) > 0 || c.Scenario == Source || c.Scenario == Deps {
		return p.edited()
	}
	return Outcome{Valid: true, Proof: p.hits()}
}

// prover judges one run.
type prover struct {
	Claim
	steps []session.Step
	known *index
	// cached and ran are places of steps other than FROM, pulled of FROM whose image was fetched; services that share a step
	// count once.
	cached, ran, pulled []int
}

func (p *prover) sort() {
	for _, i := range distinct(p.steps) {
		s := &p.steps[i]
		switch {
		case isFrom(s) && ran(s):
			p.pulled = append(p.pulled, i)
		case isFrom(s):
		case s.Cached:
			p.cached = append(p.cached, i)
		case ran(s):
			p.ran = append(p.ran, i)
		}
	}
}

// identity is the same for a step that several services have: then all of its times are the same.
type identity struct {
	name, file string
	line       int
	start, end float64
}

func identityOf(s *session.Step) identity { return identity{s.Name, s.File, s.Line, s.Start, s.End} }

// distinct are the places of steps, each once where several services have it.
func distinct(all []session.Step) []int {
	var out []int
	owner := map[identity]string{}
	for i := range all {
		s := &all[i]
		at := identityOf(s)
		if of, there := owner[at]; there && of != s.Service && s.End > 0 {
			continue
		}
		owner[at] = s.Service
		out = append(out, i)
	}
	return out
}

// hits says how many steps were cached.
func (p *prover) hits() string {
	return fmt.Sprintf("%d of %d steps were cached", len(p.cached), len(p.cached)+len(p.ran))
}

// warm: nothing was changed, so nothing runs.
func (p *prover) warm() Outcome {
	if o, bad := p.disturbed(); bad {
		return o
	}
	o := Outcome{Valid: true, Proof: p.hits()}
	if len(p.ran) == 0 {
		o.Proof = all(len(p.cached), "was cached", "were cached")
	}
	for _, i := range p.ran {
		o.Missed = append(o.Missed, missOf(&p.steps[i], p.why(i)))
	}
	return o
}

// disturbed tells of what must not have happened between the state that a run begins with and its end.
func (p *prover) disturbed() (Outcome, bool) {
	for _, id := range slices.Sorted(maps.Keys(p.Before)) {
		if _, there := p.After[id]; !there && p.After != nil {
			return invalid("cache mount %s (%d bytes) is gone: the builder collected it as garbage, or somebody pruned the cache", id, p.Before[id]), true
		}
	}
	return p.fetched()
}

// fetched tells of an image that had to be fetched.
func (p *prover) fetched() (Outcome, bool) {
	if len(p.pulled) == 0 {
		return Outcome{}, false
	}
	return invalid("base image %s was pulled during the run", image(&p.steps[p.pulled[0]])), true
}

// image is what a FROM names.
func image(s *session.Step) string {
	words := strings.Fields(labelOf(s.Name).text)
	for _, w := range words[min(1, len(words)):] {
		if !strings.HasPrefix(w, "--") {
			return w
		}
	}
	return s.Name
}

// why says why a step ran that nobody had a reason to run.
func (p *prover) why(i int) string {
	s := &p.steps[i]
	for _, in := range s.After {
		if before := &p.steps[in]; ran(before) {
			return "it is built on " + named(before) + ", which ran"
		}
	}
	if g := p.known.byName[key{s.Service, s.Name}]; g != nil {
		switch {
		case g.NoCache:
			return "the cache may not be used for it (no-cache)"
		case g.Unknown != "":
			return g.Unknown
		}
	}
	if l := labelOf(s.Name); l.word() == "ADD" && strings.Contains(l.text, "://") {
		return "it takes a file from the network"
	}
	return "its result was not in the cache"
}

// cold: everything runs, and every image is there. What does the same as a step that ran may find the result of that one.
func (p *prover) cold() Outcome {
	if o, bad := p.fetched(); bad {
		return o
	}
	twins, o := p.none()
	if !o.Valid {
		return o
	}
	o.Proof = all(len(p.ran)+twins, "ran", "ran") + twice(twins) + ", no base image was pulled"
	return o
}

// none: no step is cached, but for what does the same as one that ran.
func (p *prover) none() (twins int, o Outcome) {
	for _, i := range p.cached {
		if !p.hasTwin(&p.steps[i]) {
			return 0, invalid("%s was cached", named(&p.steps[i]))
		}
	}
	return len(p.cached), Outcome{Valid: true}
}

// hasTwin tells whether a step with the same instruction ran: BuildKit finds what it made by content.
func (p *prover) hasTwin(s *session.Step) bool {
	return slices.ContainsFunc(p.ran, func(i int) bool { return labelOf(p.steps[i].Name).text == labelOf(s.Name).text })
}

// empty: the builder had nothing. Where steps run on an image, some image was fetched: others may be parts of it.
func (p *prover) empty() Outcome {
	if len(p.pulled) == 0 {
		for _, i := range p.ran {
			for _, in := range p.steps[i].After {
				if from := &p.steps[in]; isFrom(from) {
					return invalid("base image %s was there already", image(from))
				}
			}
		}
	}
	pulled := fmt.Sprintf("%s pulled", images(len(p.pulled)))
	if p.Scenario == CI && len(p.Imports) > 0 {
		return Outcome{Valid: true, Proof: p.hits() + " by import, " + pulled}
	}
	twins, o := p.none()
	if !o.Valid {
		o.Why += ", and no cache was imported"
		return o
	}
	o.Proof = all(len(p.ran)+twins, "ran", "ran") + twice(twins) + ", " + pulled
	return o
}

// all says something of all steps.
func all(n int, one, many string) string {
	switch n {
	case 0:
		return "there is no step but FROM"
	case 1:
		return "the only step " + one
	}
	return fmt.Sprintf("all %d steps %s", n, many)
}

func images(n int) string {
	if n == 1 {
		return "1 base image was"
	}
	return fmt.Sprintf("%d base images were", n)
}

func twice(twins int) string {
	if twins == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d with the result of another)", twins)
}
