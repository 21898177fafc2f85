package sample

import "math"

// exactCounts is the number of arrangements up to which a float64 counts them exactly: 28 values on both sides.
const exactCounts = 1 << 53

// uTail returns, for u = 0, 1, …, the probability that the Mann-Whitney U of m and n values is at most u, when both come from one
// distribution. It ends where a half is passed. Above 28 values on both sides it is the normal approximation.
func uTail(m, n int) []float64 {
	m, n = min(m, n), max(m, n)
	all := 1.0
	for i := 1; i <= m; i++ {
		all = all * float64(n+i) / float64(i)
	}
	if all > exactCounts {
		return uTailNormal(m, n)
	}
	// The counts are the coefficients of the Gaussian binomial: the product over i of (1-x^(n+i))/(1-x^i).
	counts := make([]float64, m*n/2+1)
	counts[0] = 1
	for i := 1; i <= m; i++ {
		for u := len(counts) - 1; u >= n+i; u-- {
			counts[u] -= counts[u-n-i]
		}
		for u := i; u < len(counts); u++ {
			counts[u] += counts[u-i]
		}
	}
	sum := 0.0
	for u, c := range counts {
		sum += c
		counts[u] = sum / math.Round(all)
	}
	return counts
}

func uTailNormal(m, n int) []float64 {
	tail := make([]float64, m*n/2+1)
	mean := float64(m*n) / 2
	sd := math.Sqrt(float64(m*n) * float64(m+n+1) / 12)
	for u := range tail {
		tail[u] = math.Erfc((mean-float64(u)-0.5)/sd/math.Sqrt2) / 2
	}
	return tail
}
