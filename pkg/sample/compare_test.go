package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

// Every way to deal out the ranks is as likely as any other.
func TestUTailByEnumeration(t *testing.T) {
	for m := 1; m <= 5; m++ {
		for n := 1; n <= 6; n++ {
			counts, all := make([]int, m*n+1), 0
			for dealt := range 1 << (m + n) {
				u, above, ones := 0, 0, 0
				for bit := range m + n {
					if dealt>>bit&1 == 1 {
						u += above
						ones++
					} else {
						above++
					}
				}
				if ones == m {
					counts[u]++
					all++
				}
			}
			sum := 0
			for u, p := range uTail(m, n) {
				sum += counts[u]
				near(t, p, float64(sum)/float64(all), 1e-12)
			}
		}
	}
}

// Critical values of U from the published tables: the greatest with 2.5 % and with 0.5 % on one side.
func TestUTailByTable(t *testing.T) {
	for _, c := range []struct{ m, n, at5, at1 int }{
		{5, 5, 2, 0},
		{6, 6, 5, 2},
		{7, 7, 8, 4},
		{8, 8, 13, 7},
		{10, 10, 23, 16},
		{5, 8, 6, 2},
		{10, 4, 5, 2},
		{7, 10, 14, 9},
		{20, 20, 127, 105},
	} {
		tail := uTail(c.m, c.n)
		assert.Assert(t, tail[c.at5] <= 0.025 && tail[c.at5+1] > 0.025, "%+v: %g", c, tail[c.at5])
		assert.Assert(t, tail[c.at1] <= 0.005 && tail[c.at1+1] > 0.005, "%+v: %g", c, tail[c.at1])
	}
}

// Where counting ends the approximation is good enough to go on with.
func TestUTailOfMany(t *testing.T) {
	exact, normal := uTail(28, 28), uTailNormal(28, 28)
	for u := range exact {
		near(t, normal[u], exact[u], 0.0015)
	}
	near(t, uTail(40, 40)[619], 0.0413, 0.0005) // (619.5-800)/sqrt(1600·81/12)
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name       string
		head, base []float64
		want       Ratio
	}{
		{"three and three", []float64{12, 11, 13}, []float64{10, 10, 10}, Ratio{1.2, 1.1, 1.3, 0.9}},
		{"the middle of nine", []float64{4, 8, 16}, []float64{1, 2, 4}, Ratio{4, 1, 16, 0.9}},
		{"unequal numbers", []float64{20, 20, 20}, []float64{10, 10, 10, 10, 10}, Ratio{2, 2, 2, 1 - 2*2.0/56}},
		{"all equal", []float64{5, 5, 5}, []float64{5, 5, 5}, Ratio{1, 1, 1, 0.9}},
		{"too few for an interval", []float64{3, 3}, []float64{2, 2, 2}, Ratio{Estimate: 1.5}},
		{"one each", []float64{3}, []float64{2}, Ratio{Estimate: 1.5}},
		{"none", nil, []float64{2, 2, 2}, Ratio{}},
		{"a zero", []float64{0, 3, 3}, []float64{2, 2, 2}, Ratio{}},
		{"below zero", []float64{3, 3, 3}, []float64{2, -2, 2}, Ratio{}},
		{"not numbers", []float64{3, math.NaN(), 3, 3}, []float64{2, 2, math.Inf(1), 2}, Ratio{1.5, 1.5, 1.5, 0.9}},
		{"beyond what a number holds", []float64{1e300, 1e300, 1e300}, []float64{1e-300, 1e-300, 1e-300}, Ratio{}},
		{"only the interval", []float64{1, 1, 1e300}, []float64{1e-300, 1, 1}, Ratio{}},
		{"and below", []float64{1e-300, 1e-300, 1e-300}, []float64{1e300, 1e300, 1e300}, Ratio{}},
	} {
		t.Run(c.name, func(t *testing.T) { nearRatio(t, Compare(c.head, c.base, 0.9), c.want) })
	}
}

func nearRatio(t *testing.T, got, want Ratio) {
	t.Helper()
	near(t, got.Estimate, want.Estimate, 1e-9*want.Estimate)
	near(t, got.Lo, want.Lo, 1e-9*want.Lo)
	near(t, got.Hi, want.Hi, 1e-9*want.Hi)
	near(t, got.Level, want.Level, 1e-9)
}

// 1-0.8 is a little less than 0.2.
func TestCompareExactLevel(t *testing.T) {
	assert.Assert(t, Compare([]float64{4, 5, 6}, []float64{1, 1, 1}, 0.8).Level < 0.8+1e-9)
}

// A level that is asked for is reached, except where the values are too few; these have what can be had.
func TestCompareLevel(t *testing.T) {
	values := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for n := 3; n <= 10; n++ {
		for _, level := range []float64{0.5, 0.9, 0.95, 0.99} {
			r := Compare(values[:n], values[:n], level)
			whole := Compare(values[:n], values[:n], 1)
			assert.Assert(t, r.Level >= level-1e-9 || r == whole, "%d at %g: %+v", n, level, r)
			assert.Assert(t, whole.Level >= r.Level && whole.Lo <= r.Lo && whole.Hi >= r.Hi)
		}
	}
}

func TestCompareProperties(t *testing.T) {
	r := newRand(3)
	for range 300 {
		head := noise{cv: 0.2}.runs(r, 3+r.IntN(8), 20)
		base := noise{cv: 0.2}.runs(r, 3+r.IntN(8), 15)
		if r.IntN(2) == 0 { // ties
			for _, values := range [][]float64{head, base} {
				for i := range values {
					values[i] = math.Ceil(values[i] / 4)
				}
			}
		}
		was := slices.Clone(head)
		got := Compare(head, base, 0.9)
		assert.DeepEqual(t, head, was)
		assert.Assert(t, got.Lo <= got.Estimate && got.Estimate <= got.Hi, "%+v", got)

		nearRatio(t, Compare(base, head, 0.9), Ratio{1 / got.Estimate, 1 / got.Hi, 1 / got.Lo, got.Level})
		nearRatio(t, Compare(times(head, 60), times(base, 60), 0.9), got)
		nearRatio(t, Compare(times(head, 3), base, 0.9), Ratio{3 * got.Estimate, 3 * got.Lo, 3 * got.Hi, got.Level})
		r.Shuffle(len(head), func(i, j int) { head[i], head[j] = head[j], head[i] })
		nearRatio(t, Compare(head, base, 0.9), got)
	}
}

func times(values []float64, by float64) []float64 {
	out := slices.Clone(values)
	for i := range out {
		out[i] *= by
	}
	return out
}

// The interval holds the true ratio as often as it says, also when runs are spoiled; those of rounded values hold it more often.
func TestCompareCovers(t *testing.T) {
	const repeats = 2500
	for n := 3; n <= 10; n++ {
		for _, m := range []int{n, 13 - n} {
			t.Run(fmt.Sprintf("%d and %d", n, m), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(uint64(n), uint64(m)))
				inside, rounded, level := 0, 0, 0.0
				for range repeats {
					z := noise{cv: 0.15, spoiled: 0.1}
					head, base := z.runs(r, n, 36), z.runs(r, m, 30)
					got := Compare(head, base, 0.9)
					level = got.Level
					if got.Lo <= 1.2 && 1.2 <= got.Hi {
						inside++
					}
					if got := Compare(ceil(z.runs(r, n, 30), 5), ceil(base, 5), 0.9); got.Lo <= 1 && 1 <= got.Hi {
						rounded++
					}
				}
				near(t, float64(inside)/repeats, level, 0.02)
				assert.Assert(t, float64(rounded)/repeats > level-0.01, "%d", rounded)
			})
		}
	}
}

func ceil(values []float64, to float64) []float64 {
	out := slices.Clone(values)
	for i := range out {
		out[i] = to * math.Ceil(out[i]/to)
	}
	return out
}
