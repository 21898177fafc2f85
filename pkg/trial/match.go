package trial

import (
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// version is what the runs of one version of a case did.
type version struct {
	// run is the median one, whose steps are looked at.
	run   *session.Run
	known *index
	steps []*seen
	cpu   float64
	wall  float64
}

// seen is a step over all runs.
type seen struct {
	*session.Step
	label label
	// seconds is the median of what it took, where cached is nothing; ran tells whether it ran in most runs.
	seconds float64
	ran     bool
	graph   *steps.Step
	// other is what it is in the other version, nil when it is not there.
	other *seen
	// before are what it is built on.
	before []*seen
}

// newVersion takes what counts of the runs of a version; it is nil when nothing does.
func newVersion(runs []session.Run, graphs []*steps.Graph) *version {
	at := Median(runs)
	if at < 0 {
		return nil
	}
	v := &version{run: &runs[at], known: newIndex(graphs)}
	took := map[key][]float64{}
	var cpu, wall []float64
	places := counted(runs)
	for _, i := range places {
		cpu, wall = append(cpu, runs[i].CPU), append(wall, runs[i].Wall)
		for j := range runs[i].Steps {
			if s := &runs[i].Steps[j]; ran(s) {
				took[key{s.Service, s.Name}] = append(took[key{s.Service, s.Name}], s.Seconds)
			}
		}
	}
	v.cpu, v.wall = median(cpu), median(wall)
	for i := range v.run.Steps {
		s := &v.run.Steps[i]
		k := key{s.Service, s.Name}
		times := append(took[k], make([]float64, len(places)-len(took[k]))...)
		one := &seen{Step: s, label: labelOf(s.Name), seconds: median(times), ran: 2*len(took[k]) > len(places), graph: v.known.byName[k]}
		v.steps = append(v.steps, one)
	}
	for _, s := range v.steps {
		for _, in := range s.After {
			s.before = append(s.before, v.steps[in])
		}
	}
	return v
}

// match pairs the steps of two versions, from what is sure to what is likely: the same instruction in the same stage, one
// that is much the same, the same in another stage, and what is of one kind in the order of the stage.
func match(head, base *version) {
	pair := func(fits func(h, b *seen) bool) {
		for _, h := range head.steps {
			for _, b := range base.steps {
				if h.other == nil && b.other == nil && h.Service == b.Service && h.label.platform == b.label.platform && fits(h, b) {
					h.other, b.other = b, h
				}
			}
		}
	}
	sameStage := func(h, b *seen) bool { return h.Stage == b.Stage && h.label.word() == b.label.word() }
	pair(func(h, b *seen) bool { return sameStage(h, b) && h.label.text == b.label.text })
	pair(func(h, b *seen) bool { return sameStage(h, b) && b == h.closest(base, sameStage) })
	pair(func(h, b *seen) bool { return h.label.text == b.label.text })
	pair(func(h, b *seen) bool { return sameStage(h, b) && h.label.number == b.label.number })
	pair(sameStage)
}

// muchTheSame is the least share of words that two instructions have in common when one is a changed version of the other.
const muchTheSame = 0.5

// closest is the free step of another version with the most words in common.
func (s *seen) closest(in *version, fits func(h, b *seen) bool) *seen {
	var found *seen
	best := muchTheSame
	for _, b := range in.steps {
		if b.other != nil || b.Service != s.Service || !fits(s, b) {
			continue
		}
		if share := inCommon(s.label.text, b.label.text); share > best || share == best && found == nil {
			found, best = b, share
		}
	}
	return found
}

// inCommon is the share of words that two texts have in common.
func inCommon(a, b string) float64 {
	words, others := strings.Fields(a), strings.Fields(b)
	total, common := len(words)+len(others), 0
	if total == 0 {
		return 1
	}
	for _, w := range words {
		if i := slices.Index(others, w); i >= 0 {
			others[i] = others[len(others)-1]
			others = others[:len(others)-1]
			common += 2
		}
	}
	return float64(common) / float64(total)
}

// ancestors are what a step is built on, the nearest first. Where through is set, all of them and of what is between have that
// property.
func (s *seen) ancestors(through func(*seen) bool) []*seen {
	var out []*seen
	next := s.before
	for len(next) > 0 {
		var more []*seen
		for _, a := range next {
			if !slices.Contains(out, a) && (through == nil || through(a)) {
				out = append(out, a)
				more = append(more, a.before...)
			}
		}
		next = more
	}
	return out
}
