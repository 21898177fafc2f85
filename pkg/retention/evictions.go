package retention

import (
	"slices"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
)

// day is within what time a project needs again what it has to be worth keeping.
const day = 24 * time.Hour

// skew is how much the clocks of a builder and of this machine, which is that of prunes, may differ.
const skew = time.Minute

// Evictions are steps that ran again, although nothing that they depend on had changed and their results had been used a day before
// or less: these were gone.
type Evictions struct {
	Steps int `json:"steps"`
	// Seconds is what they took when they ran again.
	Seconds float64 `json:"seconds"`
	// Last is when that happened last.
	Last time.Time `json:"last,omitzero"`
	// Names are those of the steps, each once, sorted.
	Names []string `json:"names"`
}

// FindEvictions looks through the builds of a ledger on one builder. Prunes are when somebody is known to have removed records from
// it: what was made before is not looked for after.
func FindEvictions(h *ledger.History, builder string, prunes []time.Time) Evictions {
	f := finder{prunes: prunes, last: map[result]*known{}, out: Evictions{Names: []string{}}}
	if h == nil {
		return f.out
	}
	for i := range h.Builds {
		if b := &h.Builds[i]; b.Builder.ID == builder {
			f.build(b)
		}
	}
	slices.Sort(f.out.Names)
	f.out.Names = slices.Compact(f.out.Names)
	return f.out
}

// result is what a step makes on one node: nodes are known by the platforms that they build.
type result struct{ key, platform string }

// known is what the ledger says of a result.
type known struct{ made, used time.Time }

type finder struct {
	prunes []time.Time
	last   map[result]*known
	out    Evictions
}

func (f *finder) build(b *ledger.BuildRecord) {
	ended := b.Ended()
	counted := map[string]bool{}
	for i := range b.Results {
		r := &b.Results[i]
		if !tells(r) {
			continue
		}
		k := f.last[result{r.Step.Key, r.Platform}]
		if r.Status == ledger.Ran && !b.NoCache && k != nil && f.evicted(k, r.Started) && !counted[r.Step.Digest] {
			counted[r.Step.Digest] = true
			f.out.Steps++
			f.out.Seconds += r.Seconds
			f.out.Last = r.Started
			f.out.Names = append(f.out.Names, r.Step.Name)
		}
	}
	for i := range b.Results {
		r := &b.Results[i]
		at := result{r.Step.Key, r.Platform}
		switch k := f.last[at]; {
		case !tells(r):
		case r.Status == ledger.Ran && b.Error != "": // BuildKit may not have kept it
			delete(f.last, at)
		case r.Status == ledger.Ran:
			f.last[at] = &known{ended, ended}
		case r.Status == ledger.Cached && k != nil:
			k.used = ended
		}
	}
}

// tells is false for what BuildKit may do again at any time: what it was told to, and images that it looks up.
func tells(r *ledger.StepRecord) bool {
	return r.Step.Key != "" && !r.Unsure && !r.Step.NoCache && r.Step.Base == nil
}

// evicted tells whether a result was removed by whom nobody knows, a day or less after its last use.
func (f *finder) evicted(k *known, again time.Time) bool {
	if !again.After(k.used) || again.Sub(k.used) > day {
		return false
	}
	return !slices.ContainsFunc(f.prunes, func(p time.Time) bool { return p.After(k.made.Add(-skew)) && p.Before(again.Add(skew)) })
}
