package forecast

import (
	"slices"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Descriptions are those that BuildKit gave the cache records of a graph's steps when they were built, to ask it which of
// them it still has.
func Descriptions(g *steps.Graph, h *ledger.History, builder string) []string {
	var out []string
	add := func(s *steps.Step) {
		for _, d := range s.Descriptions() {
			if !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	for _, s := range g.Steps {
		if s.Key == "" {
			continue
		}
		for _, r := range h.Results(builder, s.Key) {
			add(&r.Step)
		}
	}
	for _, r := range lastRun(h.BuildsOf(builder, g.Service, g.Platform), g) {
		add(&r.Step)
	}
	return out
}

// Known are the steps of a graph, by digest, whose results are there as far as the ledger and the records of a builder tell; others
// may be, too. With them are the IDs of the records that were made when they ran, none where somebody else may have made them.
func Known(g *steps.Graph, p Past) map[string][]string {
	f := &forecaster{Past: p, graph: g}
	out := map[string][]string{}
	for i := range g.Steps {
		s := &g.Steps[i]
		if s.Key == "" || s.NoCache {
			continue
		}
		if r := f.built(s); r != nil && f.present(r) {
			out[s.Digest] = f.own(s)
		}
	}
	return out
}

// own are the records that a step made when it ran.
func (f *forecaster) own(s *steps.Step) []string {
	ids := []string{}
	for _, r := range f.History.Results(f.Builder, s.Key) {
		if r.Status != ledger.Ran || r.Unsure {
			continue
		}
		of := r.Step.Descriptions()
		for _, record := range f.Records {
			if slices.Contains(of, record.Description) && r.Made(record.Created) && !slices.Contains(ids, record.ID) {
				ids = append(ids, record.ID)
			}
		}
	}
	return ids
}

// lastRun are the steps that ran in the last build of a target in which some did.
func lastRun(builds []*ledger.BuildRecord, g *steps.Graph) []*ledger.StepRecord {
	for _, b := range builds {
		var out []*ledger.StepRecord
		for _, r := range b.Of(g.Service, g.Platform) {
			if r.Status == ledger.Ran && r.Step.Base == nil {
				out = append(out, r)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// present tells whether the result of a step is still there: whether there is a record that was made when the step ran. A
// step that others built, under a name of theirs, is there like an image that was pulled under another name: if what ran
// last for this target still is.
func (f *forecaster) present(last *ledger.StepRecord) bool {
	if f.Records == nil || len(last.Step.Descriptions()) == 0 || last.Step.Base != nil && !f.Pulls {
		return true
	}
	ran := false
	for _, r := range f.History.Results(f.Builder, last.Step.Key) {
		if r.Status == ledger.Ran && r.Step.Base == nil {
			ran = true
			if f.made(r) {
				return true
			}
		}
	}
	if ran {
		return false
	}
	return f.hasRecord(&last.Step, func(time.Time) bool { return true }) || f.untouched()
}

// made tells whether there is the record that a step made when it ran.
func (f *forecaster) made(r *ledger.StepRecord) bool {
	return f.hasRecord(&r.Step, r.Made)
}

// untouched tells whether all that ran last for the target is still there. Nothing is known where nothing ran.
func (f *forecaster) untouched() bool {
	last := lastRun(f.History.BuildsOf(f.Builder, f.graph.Service, f.graph.Platform), f.graph)
	return len(last) > 0 && !slices.ContainsFunc(last, func(r *ledger.StepRecord) bool { return !f.made(r) })
}

func (f *forecaster) hasRecord(s *steps.Step, made func(time.Time) bool) bool {
	of := s.Descriptions()
	return slices.ContainsFunc(f.Records, func(r Record) bool { return slices.Contains(of, r.Description) && made(r.Created) })
}
