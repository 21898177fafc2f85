package usage

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
)

// A timeline finds the runs that were at work.
func TestTimeline(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var runs []*run
	for range 300 {
		runs = append(runs, &run{StepRecord: &ledger.StepRecord{Result: ledger.Result{
			Status: ledger.Ran, Started: noon.Add(time.Duration(r.IntN(600_000)) * time.Millisecond), Seconds: float64(r.IntN(3)*r.IntN(50_000)) / 1000,
		}}})
	}
	p := &past{runs: map[string][]*run{"some": runs}, lines: map[string]*timeline{}}
	found := 0
	for range 2000 {
		at := noon.Add(time.Duration(r.IntN(720_000)-60_000) * time.Millisecond)
		near := p.near("some", at)
		for _, v := range runs {
			from, to := v.atWork()
			was := !at.Before(from) && !at.After(to)
			if was {
				found++
			}
			assert.Equal(t, slices.Contains(near, v), was, "%s: %s, %f s", at, v.Started, v.Seconds)
		}
	}
	assert.Assert(t, found > 1000)
	assert.Equal(t, len(p.near("none", noon)), 0)
}

// Records are of one group that may be of the same run, or of runs that other records may be of.
func TestGroupsOf(t *testing.T) {
	var runs []*run
	for i := range 6 {
		runs = append(runs, &run{StepRecord: &ledger.StepRecord{Result: ledger.Result{Seconds: float64(i)}}})
	}
	records := []*Record{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}, {ID: "e"}, {ID: "none"}}
	may := map[string][]*run{
		"a": {runs[0], runs[1]}, "b": {runs[2]}, "c": {runs[3]}, "d": {runs[1], runs[2]}, "e": {runs[4], runs[5]},
	}
	got := map[string]int{}
	for _, g := range groupsOf(records, func(r *Record) []*run { return may[r.ID] }) {
		var all []string
		for r, of := range g.records {
			all = append(all, r.ID)
			assert.DeepEqual(t, len(of), len(may[r.ID]))
		}
		slices.Sort(all)
		for _, id := range all {
			got[id] = len(all)*10 + len(g.runs)
		}
	}
	assert.DeepEqual(t, got, map[string]int{"a": 33, "b": 33, "d": 33, "c": 11, "e": 12})
}
