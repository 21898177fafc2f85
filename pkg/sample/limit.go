package sample

import "math"

// Limit is what the median of the next session stays under with the probability of level, if it is one more of the earlier
// ones: the one-sided prediction limit on logarithms. One session differs from the next by more than runs within it do, so it is
// made of medians of sessions and not of runs. Those that aren't above 0 are passed over; fewer than two give no limit, +Inf.
//
// At 95 % one session in twenty passes it whatever they differ by. That it must differ from their median by 10 % as well leaves
// 0.3 % of them at five sessions that differ by 3 %, and 3.2 % where they differ by 6 %.
func Limit(medians []float64, level float64) float64 {
	x, _ := positive(medians)
	if len(x) < 2 || !(level < 1) {
		return math.Inf(1)
	}
	k := float64(len(x))
	mean, variance := moments(x)
	t := studentQuantile(max(level, 0.5), k-1)
	return math.Exp(mean + t*math.Sqrt(variance*(1+1/k)))
}

// positive returns the logarithms of the values that have one, and where they were.
func positive(values []float64) (x []float64, index []int) {
	for i, v := range values {
		if isFinite(v) && v > 0 {
			x = append(x, math.Log(v))
			index = append(index, i)
		}
	}
	return x, index
}
