package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// nbsp keeps a number and its unit on one line.
const nbsp = "\u00a0"

// scale maps values to shares of the width of a chart, between left and right.
type scale struct {
	lo, hi, left, right float64
}

func (s scale) at(v float64) float64 {
	if s.hi <= s.lo {
		return s.left
	}
	return s.left + (s.right-s.left)*min(max((v-s.lo)/(s.hi-s.lo), 0), 1)
}

// Steps between ticks: of time, people count to 60; below a second and in bytes, to 10.
var timeSteps = []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000, 36000, 86400}

// ticks are round values within lo and hi: about n, and two at least.
func ticks(lo, hi float64, n int, isTime bool) []float64 {
	span := hi - lo
	if !(span > 0) || math.IsInf(span, 0) || n < 1 {
		return nil
	}
	for ; n < 16; n++ { // one tick alone is no axis
		if out := ticksOf(lo, hi, n, isTime); len(out) > 1 {
			return out
		}
	}
	return ticksOf(lo, hi, n, isTime)
}

func ticksOf(lo, hi float64, n int, isTime bool) []float64 {
	span := hi - lo
	step := decade(span / float64(n))
	if isTime && step > 1 {
		for _, s := range timeSteps {
			if step = s; s >= span/float64(n) {
				break
			}
		}
	}
	var out []float64
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9 && len(out) <= 3*n+1; i++ {
		out = append(out, i*step+0) // no negative zero
	}
	return out
}

// decade is the least of 1, 2 and 5 times a power of ten that is not below v.
func decade(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= v*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// around is the range of an axis that need not begin at zero: that of values and a margin, and not so narrow that noise of a
// per cent or two fills it.
func around(values []float64) (lo, hi float64) {
	if len(values) == 0 {
		return 0, 1
	}
	lo, hi = slices.Min(values), slices.Max(values)
	margin := max((hi-lo)*0.08, (hi+lo)/2*0.05-(hi-lo)/2, 1e-6)
	return max(lo-margin, 0), hi + margin
}

// axisTime labels the ticks of one axis in one unit, which its greatest value chooses.
func axisTime(hi float64) func(float64) string {
	return func(v float64) string {
		switch {
		case v == 0:
			return "0"
		case hi < 1:
			return short(v*1000) + nbsp + "ms"
		case hi <= 120:
			return short(v) + nbsp + "s"
		case hi <= 7200:
			return short(v/60) + nbsp + "min"
		}
		return short(v/3600) + nbsp + "h"
	}
}

// short has no more digits than a tick needs.
func short(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}

// bound writes a limit that somebody chose: without the zeros of a measurement.
func bound(s string) string {
	number, unit, ok := strings.Cut(s, nbsp)
	if !ok || !strings.Contains(number, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(number, "0"), ".") + nbsp + unit
}

// roundSize labels the ticks of an axis of bytes.
func roundSize(v float64) string {
	if v == 0 {
		return "0"
	}
	return bound(size(v))
}

// three writes three significant digits.
func three(v float64) string {
	switch a := math.Abs(v); {
	case a >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// seconds writes a time as one says it.
func seconds(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case a == 0:
		return "0" + nbsp + "s"
	case a < 0.9995:
		return minus(strconv.FormatFloat(v*1000, 'f', digits(a*1000), 64)) + nbsp + "ms"
	case a < 119.5:
		return minus(three(v)) + nbsp + "s"
	case a < 3600:
		all := int(math.Round(a))
		if all%60 == 0 {
			return fmt.Sprintf("%s%d%smin", sign(v), all/60, nbsp)
		}
		return fmt.Sprintf("%s%d%smin%s%02d%ss", sign(v), all/60, nbsp, nbsp, all%60, nbsp)
	default:
		all := int(math.Round(a / 60))
		return fmt.Sprintf("%s%d%sh%s%02d%smin", sign(v), all/60, nbsp, nbsp, all%60, nbsp)
	}
}

func digits(ms float64) int {
	if ms < 9.5 {
		return 1
	}
	return 0
}

func sign(v float64) string {
	if v < 0 {
		return "−"
	}
	return ""
}

// minus is the sign that is as wide as a plus.
func minus(s string) string { return strings.Replace(s, "-", "−", 1) }

// size writes bytes in decimal units, as registries do.
func size(v float64) string {
	a := math.Abs(v)
	for _, u := range []struct {
		of   float64
		name string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if a >= u.of*0.9995 {
			return minus(three(v/u.of)) + nbsp + u.name
		}
	}
	return minus(strconv.FormatFloat(v, 'f', 0, 64)) + nbsp + "B"
}

// change writes a ratio as the change in per cent.
func change(ratio float64) string {
	if !(ratio > 0) || math.IsInf(ratio, 0) {
		return "–"
	}
	p := (ratio - 1) * 100
	prec := 0
	if math.Abs(p) < 9.95 {
		prec = 1
	}
	s := strconv.FormatFloat(p, 'f', prec, 64)
	if math.Abs(p) < 0.05 {
		return "±0" + nbsp + "%"
	}
	if p > 0 {
		s = "+" + s
	}
	return minus(s) + nbsp + "%"
}

// percent writes a share.
func percent(v float64) string {
	return strconv.FormatFloat(v*100, 'f', 0, 64) + nbsp + "%"
}

// amount writes a value of a metric.
func amount(metric string, v float64) string {
	if metric == "size" {
		return size(v)
	}
	return seconds(v)
}
