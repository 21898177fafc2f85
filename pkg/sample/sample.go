// Package sample is the statistics of few measurements: what three to ten runs of a build say, and what they don't.
//
// Nothing here assumes a normal distribution where ranks do, and no value is dropped: a spoiled run is named and counts. Times
// are compared as ratios, on their logarithms. Every function is pure: it keeps the caller's slices as they are, and what it
// returns is a finite number (Limit, which may be +Inf, is the exception).
package sample

import (
	"math"
	"slices"
)

// madScale makes the median absolute deviation an estimate of the standard deviation, as it is of a normal distribution.
const madScale = 1.4826

// Median returns 0 for no values. Like all of this package it passes over values that are not finite.
func Median(values []float64) float64 { return middle(sorted(values)) }

// Noise is the robust coefficient of variation, 1.4826 times the median absolute deviation by the median. It is 0 where it
// can't be said: for fewer than two values, or a median that isn't above 0.
func Noise(values []float64) float64 {
	m := Median(values)
	if m <= 0 {
		return 0
	}
	return finite(madScale * deviation(values, m) / m)
}

const (
	// An outlier has a modified z above outlierZ, which alone would flag one in six clean samples of five, and is
	// outlierShare off the median.
	outlierZ     = 3.5
	outlierShare = 0.2
)

// Outliers returns the indices of values that stand apart from the others. They are a note for the reader; the statistics
// keep them.
func Outliers(values []float64) []int {
	out := []int{}
	m := Median(values)
	spread := madScale * deviation(values, m)
	for i, v := range values {
		off := math.Abs(v - m)
		// Where most values are equal the spread is 0, and any other value is apart.
		if isFinite(v) && off > outlierZ*spread && off > outlierShare*math.Abs(m) {
			out = append(out, i)
		}
	}
	return out
}

// Interval bounds the median of what the values were drawn from, by order statistics: it holds for any distribution. Of the
// intervals that reach the level it takes the narrowest; actual is the level that it has. With too few values for the level
// it returns the least and the greatest, and what level these have: 0.75 for three, 0.97 for six.
func Interval(values []float64, level float64) (lo, hi, actual float64) {
	s := sorted(values)
	n := len(s)
	if n == 0 {
		return 0, 0, 0
	}
	below := math.Pow(0.5, float64(n)) // that at most k values are below the median
	tail, k := below, 0
	for term := below; k+1 < (n+1)/2; k++ {
		term *= float64(n-k) / float64(k+1)
		if tail+term > (1-level)/2+rounding {
			break
		}
		tail += term
	}
	return s[k], s[n-1-k], max(0, 1-2*tail)
}

// rounding forgives what floating point does to levels: 1-0.9 is not 0.1.
const rounding = 1e-9

// deviation is the median absolute deviation from m.
func deviation(values []float64, m float64) float64 {
	off := make([]float64, 0, len(values))
	for _, v := range values {
		off = append(off, math.Abs(v-m))
	}
	return Median(off)
}

// inOrder copies the finite values.
func inOrder(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return !isFinite(v) })
}

// sorted copies them too.
func sorted(values []float64) []float64 {
	s := inOrder(values)
	slices.Sort(s)
	return s
}

// middle is the median of sorted values.
func middle(s []float64) float64 {
	n := len(s)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return s[n/2]
	}
	return s[n/2-1]/2 + s[n/2]/2
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// finite returns 0 for what isn't.
func finite(v float64) float64 {
	if isFinite(v) {
		return v
	}
	return 0
}
