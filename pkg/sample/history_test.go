package sample

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

func TestLimit(t *testing.T) {
	// 1, e and e² have a mean of 1 and a deviation of 1 in logarithms; t of 2 degrees is 2.91999.
	near(t, math.Log(Limit([]float64{1, math.E, math.E * math.E}, 0.95)), 1+2.919986*math.Sqrt(4.0/3), 1e-5)
	near(t, Limit([]float64{7, 7, 7}, 0.95), 7, 1e-9)
	near(t, Limit([]float64{7, 0, math.NaN(), 7}, 0.95), 7, 1e-9)
	for _, values := range [][]float64{nil, {3}, {3, 0}, {3, -1, math.NaN()}} {
		assert.Assert(t, math.IsInf(Limit(values, 0.95), 1), "%v", values)
	}
	assert.Assert(t, math.IsInf(Limit([]float64{1, 2}, 1), 1))
}

// One session in twenty passes the limit, whatever sessions differ by; with the least effect fewer do.
func TestLimitFalseAlarms(t *testing.T) {
	const repeats = 4000
	for _, k := range []int{5, 8, 20} {
		for _, cv := range []float64{0.03, 0.06, 0.15} {
			r, past, alarms, found := newRand(uint64(k)), 0, 0, 0
			for range repeats {
				z := noise{cv: cv}
				medians, next := z.runs(r, k, 30), z.runs(r, 1, 30)[0]
				limit, least := Limit(medians, 0.95), 1.1*Median(medians)
				if next > limit {
					past++
				}
				if next > max(limit, least) {
					alarms++
				}
				if 1.2*next > max(limit, least) {
					found++
				}
			}
			near(t, float64(past)/repeats, 0.05, 0.012)
			assert.Assert(t, alarms <= past)
			if cv == 0.03 {
				assert.Assert(t, alarms < repeats/100, "%d", alarms)
				assert.Assert(t, found > repeats*98/100, "%d", found)
			}
		}
	}
}

func TestChanges(t *testing.T) {
	flat := func(n int, v float64) []float64 { // a little noise without a trend
		out := make([]float64, n)
		for i := range out {
			out[i] = v * (1 + 0.01*float64(i*7%5-2))
		}
		return out
	}
	for _, c := range []struct {
		name    string
		medians []float64
		want    map[int]float64 // index to ratio
	}{
		{"none", nil, nil},
		{"few", flat(5, 10), nil},
		{"flat", flat(40, 10), nil},
		{"constant", slices.Repeat([]float64{3}, 20), nil},
		{"a step", slices.Concat(flat(15, 10), flat(10, 12)), map[int]float64{15: 1.2}},
		{"without noise", slices.Concat(slices.Repeat([]float64{3}, 10), slices.Repeat([]float64{6}, 10)), map[int]float64{10: 2}},
		{"faster", slices.Concat(flat(10, 10), flat(10, 5)), map[int]float64{10: 0.5}},
		{"undone", slices.Concat(flat(15, 10), flat(10, 13), flat(15, 10)), map[int]float64{15: 1.3, 25: 1 / 1.3}},
		{"twice", slices.Concat(flat(10, 10), flat(10, 12), flat(10, 15)), map[int]float64{10: 1.2, 20: 1.25}},
		{"too little", slices.Concat(flat(20, 10), flat(20, 10.4)), nil},
		{"too late", slices.Concat(flat(20, 10), flat(2, 15)), nil},
		{"one bad session", slices.Concat(flat(15, 10), []float64{40}, flat(15, 10)), nil},
		{"not measured", slices.Concat([]float64{0, math.NaN()}, flat(15, 10), []float64{0}, flat(10, 12)), map[int]float64{18: 1.2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Changes(c.medians, 0.001, 0.05)
			assert.Assert(t, got != nil)
			assert.Equal(t, len(got), len(c.want), "%v", got)
			for i, change := range got {
				near(t, change.Ratio, c.want[change.Index], 0.02)
				assert.Assert(t, change.P < 0.001)
				assert.Assert(t, i == 0 || change.Index > got[i-1].Index)
			}
			assert.DeepEqual(t, got, Changes(c.medians, 0.001, 0.05))
		})
	}
}

// A history without a change seldom has one, however long or noisy; five sessions after a step it is found where it was.
func TestChangesOfSimulatedHistories(t *testing.T) {
	for _, c := range []struct {
		n         int
		cv, found float64
	}{
		{10, 0.03, 0.95}, {20, 0.03, 0.98}, {50, 0.03, 0.98}, {20, 0.06, 0.80}, {50, 0.15, 0},
	} {
		t.Run(fmt.Sprintf("%d of CV %g", c.n, c.cv), func(t *testing.T) {
			t.Parallel()
			const repeats = 150
			r, wrong, found := newRand(uint64(c.n)), 0, 0
			for range repeats {
				medians := noise{cv: c.cv}.runs(r, c.n, 30)
				if len(Changes(medians, 0.01, 0.05)) > 0 {
					wrong++
				}
				if c.found == 0 {
					continue
				}
				for i := range 5 {
					medians[c.n-1-i] *= 1.2
				}
				if slices.ContainsFunc(Changes(medians, 0.01, 0.05), func(v Change) bool { return max(v.Index-c.n+5, c.n-5-v.Index) <= 1 }) {
					found++
				}
			}
			assert.Assert(t, wrong <= repeats*5/100, "%d of %d", wrong, repeats)
			assert.Assert(t, float64(found) >= c.found*repeats, "%d of %d", found, repeats)
		})
	}
}

// Every change holds between what is before and after it, however many there are.
func TestChangesHold(t *testing.T) {
	r, found := newRand(10), 0
	for range 250 {
		medians := noise{cv: 0.02 + 0.08*r.Float64()}.runs(r, 8+r.IntN(30), 30)
		for range r.IntN(4) {
			by := 0.7 + 0.7*r.Float64()
			for i := r.IntN(len(medians)); i < len(medians); i++ {
				medians[i] *= by
			}
		}
		last := 0
		for _, c := range Changes(medians, 0.01, 0.05) {
			assert.Assert(t, c.P < 0.01 && max(c.Ratio, 1/c.Ratio) >= 1.05, "%+v of %v", c, medians)
			assert.Assert(t, c.Index >= last+3 && c.Index <= len(medians)-3, "%+v", c)
			last = c.Index
			found++
		}
	}
	assert.Assert(t, found > 100, "%d", found)
}

func TestChangesProperties(t *testing.T) {
	r := newRand(9)
	medians := slices.Concat(noise{cv: 0.03}.runs(r, 12, 30), noise{cv: 0.03}.runs(r, 12, 40))
	was := slices.Clone(medians)
	got := Changes(medians, 0.001, 0.05)
	assert.Equal(t, len(got), 1)
	assert.DeepEqual(t, medians, was)
	scaled := Changes(times(medians, 1000), 0.001, 0.05)
	assert.Equal(t, scaled[0].Index, got[0].Index)
	near(t, scaled[0].Ratio, got[0].Ratio, 1e-9)
	slices.Reverse(medians)
	back := Changes(medians, 0.001, 0.05)
	assert.Equal(t, back[0].Index, len(medians)-got[0].Index)
	near(t, back[0].Ratio, 1/got[0].Ratio, 1e-9)
}
