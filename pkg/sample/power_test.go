package sample

import (
	"math"
	"testing"

	"gotest.tools/v3/assert"
)

// From the published tables of Student's t.
func TestStudent(t *testing.T) {
	for _, c := range []struct{ p, freedom, t float64 }{
		{0.95, 1, 6.313752},
		{0.999, 1, 318.308839},
		{0.95, 2, 2.919986},
		{0.975, 4, 2.776445},
		{0.80, 4, 0.940965},
		{0.9995, 5, 6.868827},
		{0.95, 9, 1.833113},
		{0.95, 30, 1.697261},
		{0.975, 1000, 1.962339},
		{0.5, 7, 0},
	} {
		near(t, studentQuantile(c.p, c.freedom), c.t, 1e-5*max(1, c.t))
		near(t, studentP(c.t, c.freedom), 2*(1-c.p), 1e-6)
	}
	near(t, studentP(40, 8), 1.68e-10, 0.01e-10)
}

func TestWelch(t *testing.T) {
	// The extra sleep of two drugs, as in Student's paper: R says t = -1.8608, df = 17.776, p = 0.07939.
	x := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2}
	y := []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	near(t, welchP(x, y), 0.07939, 0.00001)
	assert.Equal(t, welchP([]float64{1, 1, 1}, []float64{1, 1, 1}), 1.0)
	assert.Equal(t, welchP([]float64{1, 1, 1}, []float64{2, 2, 2}), 0.0)
}

func TestSmallest(t *testing.T) {
	for _, c := range []struct {
		noise float64
		n     int
		want  float64
	}{
		{0.08, 3, 0.22},
		{0.08, 5, 0.15},
		{0.08, 10, 0.10},
		{0.15, 5, 0.30},
		{0.15, 10, 0.19},
		{0.05, 3, 0.13},
		{0.05, 5, 0.09},
		{0, 5, 0},
		{0.08, 2, 0},
		{-1, 5, 0},
		{math.NaN(), 5, 0},
		{math.Inf(1), 5, 0},
		{1e6, 3, math.MaxFloat64},
	} {
		near(t, Smallest(c.noise, c.n), c.want, 0.005)
	}
}

func TestNeeded(t *testing.T) {
	for _, c := range []struct {
		noise, effect float64
		want          int
	}{
		{0, 0.1, 3},
		{0.01, 0.1, 3},
		{0.08, 0.15, 5},
		{0.08, 0.10, 10},
		{0.19, 0.1, 50},
		{0.5, 0.1, 0},
		{0.1, 0, 0},
		{0.1, -1, 0},
		{0.1, math.NaN(), 0},
		{math.NaN(), 0.1, 0},
		{math.Inf(1), 0.1, 0},
		{0.1, math.Inf(1), 3},
	} {
		got := Needed(c.noise, c.effect)
		if c.want > 10 {
			near(t, float64(got), float64(c.want), 3)
			continue
		}
		assert.Equal(t, got, c.want, "%+v", c)
	}
	// It is the least.
	for _, noise := range []float64{0.02, 0.05, 0.08, 0.12} {
		for _, effect := range []float64{0.05, 0.1, 0.3} {
			n := Needed(noise, effect)
			assert.Assert(t, Smallest(noise, n) <= effect, "%g %g: %d", noise, effect, n)
			assert.Assert(t, n == 3 || Smallest(noise, n-1) > effect, "%g %g: %d", noise, effect, n)
		}
	}
}

// The interval of 90 % sees a change of that size about four times in five.
func TestSmallestIsSeen(t *testing.T) {
	const repeats = 2000
	for _, n := range []int{3, 5, 7, 10} {
		z, r, seen := noise{cv: 0.08}, newRand(uint64(n)), 0
		for range repeats {
			if Compare(z.runs(r, n, 60*(1+Smallest(z.cv, n))), z.runs(r, n, 60), Level).Lo > 1 {
				seen++
			}
		}
		near(t, float64(seen)/repeats, 0.80, 0.05)
	}
}
