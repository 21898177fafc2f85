package sample

import "math"

// mostRuns is where it is no longer said how many runs would tell: nobody makes them.
const mostRuns = 100

// Smallest is the smallest relative change that n runs of each version show four times in five, by a test that is wrong one time
// in twenty, when a run has this noise. It is 0 for fewer than three runs, which show nothing.
func Smallest(noise float64, n int) float64 {
	if n < fewest || !isFinite(noise) {
		return 0
	}
	freedom := float64(2*n - 2)
	t := studentQuantile(0.95, freedom) + studentQuantile(0.80, freedom)
	return min(math.Expm1(t*max(0, noise)*math.Sqrt(2/float64(n))), math.MaxFloat64)
}

// Needed is the least number of runs of each version that show a relative change of effect; 0 where it is above 100 or unknown.
func Needed(noise, effect float64) int {
	if !(effect > 0) || !isFinite(noise) {
		return 0
	}
	// With the normal distribution in place of Student's it would be n, which is never too many.
	z := (normal95 + normal80) * max(0, noise) / math.Log1p(effect)
	n := max(fewest, int(math.Ceil(min(2*z*z, mostRuns))))
	for ; n <= mostRuns; n++ {
		if Smallest(noise, n) <= effect {
			return n
		}
	}
	return 0
}

// Quantiles of the normal distribution.
const (
	normal80 = 0.8416
	normal95 = 1.6448
)
