package sample

import (
	"fmt"
	"math"
)

// Verdicts.
const (
	Slower     = "slower"
	Faster     = "faster"
	Same       = "same"
	CannotTell = "cannot tell"
)

// Effect is the least difference that counts: a change must be as great as both. The ratio is 0.1 for a tenth, Absolute is in the
// unit of the values.
type Effect struct{ Ratio, Absolute float64 }

// Decision is what the runs so far say.
type Decision struct {
	Verdict string
	// Ratio is of the runs that were judged, with the interval of Level, whatever the verdict asked for.
	Ratio Ratio
	// Want is how many runs of each version the next look needs in total; 0 is decided.
	Want int
	// NeedRuns is, of CannotTell, about how many runs of each would tell; 0 is unknown or above 100.
	NeedRuns int
	// Why says what CannotTell lacks: "noise 19 %".
	Why string
}

// Level is that of the intervals which are shown, and of the upper bound of Same: 5 % each side.
const Level = 0.90

// look is a number of runs of each version at which a decision may fall, and the level whose interval must then be above 1.
type look struct {
	runs  int
	level float64
}

// A slower version passes two gates: suspicion in the first runs, and confirmation by fresh ones alone. Of some hundred pairs of
// rules that were simulated these are the cheapest that keep false alarms at most 2 % of sessions whatever the noise, and find 95 %
// of what is slower by 20 % at a CV of 8 %, both with a margin. Least effect 10 % and 1 s, 20 series in a session, log-normal noise
// (the last column: one run in ten takes 1.8 times as long), 100 000 series each:
//
//	CV                                 4 %    8 %   15 %   30 %  500 %    8 %*
//	no change: suspected, of series   0.2    3.9    6.9    7.5    7.4    5.3 %
//	           alarms, of sessions    0.0    0.4    1.6    1.7    1.7    0.9 %
//	           runs of each version   3.6    6.4    9.2   10.2   10.3    7.5
//	+20 %:     found                100.0   97.1   39.3      –      –   67.4 %
//	           runs of each version   8.1   10.6   13.4      –      –   12.6
//	+30 %:     found                100.0  100.0   82.5
//
// Both gates go by ranks: more noise hides more, and raises no more alarms. What it hides is nearly all CannotTell; that it is the
// same is said of 2 % of what is slower by 20 % at a CV of 15 %.
var (
	suspicion    = []look{{3, 0.90}, {5, 0.95}, {7, 0.95}, {10, 0.95}}
	confirmation = []look{{5, 0.99}, {7, 0.99}, {10, 0.985}}
)

// Looks are the numbers of runs of each version at which Judge may decide.
var Looks = runsOf(suspicion)

// FreshLooks are those of Confirm.
var FreshLooks = runsOf(confirmation)

// Judge says what the first runs tell. Slower is a suspicion here, which fresh runs must confirm. Same means that a change for the
// worse which counts can be excluded: the upper bound of the ratio is below that of the effect, or the upper bound in seconds is, as
// with half a second that can't become a second and a half. An estimate that would count as faster is not Same either. Faster is
// the mirror of a confirmed Slower, since nothing confirms it.
//
// The difference that must reach Absolute is the Hodges-Lehmann one, the median of the differences of all pairs: the difference of the
// medians scatters more, and where Absolute binds it would miss a third more of the true ones. Where a value is 0, as CPU
// seconds are of a build in which nothing ran, there is no ratio: then Absolute alone decides.
//
// It may be asked after every run, and decides at Looks only: each further look would be another chance for noise. Between two of them
// it judges the runs of the former, the first of each slice; after the last look, all there are.
func Judge(head, base []float64, e Effect) Decision { return judge(head, base, e, suspicion) }

// Confirm says what fresh runs tell by themselves; with the ones that raised the suspicion they would only repeat it. Slower is a
// regression.
func Confirm(head, base []float64, e Effect) Decision { return judge(head, base, e, confirmation) }

func judge(head, base []float64, e Effect, looks []look) Decision {
	head, base = inOrder(head), inOrder(base)
	n := min(len(head), len(base))
	now, next := at(looks, n)
	if now.runs > 0 && next > 0 {
		head, base = head[:now.runs], base[:now.runs]
	}
	d := Decision{Verdict: CannotTell, Ratio: Compare(head, base, Level)}
	if now.runs == 0 {
		d.Want, d.NeedRuns, d.Why = next, next, fmt.Sprintf("%d runs, needs %d", n, next)
		return d
	}
	d.Verdict = newDifference(head, base, e).verdict(now)
	if d.Verdict == CannotTell {
		d.Want = next
		d.Why, d.NeedRuns = lack(head, base, d.Ratio, e)
		if d.NeedRuns > 0 {
			d.NeedRuns = max(d.NeedRuns, d.Want)
		}
	}
	return d
}

// at is the last look that n runs reach, and the runs of the one after it.
func at(looks []look, n int) (now look, next int) {
	for _, l := range looks {
		if l.runs > n {
			return now, l.runs
		}
		now = l
	}
	return now, 0
}

// scale is one way to see a difference: in logarithms or in the unit of the values.
type scale struct {
	pairs
	least float64 // difference that counts
}

// difference is head less base on every scale that they have.
type difference []scale

func newDifference(head, base []float64, e Effect) difference {
	d := difference{{shiftOf(head, base), max(0, e.Absolute)}}
	x, ok := logs(head)
	y, also := logs(base)
	if ok && also {
		d = append(d, scale{shiftOf(x, y), math.Log1p(max(0, e.Ratio))})
	}
	return d
}

func (d difference) verdict(now look) string {
	strict, _ := at(confirmation, now.runs)
	switch {
	case d.counts(1) && d.beyond(1, now.level):
		return Slower
	case d.counts(-1) && strict.runs > 0 && d.beyond(-1, strict.level):
		return Faster
	case d.excluded() && !d.counts(-1):
		return Same
	}
	return CannotTell
}

// counts tells whether the estimate is as great as the effect, in the direction of sign.
func (d difference) counts(sign float64) bool {
	for _, s := range d {
		if by := sign * middle(s.differences); by <= 0 || by < s.least-rounding {
			return false
		}
	}
	return true
}

// beyond tells whether the interval leaves no change out. The scales agree in this: it is a question of ranks.
func (d difference) beyond(sign, level float64) bool {
	s := d[0].at(level)
	return sign > 0 && s.lo > 0 || sign < 0 && s.hi < 0
}

// excluded tells whether the upper bound is below an effect that counts.
func (d difference) excluded() bool {
	for _, s := range d {
		if hi := s.at(Level).hi; hi <= 0 || hi < s.least-rounding {
			return true
		}
	}
	return false
}

// lack says why runs don't tell, and about how many would: enough to see the distance from what is estimated to the effect that
// would have to be excluded, or to no change.
func lack(head, base []float64, r Ratio, e Effect) (why string, need int) {
	noise := max(Noise(head), Noise(base))
	switch {
	case noise < 0.0005 || r.Estimate == 0:
		return "the runs do not agree", 0
	case noise < 0.01:
		why = fmt.Sprintf("noise %.1f %%", 100*noise)
	default:
		why = fmt.Sprintf("noise %.0f %%", 100*noise)
	}
	least := math.Log1p(max(0, e.Ratio, e.Absolute/Median(base)))
	distance := math.Abs(math.Log(r.Estimate))
	if distance < least {
		distance = least - math.Log(r.Estimate)
	}
	need = Needed(noise, math.Expm1(distance))
	if n := min(len(head), len(base)); need > 0 && need <= n {
		need = n + 1 // so many did not tell
	}
	if need > mostRuns {
		return why, 0
	}
	return why, need
}

func runsOf(looks []look) []int {
	runs := make([]int, len(looks))
	for i, l := range looks {
		runs[i] = l.runs
	}
	return runs
}
