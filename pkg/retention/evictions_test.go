package retention

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// built is a build of one step, which it comes to a second after its begin, and which takes two.
func built(hour float64, status string, change ...func(*ledger.BuildRecord)) ledger.BuildRecord {
	at := noon.Add(time.Duration(hour * float64(time.Hour)))
	b := ledger.BuildRecord{Build: ledger.Build{Started: at, Seconds: 5, Builder: ledger.Builder{ID: "b"}}}
	b.Results = []ledger.StepRecord{{Result: ledger.Result{
		Service: "web", Status: status, Started: at.Add(time.Second), Seconds: 2,
		Step: steps.Step{Key: "k", Digest: "d", Name: "[deps 2/2] RUN make"},
	}}}
	for _, f := range change {
		f(&b)
	}
	return b
}

func TestFindEvictions(t *testing.T) {
	step := func(f func(*ledger.StepRecord)) func(*ledger.BuildRecord) {
		return func(b *ledger.BuildRecord) { f(&b.Results[0]) }
	}
	twice := func(b *ledger.BuildRecord) {
		other := b.Results[0]
		other.Service = "api"
		b.Results = append(b.Results, other)
	}
	at := func(hour float64) time.Time { return noon.Add(time.Duration(hour * float64(time.Hour))) }
	for name, c := range map[string]struct {
		builds []ledger.BuildRecord
		prunes []time.Time
		want   int
	}{
		"nothing":                 {},
		"once":                    {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Cached)}},
		"again":                   {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Ran)}, want: 1},
		"and again":               {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Ran), built(2, ledger.Ran)}, want: 2},
		"of two services":         {builds: []ledger.BuildRecord{built(0, ledger.Ran, twice), built(1, ledger.Ran, twice)}, want: 1},
		"after two days":          {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(48, ledger.Ran)}},
		"in use all the time":     {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(30, ledger.Cached), built(48, ledger.Ran)}, want: 1},
		"without the cache":       {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Ran, func(b *ledger.BuildRecord) { b.NoCache = true })}},
		"a step without it":       {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Ran, step(func(r *ledger.StepRecord) { r.Step.NoCache = true }))}},
		"made without it":         {builds: []ledger.BuildRecord{built(0, ledger.Ran, func(b *ledger.BuildRecord) { b.NoCache = true }), built(1, ledger.Ran)}, want: 1},
		"another key":             {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Ran, step(func(r *ledger.StepRecord) { r.Step.Key = "other" }))}},
		"no key":                  {builds: []ledger.BuildRecord{built(0, ledger.Ran, step(func(r *ledger.StepRecord) { r.Step.Key = "" })), built(1, ledger.Ran, step(func(r *ledger.StepRecord) { r.Step.Key = "" }))}},
		"files changed":           {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Ran, step(func(r *ledger.StepRecord) { r.Unsure = true }))}},
		"an image":                {builds: []ledger.BuildRecord{built(0, ledger.Ran, step(func(r *ledger.StepRecord) { r.Step.Base = &steps.Base{} })), built(1, ledger.Ran, step(func(r *ledger.StepRecord) { r.Step.Base = &steps.Base{} }))}},
		"another builder":         {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Ran, func(b *ledger.BuildRecord) { b.Builder.ID = "c" })}},
		"another platform":        {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Ran, step(func(r *ledger.StepRecord) { r.Platform = "linux/arm64" }))}},
		"it failed":               {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Failed)}},
		"the build failed":        {builds: []ledger.BuildRecord{built(0, ledger.Ran, func(b *ledger.BuildRecord) { b.Error = "later" }), built(1, ledger.Ran)}},
		"at the same time":        {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(0.0005, ledger.Ran)}},
		"pruned":                  {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Ran)}, prunes: []time.Time{at(0.5)}},
		"pruned before":           {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Ran)}, prunes: []time.Time{at(-1), at(2)}, want: 1},
		"pruned by another clock": {builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Ran)}, prunes: []time.Time{at(-0.005)}},
		"pruned, and said to be cached by what is built on it": {
			builds: []ledger.BuildRecord{built(0, ledger.Ran), built(1, ledger.Cached), built(2, ledger.Ran)}, prunes: []time.Time{at(0.5)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := FindEvictions(&ledger.History{Builds: c.builds}, "b", c.prunes)
			assert.Equal(t, got.Steps, c.want)
			assert.Equal(t, got.Seconds, 2*float64(c.want))
			if c.want > 0 {
				assert.DeepEqual(t, got.Names, []string{"[deps 2/2] RUN make"})
			}
		})
	}
	assert.Equal(t, FindEvictions(nil, "b", nil).Steps, 0)
}
