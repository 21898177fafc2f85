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
	for _, s := range g.Steps {
		if s.Key == "" {
			continue
		}
		for _, r := range h.Results(builder, s.Key) {
			for _, d := range descriptions(&r.Step) {
				if !slices.Contains(out, d) {
					out = append(out, d)
				}
			}
		}
	}
	return out
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

// present tells whether the result of a step is still there: whether there is a record that was made when the step ran. Of
// a step that never ran since there is a ledger, any record of its description counts.
func (f *forecaster) present(last *ledger.StepRecord) bool {
	switch of := descriptions(&last.Step); {
	case f.Records == nil || len(of) == 0:
		return true
	case last.Step.Base != nil:
		return !f.Pulls || f.hasRecord(&last.Step, func(time.Time) bool { return true })
	}
	ran := false
	for _, r := range f.History.Results(f.Builder, last.Step.Key) {
		if r.Status != ledger.Ran {
			continue
		}
		ran = true
		from, to := r.Started.Add(-madeBefore), r.Started.Add(time.Duration(r.Seconds*float64(time.Second))+madeAfter)
		if f.hasRecord(&r.Step, func(made time.Time) bool { return made.After(from) && made.Before(to) }) {
			return true
		}
	}
	return !ran && f.hasRecord(&last.Step, func(time.Time) bool { return true })
}

func (f *forecaster) hasRecord(s *steps.Step, made func(time.Time) bool) bool {
	of := descriptions(s)
	return slices.ContainsFunc(f.Records, func(r Record) bool { return slices.Contains(of, r.Description) && made(r.Created) })
}
