package sample

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

// noise makes runs of a build as they come: log-normal, and now and then one is spoiled and takes 1.8 times as long.
type noise struct{ cv, spoiled float64 }

func (z noise) runs(r *rand.Rand, n int, median float64) []float64 {
	sd := math.Sqrt(math.Log1p(z.cv * z.cv))
	values := make([]float64, n)
	for i := range values {
		values[i] = median * math.Exp(sd*r.NormFloat64())
		if r.Float64() < z.spoiled {
			values[i] *= 1.8
		}
	}
	return values
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func near(t *testing.T, got, want, within float64) {
	t.Helper()
	assert.Assert(t, math.Abs(got-want) <= within, "%g is not within %g of %g", got, within, want)
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{4}, 4},
		{[]float64{5, 1, 3}, 3},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{1, math.NaN(), 3, math.Inf(1), 2}, 2},
		{[]float64{math.MaxFloat64, math.MaxFloat64}, math.MaxFloat64},
	} {
		before := slices.Clone(c.values)
		assert.Equal(t, Median(c.values), c.want, "%v", c.values)
		for i := range before {
			assert.Equal(t, math.Float64bits(c.values[i]), math.Float64bits(before[i]), "the caller's order")
		}
	}
}

func TestNoise(t *testing.T) {
	near(t, Noise([]float64{9, 10, 11, 10, 12}), 0.14826, 1e-12)
	for _, values := range [][]float64{nil, {3}, {2, 2, 2}, {0, 0, 1}, {-3, -2, -1}, {-1e300, 1e-300, 1e300}} {
		assert.Equal(t, Noise(values), 0.0, "%v", values)
	}
	near(t, Noise(noise{cv: 0.08}.runs(newRand(1), 4000, 30)), 0.08, 0.004)
}

func TestOutliers(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   []int
	}{
		{nil, []int{}},
		{[]float64{1, 9}, []int{}}, // neither is more apart than the other
		{[]float64{10, 10.1, 18, 9.9, 10.2}, []int{2}},
		{[]float64{10, 10, 10, 11.9}, []int{}}, // less than 20 % off
		{[]float64{10, 10, 10, 12.1}, []int{3}},
		{[]float64{10, 10, 10, 7, 30}, []int{3, 4}},
		{[]float64{8, 9, 10, 11, 13}, []int{}}, // 30 % off, as noisy ones are
		{[]float64{1, math.NaN(), 1, 1}, []int{}},
	} {
		assert.DeepEqual(t, Outliers(c.values), c.want)
	}
}

// Most spoiled runs are named, and few of clean samples have any.
func TestOutliersOfSimulatedRuns(t *testing.T) {
	const repeats = 4000
	r, named, clean := newRand(2), 0, 0
	for range repeats {
		values := noise{cv: 0.05}.runs(r, 5, 30)
		if len(Outliers(values)) > 0 {
			clean++
		}
		values[3] *= 1.8
		if slices.Contains(Outliers(values), 3) {
			named++
		}
	}
	assert.Assert(t, named > repeats*90/100, "%d", named)
	assert.Assert(t, clean < repeats*5/100, "%d", clean)
}

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		values         []float64
		level          float64
		lo, hi, actual float64
	}{
		{nil, 0.9, 0, 0, 0},
		{[]float64{7}, 0.9, 7, 7, 0},
		{[]float64{2, 1}, 0.9, 1, 2, 0.5},
		{[]float64{3, 1, 2}, 0.9, 1, 3, 0.75},
		{[]float64{3, 1, 2}, 0, 2, 2, 0},
		{[]float64{3, 1, 2, 4}, 0.2, 2, 3, 0.375},
		{[]float64{3, 1, 2, 4, 6, 5}, 0.95, 1, 6, 1 - 2.0/64},
		{[]float64{8, 7, 6, 5, 4, 3, 2, 1}, 0.9, 2, 7, 1 - 18.0/256},
		// From the tables: 10 values have 97.9 % between the 2nd and the 9th.
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.95, 2, 9, 1 - 22.0/1024},
	} {
		lo, hi, actual := Interval(c.values, c.level)
		assert.DeepEqual(t, []float64{lo, hi}, []float64{c.lo, c.hi})
		near(t, actual, c.actual, 1e-12)
	}
}

func TestIntervalCovers(t *testing.T) {
	const repeats = 4000
	for n := 3; n <= 10; n++ {
		r, inside, level := newRand(uint64(n)), 0, 0.0
		for range repeats {
			lo, hi, actual := Interval(noise{cv: 0.3}.runs(r, n, 30), Level)
			level = actual
			if lo <= 30 && 30 <= hi {
				inside++
			}
		}
		near(t, float64(inside)/repeats, level, 0.02)
		assert.Assert(t, level >= Level || n < 5, "%d values: %g", n, level)
	}
}
