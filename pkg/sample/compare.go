package sample

import (
	"math"
	"slices"
)

// fewest is the least number of values on both sides that gives an interval: 3 and 3 one of 90 %.
const fewest = 3

// Ratio says how many times as long head takes as base. It is finite; all of it is 0 where there is no ratio: without values, or
// where one isn't above 0. Lo, Hi and Level are 0 with fewer than three values on a side.
type Ratio struct {
	Estimate float64
	// Lo and Hi bound the true ratio with the probability of Level, which is what the interval has, not what was asked for.
	Lo, Hi, Level float64
}

// Compare estimates head ÷ base: the Hodges-Lehmann estimator on logarithms, which is the median of the ratios of all pairs, with
// the exact interval that inverts the Mann-Whitney U test. It needs no equal numbers and no normal distribution, and a spoiled run
// moves it little. The level is reached or passed, for U is discrete; ties only widen the interval. Where the values are too few
// for the level, Lo and Hi are the least and the greatest ratio.
func Compare(head, base []float64, level float64) Ratio {
	x, ok := logs(head)
	y, also := logs(base)
	if !ok || !also {
		return Ratio{}
	}
	s := shiftOf(x, y).at(level)
	r := Ratio{Estimate: math.Exp(s.estimate)}
	if s.level > 0 {
		r.Lo, r.Hi, r.Level = math.Exp(s.lo), math.Exp(s.hi), s.level
	}
	if !isFinite(r.Estimate) || !isFinite(r.Hi) || r.Estimate == 0 {
		return Ratio{}
	}
	return r
}

// logs tells whether there are values and all of them have one.
func logs(values []float64) ([]float64, bool) {
	finite := sorted(values)
	if len(finite) == 0 || finite[0] <= 0 {
		return nil, false
	}
	for i, v := range finite {
		finite[i] = math.Log(v)
	}
	return finite, true
}

// pairs are the differences of two samples, each value of the one less each of the other, in order.
type pairs struct {
	differences []float64
	tail        []float64 // of U; nil with too few values for an interval
}

// shift is how much more the one has than the other.
type shift struct{ estimate, lo, hi, level float64 }

func shiftOf(x, y []float64) pairs {
	p := pairs{differences: make([]float64, 0, len(x)*len(y))}
	for _, a := range x {
		for _, b := range y {
			p.differences = append(p.differences, a-b)
		}
	}
	slices.Sort(p.differences)
	if min(len(x), len(y)) >= fewest {
		p.tail = uTail(len(x), len(y))
	}
	return p
}

// at is the estimate with the narrowest interval that has the level.
func (p pairs) at(level float64) shift {
	s := shift{estimate: middle(p.differences)}
	if p.tail == nil {
		return s
	}
	k := 0
	for k+1 < len(p.tail) && p.tail[k+1] <= (1-level)/2+rounding {
		k++
	}
	s.lo, s.hi = p.differences[k], p.differences[len(p.differences)-1-k]
	s.level = max(0, 1-2*p.tail[k])
	return s
}
