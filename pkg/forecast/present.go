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
		for _, d := range descriptions(s) {
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

// oldFile is what BuildKit before v0.9 calls every record of a file operation.
const oldFile = "fileop target"

// descriptions are those that a step's record may have, as BuildKit's solver/llbsolver/ops and its cache/remote.go make them.
func descriptions(s *steps.Step) []string {
	switch {
	case s.Base != nil && s.Base.Digest == "":
		return nil
	case s.Base != nil:
		return []string{"pulled from " + s.Base.Ref + "@" + s.Base.Digest}
	case s.IsRun():
		return []string{"mount / from exec " + s.Text}
	}
	return []string{s.Name, oldFile}
}

// A record is made while its step is at work. Steps wait in between for others, which their seconds don't have in them.
const (
	madeBefore = time.Second / 2
	madeAfter  = 3 * time.Second
)

// present tells whether the result of a step is still there: whether there is a record that was made when the step ran. A
// step that others built, under a name of theirs, is there like an image that was pulled under another name: if what ran
// last for this target still is.
func (f *forecaster) present(last *ledger.StepRecord) bool {
	if f.Records == nil || len(descriptions(&last.Step)) == 0 || last.Step.Base != nil && !f.Pulls {
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
	from, to := r.Started.Add(-madeBefore), r.Started.Add(time.Duration(r.Seconds*float64(time.Second))+madeAfter)
	return f.hasRecord(&r.Step, func(made time.Time) bool { return made.After(from) && made.Before(to) })
}

// untouched tells whether all that ran last for the target is still there. Nothing is known where nothing ran.
func (f *forecaster) untouched() bool {
	last := lastRun(f.History.BuildsOf(f.Builder, f.graph.Service, f.graph.Platform), f.graph)
	return len(last) > 0 && !slices.ContainsFunc(last, func(r *ledger.StepRecord) bool { return !f.made(r) })
}

func (f *forecaster) hasRecord(s *steps.Step, made func(time.Time) bool) bool {
	of := descriptions(s)
	return slices.ContainsFunc(f.Records, func(r Record) bool { return slices.Contains(of, r.Description) && made(r.Created) })
}
