package sample

import (
	"math"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

func TestJudge(t *testing.T) {
	e := Effect{Ratio: 0.10, Absolute: 1}
	steady := []float64{20, 20.1, 19.9, 20.2, 19.8}
	for _, c := range []struct {
		name       string
		head, base []float64
		effect     Effect
		want       Decision // without its ratio
	}{
		{"no runs", nil, nil, e, Decision{Verdict: CannotTell, Want: 3, NeedRuns: 3, Why: "0 runs, needs 3"}},
		{"two", []float64{1, 2}, []float64{1, 2, 3}, e, Decision{Verdict: CannotTell, Want: 3, NeedRuns: 3, Why: "2 runs, needs 3"}},
		{
			"one isn't a number",
			[]float64{1, 2, math.NaN()},
			[]float64{1, 2, 3},
			e,
			Decision{Verdict: CannotTell, Want: 3, NeedRuns: 3, Why: "2 runs, needs 3"},
		},
		{"equal", []float64{5, 5, 5}, []float64{5, 5, 5}, e, Decision{Verdict: Same}},
		{"equal, and anything counts", []float64{5, 5, 5}, []float64{5, 5, 5}, Effect{}, Decision{Verdict: Same}},
		{"much slower is suspected at once", []float64{30, 31, 32}, steady[:3], e, Decision{Verdict: Slower}},
		{"the least that counts", []float64{22, 22, 22}, []float64{20, 20, 20}, e, Decision{Verdict: Slower}},
		{"a little less", []float64{21.9, 21.9, 21.9}, []float64{20, 20, 20}, e, Decision{Verdict: Same}},
		{"a tenth, but not a second", []float64{2, 2, 2}, []float64{1.5, 1.5, 1.5}, e, Decision{Verdict: Same}},
		{"a second, but not a tenth", []float64{63, 63, 63}, []float64{60, 60, 60}, e, Decision{Verdict: Same}},
		{"noisy, but below a second", []float64{0.3, 0.9, 0.5}, []float64{0.4, 0.2, 0.6}, e, Decision{Verdict: Same}},
		{
			"faster is not said of three", steady[:3],
			[]float64{30, 31, 32},
			e,
			Decision{Verdict: CannotTell, Want: 5, NeedRuns: 5, Why: "noise 5 %"},
		},
		{"but of five", steady, []float64{30, 31, 32, 33, 30}, e, Decision{Verdict: Faster}},
		{"faster, but not by a tenth", []float64{18.5, 18.5, 18.5, 18.5, 18.5}, []float64{20, 20, 20, 20, 20}, e, Decision{Verdict: Same}},
		{
			"overlapping",
			[]float64{20, 25, 30},
			[]float64{20, 22, 28},
			e,
			Decision{Verdict: CannotTell, Want: 5, NeedRuns: 0, Why: "noise 30 %"},
		},
		{
			"the last look", steps(20, 0.9), steps(19.6, 0.9), e,
			Decision{Verdict: CannotTell, NeedRuns: 41, Why: "noise 14 %"},
		},
		{
			"a second of five is more than a tenth", steps(5, 0.3), steps(4.8, 0.3), e,
			Decision{Verdict: CannotTell, NeedRuns: 30, Why: "noise 18 %"},
		},
		{"nothing ran", []float64{0, 0, 0}, []float64{0, 0, 0}, e, Decision{Verdict: Same}},
		{"nothing ran before", []float64{9, 8, 9}, []float64{0, 0, 0}, e, Decision{Verdict: Slower}},
		{"nothing runs now", []float64{0, 0, 0, 0, 0}, []float64{9, 8, 9, 9, 9}, e, Decision{Verdict: Faster}},
		{"hardly anything runs now", []float64{0.5, 0.7, 0.2}, []float64{0, 0, 0}, e, Decision{Verdict: Same}},
		{"now and then it runs", []float64{9, 0, 9}, []float64{0, 0, 0}, e, Decision{Verdict: CannotTell, Want: 5, Why: "the runs do not agree"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Judge(c.head, c.base, c.effect)
			assert.Equal(t, got.Ratio, Compare(c.head, c.base, Level))
			got.Ratio = Ratio{}
			assert.Equal(t, got, c.want)
		})
	}
}

func TestConfirm(t *testing.T) {
	e := Effect{Ratio: 0.10, Absolute: 1}
	base := []float64{20, 21, 22, 23, 24}
	for _, c := range []struct {
		name string
		head []float64
		want string
	}{
		{"apart", []float64{25, 26, 27, 28, 29}, Slower},
		{"one within", []float64{23.5, 26, 27, 28, 29}, CannotTell}, // enough for a suspicion, which is 95 %
		{"as fast", []float64{20, 21, 22, 21, 20}, Same},
	} {
		got := Confirm(c.head, base, e)
		assert.Equal(t, got.Verdict, c.want, c.name)
	}
	assert.Equal(t, Judge([]float64{23.5, 26, 27, 28, 29}, base, e).Verdict, Slower)

	got := Confirm([]float64{30, 30, 30}, []float64{20, 20, 20}, e)
	assert.Equal(t, got.Why, "3 runs, needs 5")
	assert.Equal(t, got.Want, 5)
}

func steps(from, by float64) []float64 {
	out := make([]float64, 10)
	for i := range out {
		out[i] = from + by*float64(i)
	}
	return out
}

// Looks follow one another until the last.
func TestWant(t *testing.T) {
	head := []float64{20, 30, 25, 20, 30, 25, 20, 30, 25, 20, 30, 25}
	base := slices.Clone(head)
	want := map[int]int{0: 3, 1: 3, 3: 5, 4: 5, 5: 7, 6: 7, 7: 10, 10: 0, 12: 0}
	fresh := map[int]int{0: 5, 3: 5, 5: 7, 6: 7, 7: 10, 10: 0, 12: 0}
	for n, next := range want {
		assert.Equal(t, Judge(head[:n], base[:n], Effect{0.1, 1}).Want, next, "after %d", n)
		assert.Equal(t, Judge(head, base[:n], Effect{0.1, 1}).Want, next, "after %d", n)
	}
	for n, next := range fresh {
		assert.Equal(t, Confirm(head[:n], base[:n], Effect{0.1, 1}).Want, next, "after %d", n)
	}
	assert.DeepEqual(t, Looks, []int{3, 5, 7, 10})
	assert.DeepEqual(t, FreshLooks, []int{5, 7, 10})
}

// Whoever asks after every run looks no more often than whoever asks when it is time.
func TestNoDecisionBetweenLooks(t *testing.T) {
	r := newRand(11)
	for range 300 {
		head, base := noise{cv: 0.1}.runs(r, 10, 22), noise{cv: 0.1}.runs(r, 10, 20)
		for _, c := range []struct{ between, look int }{{4, 3}, {6, 5}, {8, 7}, {9, 7}} {
			e, n, m := Effect{0.1, 1}, c.between, c.look
			assert.Equal(t, Judge(head[:n], base[:n], e), Judge(head[:m], base[:m], e), "%v %v", head, base)
			assert.Equal(t, Judge(head, base[:n], e), Judge(head[:m], base[:m], e), "%v %v", head, base)
			if n > 5 {
				assert.Equal(t, Confirm(head[:n], base[:n], e), Confirm(head[:m], base[:m], e), "%v %v", head, base)
			}
		}
	}
	// All that there are count when there are more than the last look takes.
	head := slices.Concat(slices.Repeat([]float64{20}, 10), slices.Repeat([]float64{30}, 30))
	assert.Equal(t, Judge(head, slices.Repeat([]float64{20}, 40), Effect{0.1, 1}).Verdict, Slower)
}

// What is slower one way is faster the other way, and minutes say the same as seconds.
func TestConfirmProperties(t *testing.T) {
	r, verdicts := newRand(4), map[string]int{}
	for range 2000 {
		z := noise{cv: 0.02 + 0.1*r.Float64()}
		head, base := z.runs(r, 5+r.IntN(6), 20+8*r.Float64()), z.runs(r, 5+r.IntN(6), 24)
		e := Effect{Ratio: 0.1, Absolute: 0.5}
		got, mirrored := Confirm(head, base, e), Confirm(base, head, Effect{0.1, 0.5})
		verdicts[got.Verdict]++
		assert.Equal(t, got.Verdict == Slower, mirrored.Verdict == Faster, "%v %v", head, base)
		assert.Equal(t, got.Verdict == Faster, mirrored.Verdict == Slower, "%v %v", head, base)
		scaled := Confirm(times(head, 60), times(base, 60), Effect{0.1, 30})
		assert.Equal(t, scaled.Verdict, got.Verdict)
		assert.Equal(t, scaled.Why, got.Why)
		if got.Verdict == Slower {
			assert.Assert(t, got.Ratio.Lo > 1 && got.Ratio.Estimate >= 1.1)
			assert.Equal(t, Judge(head, base, e).Verdict, Slower, "what is confirmed is suspected")
		}
	}
	for _, v := range []string{Slower, Faster, Same, CannotTell} {
		assert.Assert(t, verdicts[v] > 50, "%v", verdicts)
	}
}
