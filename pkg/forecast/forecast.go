// Package forecast says what a build will do, step by step, before it runs, and why a step runs again.
//
// It joins the keys of a graph with the ledger of past builds: a step whose key was built on a builder is cached there, if its
// result still is. It asks nobody and prints nothing.
package forecast

import (
	"slices"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// What a step will do.
const (
	Cached        = "cached"
	Runs          = "runs"
	Unpredictable = "unpredictable"
)

// Target is the forecast for one image on one platform.
type Target struct {
	Service  string `json:"service"`
	Platform string `json:"platform,omitempty"`
	Stage    string `json:"stage,omitempty"`
	// Cached, Runs and Unpredictable count lines of the Dockerfile.
	Cached        int `json:"cached"`
	Runs          int `json:"runs"`
	Unpredictable int `json:"unpredictable"`
	// Seconds is what the steps that run took before, one after the other, as far as that is known: from so many builds.
	Seconds float64 `json:"seconds"`
	Builds  int     `json:"builds"`
	Steps   []Step  `json:"steps"`
	// Unknown says why nothing can be said.
	Unknown string `json:"unknown,omitempty"`
}

// Step is the forecast for one step.
type Step struct {
	Name    string `json:"name"`
	Stage   string `json:"stage,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	EndLine int    `json:"endLine,omitempty"`
	Key     string `json:"key,omitempty"`
	Digest  string `json:"digest"`
	Status  string `json:"status"`
	// Seconds is how long it took when it ran last, 0 is unknown.
	Seconds float64      `json:"seconds,omitempty"`
	Cause   *steps.Cause `json:"cause,omitempty"`
	// Touched are files that a cached step takes of which only the times changed since it ran.
	Touched []string `json:"touched,omitempty"`
	// Mounts are the cache mounts of a RUN.
	Mounts []steps.Mount `json:"mounts,omitempty"`
}

// Record is a cache record of a builder.
type Record struct {
	Description string
	Created     time.Time
	ID          string
}

// Past is what a forecast is made from.
type Past struct {
	History *ledger.History
	// Builder is the ID of the one that is to build; empty when it is not known, and then any that built counts.
	Builder string
	// Records are the builder's, with one of the Descriptions of the steps; nil when it was not asked.
	Records []Record
	// Pulls says that the builder has records of images: not so an engine, which has them elsewhere.
	Pulls bool
	// Files are the local files that a step took.
	Files func(ledger.StepRecord) ([]steps.File, error)
	// Times asks which files were touched. That is as much work as finding out what changed, for all steps.
	Times bool
}

// New makes the forecast for a graph.
func New(g *steps.Graph, p Past) Target {
	f := newForecaster(g, p)
	f.decide()
	return f.target()
}

// Explain says of a build that was made why its steps ran: ran tells it of every vertex that BuildKit came to, by digest. The
// past is what was before.
func Explain(g *steps.Graph, p Past, ran map[string]bool) Target {
	f := newForecaster(g, p)
	f.explains = true
	for _, s := range g.Steps {
		f.status[s.Digest] = Cached
		if ran[s.Digest] {
			f.status[s.Digest] = Runs
		}
	}
	return f.target()
}

// forecaster makes one forecast.
type forecaster struct {
	Past
	graph    *steps.Graph
	byDigest map[string]*steps.Step
	status   map[string]string
	// fresh are the steps that may not come from the cache, by themselves or as they are built on such.
	fresh   map[string]bool
	earlier *predecessors
	causes  map[string]*steps.Cause
	// explains is set for a build that was made.
	explains bool
}

func newForecaster(g *steps.Graph, p Past) *forecaster {
	f := &forecaster{Past: p, graph: g, byDigest: map[string]*steps.Step{}, status: map[string]string{}, causes: map[string]*steps.Cause{}}
	for i := range g.Steps {
		f.byDigest[g.Steps[i].Digest] = &g.Steps[i]
	}
	f.earlier = findPredecessors(g, p)
	return f
}

// decide goes from the end of the graph to its beginning, as BuildKit does: what is built on is only needed when the
// result of a step isn't there.
func (f *forecaster) decide() {
	used := map[string]bool{}
	for _, s := range f.graph.Steps {
		for _, in := range s.Inputs {
			used[in] = true
		}
	}
	f.fresh = map[string]bool{}
	for i := range f.graph.Steps {
		s := &f.graph.Steps[i]
		f.fresh[s.Digest] = s.NoCache || slices.ContainsFunc(s.Inputs, func(in string) bool { return f.fresh[in] })
	}
	for i := range f.graph.Steps {
		if s := &f.graph.Steps[i]; !used[s.Digest] {
			f.need(s)
		}
	}
	for _, s := range f.graph.Steps { // what nobody needs is as good as cached: BuildKit says so too
		if f.status[s.Digest] == "" {
			f.status[s.Digest] = Cached
		}
	}
}

func (f *forecaster) need(s *steps.Step) {
	if f.status[s.Digest] != "" {
		return
	}
	f.status[s.Digest] = f.statusOf(s)
	if f.status[s.Digest] == Cached {
		return
	}
	for _, in := range s.Inputs {
		if input := f.byDigest[in]; input != nil {
			f.need(input)
		}
	}
}

func (f *forecaster) statusOf(s *steps.Step) string {
	switch {
	case f.fresh[s.Digest] || s.Unknown == steps.Always:
		return Runs
	case s.Key == "":
		return Unpredictable
	}
	if r := f.built(s); r != nil && f.present(r) {
		return Cached
	}
	if f.imported() {
		return Unpredictable
	}
	return Runs
}

// imported tells whether all that can be said is that an imported cache may have what was never built on this builder.
func (f *forecaster) imported() bool {
	return len(f.graph.Imports) > 0 && len(f.History.BuildsOf(f.Builder, f.graph.Service, f.graph.Platform)) == 0
}

// built returns the last time that a step was built on the builder, for sure.
func (f *forecaster) built(s *steps.Step) *ledger.StepRecord {
	for _, r := range f.History.Results(f.Builder, s.Key) {
		if (r.Status == ledger.Ran || r.Status == ledger.Cached) && !r.Unsure {
			return r
		}
	}
	return nil
}

// target is the outcome.
func (f *forecaster) target() Target {
	t := Target{Service: f.graph.Service, Platform: f.graph.Platform, Stage: f.graph.Stage, Steps: []Step{}, Unknown: f.graph.Unknown}
	lines, counted := map[string]string{}, map[string]bool{}
	for i := range f.graph.Steps {
		s := &f.graph.Steps[i]
		out := Step{
			Name: s.Name, Stage: s.Stage, File: s.File, Line: s.Line, EndLine: s.EndLine, Key: s.Key, Digest: s.Digest,
			Status: f.status[s.Digest], Mounts: s.Mounts,
		}
		took, ofLine := f.took(s)
		out.Seconds = took.Seconds
		if out.Status != Cached {
			out.Cause = f.cause(s)
		}
		if out.Status == Cached && f.Times {
			out.Touched = f.touched(s)
		}
		if out.Status == Runs && !(ofLine && counted[s.Name]) {
			counted[s.Name] = true
			t.Seconds, t.Builds = t.Seconds+took.Seconds, max(t.Builds, took.Builds)
		}
		lines[s.Name] = worse(lines[s.Name], out.Status)
		t.Steps = append(t.Steps, out)
	}
	for _, status := range lines {
		switch status {
		case Cached:
			t.Cached++
		case Runs:
			t.Runs++
		case Unpredictable:
			t.Unpredictable++
		}
	}
	return t
}

// worse is the status of a line that is several steps.
func worse(a, b string) string {
	for _, status := range []string{Runs, Unpredictable, Cached} {
		if a == status || b == status {
			return status
		}
	}
	return ""
}

// took is how long a step took when it ran with this key, or else how long its line took as it was before: that is of all
// steps of the line together.
func (f *forecaster) took(s *steps.Step) (t ledger.Took, ofLine bool) {
	if s.Key != "" {
		if t := f.History.TookKey(s.Key); t.Builds > 0 {
			return t, false
		}
	}
	name := s.Name
	if old := f.earlier.of(s); old != nil {
		name = old.Step.Name
	}
	return f.History.TookName(f.graph.Service, f.graph.Platform, name), true
}
