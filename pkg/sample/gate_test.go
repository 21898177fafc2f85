package sample

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// trial is a series of which head takes so many times as long as base, of a minute.
type trial struct {
	noise
	slower float64
}

var usual = Effect{Ratio: 0.10, Absolute: 1}

// phase measures until a decision falls, as a session does.
func (c trial) phase(r *rand.Rand, decide func(head, base []float64, e Effect) Decision) (Decision, int) {
	var head, base []float64
	for d := decide(head, base, usual); ; d = decide(head, base, usual) {
		if d.Want == 0 {
			return d, len(head)
		}
		head = append(head, c.runs(r, d.Want-len(head), 60*c.slower)...)
		base = append(base, c.runs(r, d.Want-len(base), 60)...)
	}
}

// gate is both phases. A suspicion that isn't confirmed is the verdict of the fresh runs.
func (c trial) gate(r *rand.Rand) (verdict string, runs int) {
	d, n := c.phase(r, Judge)
	if d.Verdict != Slower {
		return d.Verdict, n
	}
	d, fresh := c.phase(r, Confirm)
	return d.Verdict, n + fresh
}

// At a CV of 8 % at most one session of 20 series in fifty raises a false alarm.
func TestFalseAlarmsOfSessions(t *testing.T) {
	t.Parallel()
	const sessions, series = 700, 20
	r, alarms := newRand(5), 0
	for range sessions {
		slower := 0
		for range series {
			if verdict, _ := (trial{noise{cv: 0.08}, 1}).gate(r); verdict == Slower {
				slower++
			}
		}
		if slower > 0 {
			alarms++
		}
	}
	assert.Assert(t, alarms <= sessions*2/100, "%d of %d", alarms, sessions)
}

// The gates go by ranks, so the chance that both are passed without a change has a bound that no noise raises: the effect that counts,
// and series that are found to be the same, only take away from it. It must do for the 20 series of a session.
func TestFalseAlarmsOfAnyNoise(t *testing.T) {
	t.Parallel()
	const series = 20
	r := newRand(6)
	suspected, confirmed := passedByRanks(r, suspicion), passedByRanks(r, confirmation)
	assert.Assert(t, series*suspected*confirmed <= 0.02, "%g, %g", suspected, confirmed)
}

// With fewer runs than the level takes, the interval would be of a lower one.
func TestLooksReachTheirLevel(t *testing.T) {
	for _, l := range slices.Concat(suspicion, confirmation) {
		assert.Assert(t, uTail(l.runs, l.runs)[0] <= (1-l.level)/2+rounding, "%+v", l)
	}
}

// passedByRanks is how often some look finds equal versions apart.
func passedByRanks(r *rand.Rand, looks []look) float64 {
	const repeats = 100_000
	most := make([]int, len(looks)) // pairs in which head may be the faster one
	for i, l := range looks {
		tail := uTail(l.runs, l.runs)
		for tail[most[i]+1] <= (1-l.level)/2+rounding {
			most[i]++
		}
	}
	passed := 0
	var head, base [10]float64
	for range repeats {
		faster, n := 0, 0
		for i, l := range looks {
			for ; n < l.runs; n++ {
				head[n], base[n] = r.Float64(), r.Float64()
				for j := range n {
					faster += less(head[n], base[j]) + less(head[j], base[n])
				}
				faster += less(head[n], base[n])
			}
			if faster <= most[i] {
				passed++
				break
			}
		}
	}
	return float64(passed) / repeats
}

func less(a, b float64) int {
	if a < b {
		return 1
	}
	return 0
}

// Noise that hides what counts is not an alarm: it can't be told, and is seldom called faster.
func TestNoiseIsNoAlarm(t *testing.T) {
	for name, z := range map[string]noise{
		"CV 15 %": {cv: 0.15}, "CV 8 %, a run in ten spoiled": {cv: 0.08, spoiled: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const repeats, series = 4000, 20
			r, first, fresh := newRand(6), map[string]float64{}, map[string]float64{}
			for range repeats {
				d, _ := trial{z, 1}.phase(r, Judge)
				first[d.Verdict] += 1.0 / repeats
				if d.Verdict == CannotTell {
					assert.Assert(t, strings.HasPrefix(d.Why, "noise "), d.Why)
					assert.Assert(t, d.NeedRuns == 0 || d.NeedRuns > 10, "%+v", d)
				}
				d, _ = trial{z, 1}.phase(r, Confirm)
				fresh[d.Verdict] += 1.0 / repeats
			}
			// The phases are independent: far fewer repeats tell the product than it would take to see it.
			assert.Assert(t, series*first[Slower]*fresh[Slower] <= 0.02, "%v %v", first, fresh)
			assert.Assert(t, first[Faster] <= 0.015, "%v", first)
			assert.Assert(t, first[CannotTell] > 0.2 && first[Same] > 0.3, "%v", first)
		})
	}
}

func TestFindsSlower(t *testing.T) {
	for _, c := range []struct {
		name string
		trial
		found, same float64 // at least, at most
		runs        float64 // of each version, at most
	}{
		{"20 % at a CV of 4 %", trial{noise{cv: 0.04}, 1.2}, 0.995, 0.001, 8.5},
		{"20 % at a CV of 8 %", trial{noise{cv: 0.08}, 1.2}, 0.95, 0.01, 11},
		{"30 % at a CV of 8 %", trial{noise{cv: 0.08}, 1.3}, 0.995, 0.001, 9},
		{"30 % at a CV of 15 %", trial{noise{cv: 0.15}, 1.3}, 0.75, 0.01, 13.5},
		{"20 % at a CV of 15 %", trial{noise{cv: 0.15}, 1.2}, 0.33, 0.03, 14.5},
		{"20 % at a CV of 4 %, a run in ten spoiled", trial{noise{cv: 0.04, spoiled: 0.1}, 1.2}, 0.80, 0.01, 12},
		{"20 % at a CV of 8 %, a run in ten spoiled", trial{noise{cv: 0.08, spoiled: 0.1}, 1.2}, 0.62, 0.01, 13.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const repeats = 2000
			r, verdicts, runs := newRand(7), map[string]float64{}, 0.0
			for range repeats {
				verdict, n := c.gate(r)
				verdicts[verdict] += 1.0 / repeats
				runs += float64(n) / repeats
			}
			assert.Assert(t, verdicts[Slower] >= c.found, "%v", verdicts)
			assert.Assert(t, verdicts[Same] <= c.same, "%v", verdicts)
			assert.Assert(t, verdicts[Faster] == 0, "%v", verdicts)
			assert.Assert(t, runs <= c.runs, "%g", runs)
		})
	}
}

// Where nothing changed the runs are few, and most series say so.
func TestSaysSame(t *testing.T) {
	for _, c := range []struct{ cv, same, runs float64 }{{0.04, 0.99, 4}, {0.08, 0.80, 6.8}} {
		const repeats = 2000
		r, verdicts, runs := newRand(8), map[string]float64{}, 0.0
		for range repeats {
			verdict, n := trial{noise{cv: c.cv}, 1}.gate(r)
			verdicts[verdict] += 1.0 / repeats
			runs += float64(n) / repeats
		}
		assert.Assert(t, verdicts[Same] >= c.same, "%v", verdicts)
		assert.Assert(t, runs <= c.runs, "%g", runs)
	}
}
