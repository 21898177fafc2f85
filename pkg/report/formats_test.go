package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// Prometheus refuses a file with a family in two places, a sample twice, or a label that is not escaped.
func TestPrometheusIsValid(t *testing.T) {
	sample := regexp.MustCompile(`^([a-z_]+)(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)+\}) (\S+)$`)
	for name, s := range sessions(t) {
		var b bytes.Buffer
		assert.NilError(t, Prometheus(&b, s))
		family, seen, samples := "", map[string]bool{}, map[string]bool{}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if words := strings.Fields(line); words[0] == "#" {
				if words[1] == "HELP" {
					family = words[2]
					assert.Assert(t, !seen[family], "%s: %s twice", name, family)
					seen[family] = true
				}
				assert.Equal(t, words[2], family)
				continue
			}
			m := sample.FindStringSubmatch(line)
			assert.Assert(t, m != nil, "%s: %s", name, line)
			assert.Equal(t, m[1], family)
			assert.Assert(t, !samples[m[1]+m[2]], "%s: %s twice", name, line)
			samples[m[1]+m[2]] = true
			_, err := strconv.ParseFloat(m[5], 64)
			assert.NilError(t, err)
		}
		assert.Assert(t, seen["catmandu_bench_wall_seconds"] && seen["catmandu_bench_info"])
		assert.Assert(t, !strings.Contains(strings.Split(b.String(), "# HELP catmandu_bench_info")[0], "9f31c2d"), "the revision is only in the info")
	}
}

// benchLine is what Go's own reader of benchmarks takes: a name without blanks, a count, and pairs of a number and a unit.
var benchLine = regexp.MustCompile(`^Benchmark[A-Z]\S* 1( [0-9.]+ \S+)+$`)

// The values come back as they were measured, those of one run in one line.
func TestGoBenchValues(t *testing.T) {
	for name, s := range sessions(t) {
		var b bytes.Buffer
		assert.NilError(t, GoBench(&b, s))
		got, want := map[string][]float64{}, map[string][]float64{}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if !strings.HasPrefix(line, "Benchmark") {
				assert.Assert(t, line == "" || regexp.MustCompile(`^(Unit |[a-z][a-z]*: \S)`).MatchString(line), "%s: %q", name, line)
				continue
			}
			assert.Assert(t, benchLine.MatchString(line), "%s: %q", name, line)
			words := strings.Fields(line)
			for i := 2; i < len(words); i += 2 {
				v, err := strconv.ParseFloat(words[i], 64)
				assert.NilError(t, err)
				if words[i+1] != "pull-B" {
					v = round3(v / 1e9)
				}
				got[words[0]+" "+words[i+1]] = append(got[words[0]+" "+words[i+1]], v)
			}
		}
		for _, x := range s.Series {
			unit := map[string]string{session.Wall: "ns/op", session.CPU: "cpu-ns/op"}[x.Metric]
			if len(x.Values) > 0 {
				want[benchName(x.Case)+" "+unit] = x.Values
			}
		}
		for _, i := range s.Images {
			assert.Assert(t, strings.Contains(b.String(), fmt.Sprintf(" 1 %d pull-B\n", i.Bytes)))
		}
		maps.DeleteFunc(got, func(k string, _ []float64) bool { return strings.HasPrefix(k, "BenchmarkImage/") })
		assert.DeepEqual(t, got, want)
	}
}

func TestHyperfineValues(t *testing.T) {
	s := fixture(t, "session.json")
	var b bytes.Buffer
	assert.NilError(t, Hyperfine(&b, s))
	var out struct {
		Results []struct {
			Command                              string
			Mean, StdDev, Median, User, Min, Max float64
			Times                                []float64
		}
	}
	assert.NilError(t, json.Unmarshal(b.Bytes(), &out))
	assert.Equal(t, len(out.Results), len(s.Series)/2)
	for _, r := range out.Results {
		sum, squares := 0.0, 0.0
		for _, v := range r.Times {
			sum += v
			squares += v * v
		}
		n := float64(len(r.Times))
		assert.Assert(t, math.Abs(r.Mean-sum/n) < 1e-9 && math.Abs(r.StdDev-math.Sqrt((squares-sum*sum/n)/(n-1))) < 1e-6, r.Command)
		assert.Assert(t, r.Min <= r.Median && r.Median <= r.Max && r.User > 0, r.Command)
	}
}

func TestJSON(t *testing.T) {
	s := fixture(t, "session.json")
	var b bytes.Buffer
	assert.NilError(t, JSON(&b, s))
	again, err := session.Read(&b)
	assert.NilError(t, err)
	assert.DeepEqual(t, again, s)
}

func TestAnnotations(t *testing.T) {
	for name, s := range sessions(t) {
		out, err := json.MarshalIndent(Annotations(s), "", "  ")
		assert.NilError(t, err)
		golden.Assert(t, string(out)+"\n", name+".annotations.json")
	}
}

func TestSummary(t *testing.T) {
	result := func(metric, verdict string, gate, confirmed bool) session.Result {
		return session.Result{Metric: metric, Verdict: verdict, Gate: gate, Confirmed: confirmed}
	}
	compare := func(kind string, all ...session.Result) *session.Compare {
		return &session.Compare{Kind: kind, Results: all}
	}
	for _, test := range []struct {
		name string
		s    session.Session
		want string
	}{
		{"nothing", session.Session{}, "0 series measured"},
		{"one", session.Session{Series: make([]session.Series, 2)}, "2 series measured"},
		{"budgets", session.Session{Budgets: []session.Budget{{State: session.OK}}}, "1 budget kept"},
		{
			"over",
			session.Session{Budgets: []session.Budget{{State: session.OK}, {State: session.Over}, {State: session.Borderline}}},
			"1 over budget, 1 close to a budget",
		},
		{"all the same", session.Session{Compare: compare(session.KindAB, result(session.CPU, session.Same, true, false))}, "1 the same"},
		{"what doesn't gate", session.Session{Compare: compare(session.KindAB, result(session.CPU, session.Same, true, false),
			result(session.Wall, session.Slower, false, true))}, "1 the same"},
		{"many", session.Session{
			Budgets: []session.Budget{{State: session.Over}},
			Compare: compare(session.KindAB, result(session.CPU, session.Slower, true, true), result(session.Wall, session.Slower, true, true),
				result(session.Wall, session.Slower, true, false), result(session.Size, session.Slower, true, true),
				result(session.CPU, session.CannotTell, true, false), result(session.CPU, session.Faster, true, false),
				result(session.Size, session.Faster, true, false), result(session.CPU, session.Invalid, true, false)),
		}, "2 slower, 1 larger, 1 over budget, 1 slower but not confirmed, 1 cannot tell, 1 not valid, 1 faster, 1 smaller"},
		{"history", session.Session{Compare: compare(session.KindHistory, result(session.CPU, session.Slower, true, false))}, "1 slower"},
		{
			"one baseline",
			session.Session{Compare: compare(session.KindBaseline, result(session.CPU, session.Slower, true, false))},
			"1 slower but not confirmed",
		},
	} {
		assert.Equal(t, Summary(&test.s), test.want, test.name)
	}
}

// What fails a session and what the summary counts are the same.
func TestRegressionsAgree(t *testing.T) {
	for _, kind := range []string{session.KindAB, session.KindHistory, session.KindBaseline} {
		s := fixture(t, "session.json")
		s.Compare.Kind = kind
		for i := range s.Compare.Results {
			s.Compare.Results[i].Confirmed = s.Compare.Results[i].Confirmed && i%3 == 0
		}
		tally := tallyOf(s)
		assert.Equal(t, tally.slower+tally.larger, len(s.Compare.Regressions(false)), kind)
	}
}

func TestNumbers(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{seconds(0.004), "0.00 s"},
		{seconds(9.994), "9.99 s"},
		{seconds(9.996), "10.0 s"},
		{seconds(99.96), "100 s"},
		{moreSeconds(-0.5), "−0.50 s"},
		{change(1.4405), "+44 %"},
		{change(1.004), "+0.4 %"},
		{change(0.99999), "0 %"},
		{change(0.5), "−50 %"},
		{change(math.Inf(1)), "? %"},
		{moreBytes(-1500), "−1.5kB"},
		{spread([]float64{9, 10, 11}), "±10 %"},
		{spread([]float64{9}), ""},
		{spread([]float64{0, 0}), ""},
		{plain("\x1b[31mred\x1b[0m \x1b]0;title\x07x\x1b"), "red x"},
		{cut("abcdef", 4), "abc…"},
		{place("", 3), "line 3"},
		{place("Dockerfile", 0), "Dockerfile"},
	} {
		assert.Equal(t, test.got, test.want)
	}
}

func TestStrip(t *testing.T) {
	line := []rune(strip([]float64{0, 5, 5, 10}, 0, 10))
	assert.Equal(t, len(line), stripWidth+2)
	assert.Equal(t, strings.ReplaceAll(string(line), " ", ""), "▕·│·▏")
	assert.Equal(t, strings.ReplaceAll(strip([]float64{1, 1, 1}, 1, 1), " ", ""), "▕│▏")
	assert.Equal(t, strings.ReplaceAll(strip([]float64{1, 1, 5, 9, 9, 9, 5}, 1, 9), " ", ""), "▕:│⁝▏")
}
