package bench

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/sample"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// builds answers as builds would: by case, seconds with a spread.
type builds struct {
	rand    *rand.Rand
	seconds func(session.Case) float64
	cv      float64
	cpu     bool
	invalid func(session.Case, int) bool
	now     time.Time
	order   []session.Case
}

func (b *builds) build(_ context.Context, c session.Case, round int) (session.Run, error) {
	b.order = append(b.order, c)
	s := b.seconds(c) * math.Exp(b.cv*b.rand.NormFloat64())
	b.now = b.now.Add(time.Duration(s * float64(time.Second)))
	r := session.Run{Wall: s, Valid: true}
	if b.cpu {
		r.CPU = s / 2
	}
	if b.invalid != nil && b.invalid(c, round) {
		r.Valid, r.Why = false, "not what it says"
	}
	return r, nil
}

func newBuilds(seed uint64, seconds func(session.Case) float64) *builds {
	return &builds{rand: rand.New(rand.NewPCG(seed, 1)), seconds: seconds, cv: 0.02, now: time.Unix(0, 0)}
}

func (b *builds) options(cases ...session.Case) Options {
	return Options{
		Cases: cases, Seed: 7, Build: b.build, Now: func() time.Time { return b.now },
		Effects: map[string]sample.Effect{session.Wall: {Ratio: 0.1, Absolute: 1}, session.CPU: {Ratio: 0.05, Absolute: 0.5}},
	}
}

func pair(service, scenario string) []session.Case {
	return []session.Case{{Service: service, Scenario: scenario, Version: session.Head}, {Service: service, Scenario: scenario, Version: session.Base}}
}

func always(float float64) func(session.Case) float64 {
	return func(session.Case) float64 { return float }
}

// Every round has each case once, in an order that is another in each round and the same for the same seed.
func TestRoundsAreInterleaved(t *testing.T) {
	var cases []session.Case
	for _, service := range []string{"a", "b", "c", "d", "e"} {
		cases = append(cases, session.Case{Service: service, Scenario: "warm", Version: session.Head})
	}
	b, again := newBuilds(1, always(10)), newBuilds(1, always(10))
	out, err := Run(t.Context(), b.options(cases...))
	assert.NilError(t, err)
	_, err = Run(t.Context(), again.options(cases...))
	assert.NilError(t, err)
	assert.DeepEqual(t, b.order, again.order)
	assert.Equal(t, len(out.Runs), len(cases)*(1+defaultRounds))
	orders := map[string]bool{}
	for round := range 1 + defaultRounds {
		text, seen := "", map[session.Case]bool{}
		for i := range cases {
			r := out.Runs[round*len(cases)+i]
			assert.Equal(t, r.Round, round)
			assert.Assert(t, !seen[r.Case], "twice in a round")
			seen[r.Case] = true
			text += r.Service
		}
		orders[text] = true
	}
	assert.Assert(t, len(orders) > 2, "%v", orders)
}

// The warm-up is in the runs, and in no series.
func TestWarmUpIsDiscarded(t *testing.T) {
	first := true
	b := newBuilds(1, func(session.Case) float64 {
		if first {
			first = false
			return 1000
		}
		return 10
	})
	c := session.Case{Scenario: "cold", Version: session.Head}
	o := b.options(c)
	o.Rounds = 4
	out, err := Run(t.Context(), o)
	assert.NilError(t, err)
	s := out.Series(o.Cases, nil)
	assert.Equal(t, len(s), 1)
	assert.Equal(t, len(s[0].Values), 4)
	assert.Assert(t, slices.Max(s[0].Values) < 20)
}

// What got slower is an alarm only when fresh runs agree; what is the same is decided early and not built any more.
func TestRegressionIsConfirmed(t *testing.T) {
	b := newBuilds(3, func(c session.Case) float64 {
		if c.Service == "slow" && c.Version == session.Head {
			return 13
		}
		return 10
	})
	o := b.options(append(pair("slow", "source"), pair("same", "source")...)...)
	out, err := Run(t.Context(), o)
	assert.NilError(t, err)
	results := Results(o, out)
	assert.Equal(t, len(results), 2)
	assert.Equal(t, results[0].Verdict, session.Slower)
	assert.Assert(t, results[0].Confirmed && results[0].Gate)
	assert.Assert(t, results[0].Lo > 1.1 && results[0].Hi < 1.6, "%+v", results[0])
	assert.Equal(t, results[1].Verdict, session.Same)
	count := map[string]int{}
	for _, r := range out.Runs {
		count[r.Service]++
		assert.Assert(t, !r.Fresh || r.Service == "slow")
	}
	assert.Assert(t, count["slow"] > count["same"], "%v", count)
}

// A suspicion that fresh runs don't share is no alarm.
func TestSuspicionIsDropped(t *testing.T) {
	n := 0
	b := newBuilds(5, func(c session.Case) float64 {
		n++
		if c.Version == session.Head && n <= 2*(1+sample.Looks[0]) { // until the first look
			return 14
		}
		return 10
	})
	o := b.options(pair("web", "warm")...)
	out, err := Run(t.Context(), o)
	assert.NilError(t, err)
	r := Results(o, out)[0]
	assert.Assert(t, slices.ContainsFunc(out.Runs, func(r session.Run) bool { return r.Fresh }), "nothing was confirmed")
	assert.Equal(t, r.Verdict, session.CannotTell)
	assert.Assert(t, !r.Confirmed)
}

func TestCPUIsWhatGates(t *testing.T) {
	b := newBuilds(1, always(10))
	b.cpu = true
	o := b.options(pair("web", "warm")...)
	o.Erratic = []string{"other"}
	out, err := Run(t.Context(), o)
	assert.NilError(t, err)
	for _, r := range Results(o, out) {
		assert.Equal(t, r.Gate, r.Metric == session.CPU)
	}
	o.Erratic = []string{"web"}
	for _, r := range Results(o, out) {
		assert.Assert(t, !r.Gate)
	}
}

// A case whose runs are never what they say is given up, and the others go on.
func TestInvalidCaseIsGivenUp(t *testing.T) {
	b := newBuilds(1, always(10))
	b.invalid = func(c session.Case, _ int) bool { return c.Service == "hidden" }
	o := b.options(append(pair("hidden", "source"), pair("web", "source")...)...)
	out, err := Run(t.Context(), o)
	assert.NilError(t, err)
	hidden := 0
	for _, r := range out.Runs {
		if r.Service == "hidden" && r.Version == session.Head {
			hidden++
		}
	}
	assert.Equal(t, hidden, givenUp)
	results := Results(o, out)
	assert.Equal(t, results[0].Verdict, session.Invalid)
	assert.Equal(t, results[1].Verdict, session.Same)
	series := out.Series(o.Cases, nil)
	assert.Equal(t, series[0].Invalid, givenUp-1) // without the warm-up
	assert.Equal(t, len(series[0].Values), 0)
}

// A run that is invalid now and then is made up for.
func TestInvalidRunIsMadeAgain(t *testing.T) {
	b := newBuilds(1, always(10))
	b.invalid = func(_ session.Case, round int) bool { return round == 2 }
	c := session.Case{Scenario: "source", Version: session.Head}
	o := b.options(c)
	out, err := Run(t.Context(), o)
	assert.NilError(t, err)
	assert.Equal(t, len(out.Series(o.Cases, nil)[0].Values), defaultRounds)
}

func TestTimeRunsOut(t *testing.T) {
	b := newBuilds(1, always(60))
	o := b.options(pair("web", "cold")...)
	o.MaxTime = 5 * time.Minute // the warm-up and one round take four
	out, err := Run(t.Context(), o)
	assert.NilError(t, err)
	assert.Assert(t, out.OutOfTime)
	assert.Equal(t, len(out.Runs), 4)
	assert.Equal(t, Results(o, out)[0].Verdict, session.CannotTell)
}

func TestErrorEndsTheSession(t *testing.T) {
	b := newBuilds(1, always(1))
	o := b.options(pair("web", "cold")...)
	gone := errors.New("the builder is gone")
	o.Build = func(ctx context.Context, c session.Case, round int) (session.Run, error) {
		if round == 1 {
			return session.Run{}, gone
		}
		return b.build(ctx, c, round)
	}
	out, err := Run(t.Context(), o)
	assert.ErrorIs(t, err, gone)
	assert.Equal(t, len(out.Runs), 2)
}

func TestProgressTellsTimeLeft(t *testing.T) {
	b := newBuilds(1, always(10))
	b.cv = 0
	c := session.Case{Scenario: "warm", Version: session.Head}
	o := b.options(c)
	var last Progress
	var lefts []time.Duration
	o.Progress = func(p Progress) { last, lefts = p, append(lefts, p.Left) }
	_, err := Run(t.Context(), o)
	assert.NilError(t, err)
	assert.DeepEqual(t, lefts, []time.Duration{0, 50e9, 40e9, 30e9, 20e9, 10e9})
	assert.Equal(t, last.Done, 5)
	assert.Equal(t, last.Runs, 6)
}
