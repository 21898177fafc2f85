package session

import (
	"math/rand/v2"
	"testing"

	"github.com/docker-catmandu/docker-catmandu/pkg/sample"
	"gotest.tools/v3/assert"
)

func TestSummarise(t *testing.T) {
	values := []float64{12, 12.5, 13, 12.2, 30}
	s := Summarise(Case{Scenario: "warm"}, Wall, values, true)
	assert.DeepEqual(t, values, []float64{12, 12.5, 13, 12.2, 30}) // in the order of the runs
	assert.DeepEqual(t, s.Values, values)
	assert.Equal(t, s.Median, 12.5)
	assert.Equal(t, s.Lo, 12.0)
	assert.Equal(t, s.Hi, 30.0)
	assert.Assert(t, s.Level > 0.9 && s.Level < 1)
	assert.DeepEqual(t, s.Outliers, []int{4})
	assert.Assert(t, s.Noise > 0.01 && s.Noise < 0.1, s.Noise)
	assert.Assert(t, s.Gate && s.Unit == "s" && s.Metric == Wall && s.Scenario == "warm")
	values[0] = 99
	assert.Equal(t, s.Values[0], 12.0)

	// What has no values can be written: nothing is infinite.
	written(t, &Session{ID: "A", Series: []Series{Summarise(Case{}, CPU, nil, false), Summarise(Case{}, CPU, []float64{0, 0}, false)}})
}

func TestCompareSessions(t *testing.T) {
	for _, test := range []struct {
		name           string
		head, base     float64
		verdict        string
		ratio          float64
		change         func(head, base *Session)
		times, why     string
		gate, trusting bool
	}{
		{name: "same", head: 20.5, base: 20, verdict: Same, ratio: 1.025, gate: true},
		{name: "slower", head: 25, base: 20, verdict: Slower, ratio: 1.25, gate: true, trusting: true},
		{name: "faster", head: 20, base: 25, verdict: Faster, ratio: 0.8, gate: true},
		{name: "a great share of little", head: 0.9, base: 0.5, verdict: Same, ratio: 1.8, gate: true},
		{name: "a little share of much", head: 210, base: 200, verdict: Same, ratio: 1.05, gate: true},
		{name: "of nothing", head: 2, base: 0, verdict: Slower, ratio: 0, gate: true, trusting: true},
		{name: "nothing any more", head: 0, base: 2, verdict: Faster, ratio: 0, gate: true},
		{
			name: "flagged", head: 25, base: 20, verdict: Slower, ratio: 1.25,
			change: func(h, _ *Session) { h.Builder.BuildKit = "v1.0.0" }, times: Flagged,
		},
		{
			name: "other edits", head: 25, base: 20, verdict: CannotTell, why: "edits of api source: b.go vs a.go",
			change: func(_, b *Session) { b.Settings.Edits["api source"] = []string{"b.go"} },
		},
		{name: "new", head: 25, verdict: New, change: func(_, b *Session) { b.Series[0].Scenario = "deps" }},
		{
			name: "no valid run", base: 20, verdict: Invalid, why: "no valid run, 3 invalid",
			change: func(h, _ *Session) { h.Series[0] = Series{Case: h.Series[0].Case, Metric: Wall, Invalid: 3} },
		},
		{
			name: "no valid run of the baseline", head: 25, verdict: CannotTell, why: "the baseline has no valid run",
			change: func(_, b *Session) { b.Series[0].Values = nil },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			head, base := nightly(1, test.head), nightly(0, test.base)
			if test.change != nil {
				test.change(head, base)
			}
			c := Rules{}.Sessions(head, base)
			assert.Equal(t, c.Kind, KindBaseline)
			assert.DeepEqual(t, c.To, Other{ID: base.ID, Revision: base.VCS.Revision, Name: base.ID})
			if test.times == "" {
				test.times = Yes
			}
			assert.Equal(t, c.Times, test.times)
			assert.Equal(t, c.Sizes, Yes)
			r := one(t, c, Wall)
			assert.Equal(t, r.Verdict, test.verdict)
			assert.Assert(t, !r.Confirmed)
			assert.Equal(t, r.Gate, test.gate)
			assert.Assert(t, r.Ratio > test.ratio-1e-9 && r.Ratio < test.ratio+1e-9, r.Ratio)
			assert.Assert(t, r.Lo == r.Ratio && r.Hi == r.Ratio)
			if test.why == "" && test.ratio > 0 {
				test.why = "one baseline: hint only"
			}
			if test.why != "" {
				assert.Equal(t, r.Why, test.why)
			}
			assert.Equal(t, len(c.Regressions(false)), 0)
			assert.Equal(t, len(c.Regressions(true)) == 1, test.trusting)
			head.Compare = c
			written(t, head)
		})
	}
}

func TestCompareSessionsRefuses(t *testing.T) {
	head, base := nightly(1, 30), nightly(0, 20)
	base.Machine.CPUs = 64
	c := Rules{Allow: []string{AllowBuilder}}.Sessions(head, base)
	assert.Equal(t, c.Times, No)
	assert.DeepEqual(t, c.Why, []string{"CPUs: 64 vs 4: times are not comparable"})
	assert.Equal(t, len(c.Results), 1)
	assert.Equal(t, c.Results[0].Metric, Size)

	base.Settings.Platforms = []string{"linux/arm64"}
	c = Rules{}.Sessions(head, base)
	assert.Equal(t, c.Times+c.Sizes, No+No)
	assert.Equal(t, len(c.Results), 0)
}

// A series or an image is gone when it was asked for, and is not there.
func TestGone(t *testing.T) {
	for _, test := range []struct {
		change func(head *Session)
		times  int
		sizes  int
	}{
		{func(*Session) {}, 1, 1},
		{func(s *Session) { s.Settings.Scenarios = []string{"warm"} }, 0, 1},
		{func(s *Session) { s.Settings.Kinds = []string{"dev"} }, 0, 0},
		{func(s *Session) { s.Settings.Services = []string{"web"} }, 0, 0},
		{func(s *Session) { s.Settings = Settings{} }, 1, 1},
	} {
		head, base := nightly(1, 20), nightly(0, 20)
		head.Series, head.Images = nil, []Image{{Service: "other", Version: Head}}
		test.change(head)
		for _, c := range []*Compare{Rules{}.Sessions(head, base), Rules{}.History(head, []*Session{base})} {
			var times, sizes int
			for _, r := range c.Results {
				if r.Service == "other" {
					continue
				}
				assert.Equal(t, r.Verdict, Gone)
				assert.Assert(t, !r.Gate && r.Base > 0 && r.Head == 0)
				if r.Metric == Size {
					sizes++
				} else {
					times++
				}
			}
			assert.Equal(t, times, test.times)
			assert.Equal(t, sizes, test.sizes)
		}
	}
}

func TestEffects(t *testing.T) {
	head, base := nightly(1, 20.6), nightly(0, 20)
	c := Rules{Effects: Effects{Wall: {Ratio: 0.02, Absolute: 0.5}}}.Sessions(head, base)
	assert.Equal(t, one(t, c, Wall).Verdict, Slower)
	assert.Equal(t, one(t, Rules{}.Sessions(head, base), Wall).Verdict, Same)
	for metric, effect := range map[string]sample.Effect{Wall: {Ratio: 0.1, Absolute: 1}, CPU: {Ratio: 0.05, Absolute: 0.5}} {
		assert.Equal(t, DefaultEffects[metric], effect)
	}
	// The rule is the same in both directions, and what counts is more than nothing.
	random := rand.New(rand.NewPCG(3, 3))
	for range 10_000 {
		a, b := random.Float64()*20, random.Float64()*20
		for _, metric := range []string{Wall, CPU} {
			sign := DefaultEffects.sign(metric, a, b)
			assert.Assert(t, sign == -DefaultEffects.sign(metric, b, a))
			least := DefaultEffects[metric]
			counts := max(a, b)-min(a, b) >= least.Absolute && max(a, b) >= min(a, b)*(1+least.Ratio)
			assert.Equal(t, sign != 0, counts)
		}
	}
}
