package ledger

import (
	"os"
	"slices"
	"sync"
)

// History is what a ledger holds. Looking things up is safe for concurrent use.
type History struct {
	// Builds are in the order in which they ended: newest last.
	Builds []BuildRecord
	// Skipped counts the lines that can't be read. Those of a later version are not among them.
	Skipped int

	// file is what was read.
	file os.FileInfo
	once sync.Once
	index
}

// BuildRecord is a build with its steps, in the order in which they were appended.
type BuildRecord struct {
	Build
	Results []StepRecord
}

// StepRecord is what a step did in a build. Its Step has no Takes: Ledger.Files has them.
type StepRecord struct {
	Result
	Build *BuildRecord
}

// Took is how long a step took in the builds in which it ran.
type Took struct {
	// Seconds is the median.
	Seconds float64
	// Builds is how many there were.
	Builds int
}

type index struct {
	results map[keyAt][]*StepRecord
	builds  map[image][]*BuildRecord
	byKey   map[string][]float64
	byName  map[named][]float64
}

type (
	keyAt struct{ builder, key string }
	image struct{ builder, service, platform string }
	named struct{ service, platform, name string }
)

// Results returns what the step of that key did on a builder, newest first. The last build may have it more than once: for
// each service that has the step.
func (h *History) Results(builder, key string) []*StepRecord {
	h.once.Do(h.makeIndex)
	return h.results[keyAt{builder, key}]
}

// BuildsOf returns the builds that had the service as a target, newest first: on one builder, or on all when builder is empty.
func (h *History) BuildsOf(builder, service, platform string) []*BuildRecord {
	h.once.Do(h.makeIndex)
	return h.builds[image{builder, service, platform}]
}

// Last returns the first of BuildsOf, or nil.
func (h *History) Last(builder, service, platform string) *BuildRecord {
	if builds := h.BuildsOf(builder, service, platform); len(builds) > 0 {
		return builds[0]
	}
	return nil
}

// TookKey returns how long the step of that key took, on any builder.
func (h *History) TookKey(key string) Took {
	h.once.Do(h.makeIndex)
	return took(h.byKey[key])
}

// TookName returns how long the steps of that name took, whatever their key. Those that share it in one target, as the two
// of a COPY --link do, count as one that takes as long as they do together.
func (h *History) TookName(service, platform, name string) Took {
	h.once.Do(h.makeIndex)
	return took(h.byName[named{service, platform, name}])
}

// Target returns the target for the service and platform, or nil.
func (b *BuildRecord) Target(service, platform string) *Target {
	for i := range b.Targets {
		if t := &b.Targets[i]; t.Service == service && t.Platform == platform {
			return t
		}
	}
	return nil
}

// Of returns the results of one target, in their order.
func (b *BuildRecord) Of(service, platform string) []*StepRecord {
	var of []*StepRecord
	for i := range b.Results {
		if r := &b.Results[i]; r.Service == service && r.Platform == platform {
			of = append(of, r)
		}
	}
	return of
}

func (h *History) makeIndex() {
	h.index = index{map[keyAt][]*StepRecord{}, map[image][]*BuildRecord{}, map[string][]float64{}, map[named][]float64{}}
	for i := range slices.Backward(h.Builds) {
		b := &h.Builds[i]
		for _, t := range b.Targets {
			for _, builder := range slices.Compact([]string{"", b.Builder.ID}) {
				at := image{builder, t.Service, t.Platform}
				if n := len(h.builds[at]); n == 0 || h.builds[at][n-1] != b {
					h.builds[at] = append(h.builds[at], b)
				}
			}
		}
		h.indexResults(b)
	}
}

func (h *History) indexResults(b *BuildRecord) {
	keys := map[string]float64{}
	names := map[named]map[string]float64{} // by digest
	for i := range b.Results {
		r := &b.Results[i]
		if r.Step.Key != "" {
			at := keyAt{b.Builder.ID, r.Step.Key}
			h.results[at] = append(h.results[at], r)
		}
		if r.Status != Ran {
			continue
		}
		if r.Step.Key != "" {
			keys[r.Step.Key] = max(keys[r.Step.Key], r.Seconds) // one vertex, though several services have it
		}
		at := named{r.Service, r.Platform, r.Step.Name}
		if names[at] == nil {
			names[at] = map[string]float64{}
		}
		names[at][r.Step.Digest] = r.Seconds
	}
	for key, seconds := range keys {
		h.byKey[key] = append(h.byKey[key], seconds)
	}
	for at, vertices := range names {
		var together float64
		for _, seconds := range vertices {
			together += seconds
		}
		h.byName[at] = append(h.byName[at], together)
	}
}

func took(seconds []float64) Took {
	n := len(seconds)
	if n == 0 {
		return Took{}
	}
	s := slices.Sorted(slices.Values(seconds))
	return Took{Seconds: (s[(n-1)/2] + s[n/2]) / 2, Builds: n}
}
