package session

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestJudge(t *testing.T) {
	c := func(service, kind, scenario, version string) Case { return Case{service, kind, scenario, version} }
	rate := 0.58
	s := &Session{
		Series: []Series{
			Summarise(c("api", "prod", "source", Head), Wall, []float64{10, 12, 11}, true),
			Summarise(c("api", "prod", "source", Head), CPU, []float64{99}, true),
			Summarise(c("api", "prod", "source", Base), Wall, []float64{99}, true),
			Summarise(c("api", "dev", "source", Head), Wall, []float64{5}, true),
			Summarise(c("", "prod", "cold", Head), Wall, []float64{50, 51, 52, 58, 62, 70, 80, 90}, true),
			Summarise(c("web", "prod", "source", Head), Wall, nil, true),
		},
		Stages: []Stage{
			{Case: c("api", "prod", "cold", Head), Stage: "deps", Seconds: 20},
			{Case: c("api", "prod", "warm", Head), Stage: "deps", Seconds: 20, Lo: 15, Hi: 25},
			{Case: c("api", "prod", "warm", Base), Stage: "deps", Seconds: 99},
		},
		Cache: []Cache{
			{Case: c("api", "prod", "source", Head), Rate: 0.9, TimeRate: &rate},
			{Case: c("web", "prod", "source", Head), Rate: 0.5},
		},
		Images: []Image{
			{Service: "api", Kind: "prod", Version: Head, Stage: "runtime", Final: true, Platform: "linux/amd64", Bytes: 180e6},
			{Service: "api", Kind: "prod", Version: Head, Stage: "runtime", Final: true, Platform: "linux/arm64", Bytes: 190e6},
			{Service: "api", Kind: "prod", Version: Head, Stage: "base", Platform: "linux/amd64", Bytes: 70e6},
			{Service: "api", Kind: "prod", Version: Base, Stage: "runtime", Final: true, Bytes: 999e6},
			{Service: "web", Kind: "prod", Version: Head, Stage: "runtime", Final: true, Platform: "linux/amd64", Bytes: 60e6},
			{Service: "web", Kind: "dev", Version: Head, Stage: "dev", Final: true, Platform: "linux/amd64", Bytes: 400e6},
		},
	}
	interval := s.Series[4]
	assert.Assert(t, interval.Lo > 50 && interval.Lo < 60 && interval.Hi > 60 && interval.Hi < 90, "%+v", interval)

	type want struct {
		kind   string
		value  float64
		state  string
		strict bool
	}
	for _, test := range []struct {
		bound Bound
		want  []want
	}{
		// Few runs: the fastest of them decides, and the slowest.
		{Bound{Service: "api", Kind: "prod", Scenario: "source", What: OfTime, Limit: 12}, []want{{"prod", 11, OK, false}}},
		{Bound{Service: "api", Kind: "prod", Scenario: "source", What: OfTime, Limit: 11.5}, []want{{"prod", 11, Borderline, false}}},
		{Bound{Service: "api", Kind: "prod", Scenario: "source", What: OfTime, Limit: 10.5}, []want{{"prod", 11, Borderline, true}}},
		{Bound{Service: "api", Kind: "prod", Scenario: "source", What: OfTime, Limit: 9.9}, []want{{"prod", 11, Over, true}}},
		{Bound{Service: "api", Scenario: "source", What: OfTime, Limit: 6}, []want{{"dev", 5, OK, false}, {"prod", 11, Over, true}}},
		// Many: the interval.
		{Bound{Scenario: "cold", What: OfTime, Limit: 50.5}, []want{{"prod", 60, Over, true}}},
		{Bound{Scenario: "cold", What: OfTime, Limit: 55}, []want{{"prod", 60, Borderline, true}}},
		{Bound{Scenario: "cold", What: OfTime, Limit: 85}, []want{{"prod", 60, OK, false}}},
		// Stages, with an interval and without.
		{Bound{Service: "api", Scenario: "cold", Stage: "deps", What: OfTime, Limit: 19}, []want{{"prod", 20, Over, true}}},
		{Bound{Service: "api", Scenario: "cold", Stage: "deps", What: OfTime, Limit: 20}, []want{{"prod", 20, OK, false}}},
		{Bound{Service: "api", Scenario: "warm", Stage: "deps", What: OfTime, Limit: 19}, []want{{"prod", 20, Borderline, true}}},
		{Bound{Service: "api", Scenario: "warm", Stage: "deps", What: OfTime, Limit: 14}, []want{{"prod", 20, Over, true}}},
		// The cache is to save at least so much.
		{Bound{Service: "api", Scenario: "source", What: OfCache, Limit: 0.6}, []want{{"prod", 0.58, Over, true}}},
		{Bound{Service: "api", Scenario: "source", What: OfCache, Limit: 0.5}, []want{{"prod", 0.58, OK, false}}},
		{Bound{Service: "web", Scenario: "source", What: OfCache, Limit: 0.5}, []want{{"prod", 0.5, OK, false}}},
		// Sizes: of the biggest platform, of a stage, of all.
		{Bound{Service: "api", What: OfSize, Limit: 185e6}, []want{{"prod", 190e6, Over, true}}},
		{Bound{Service: "api", Stage: "base", What: OfSize, Limit: 200e6}, []want{{"prod", 70e6, OK, false}}},
		{Bound{What: OfSize, Limit: 250e6}, []want{{"dev", 400e6, Over, true}, {"prod", 240e6, OK, false}}},
		{Bound{Kind: "prod", What: OfSize, Limit: 200e6}, []want{{"prod", 240e6, Over, true}}},
		// Nothing was measured.
		{Bound{Service: "web", Scenario: "source", What: OfTime, Limit: 1}, []want{{"", 0, Unknown, false}}},
		{Bound{Service: "api", Kind: "prod", Scenario: "deps", What: OfTime, Limit: 1}, []want{{"prod", 0, Unknown, false}}},
		{Bound{Service: "api", Scenario: "warm", What: OfCache, Limit: 1}, []want{{"", 0, Unknown, false}}},
		{Bound{Service: "db", What: OfSize, Limit: 1}, []want{{"", 0, Unknown, false}}},
		{Bound{Service: "api", Scenario: "source", What: "cpu", Limit: 1}, []want{{"", 0, Unknown, false}}},
	} {
		var expected []Budget
		for _, w := range test.want {
			expected = append(expected, Budget{
				Service: test.bound.Service, Kind: w.kind, Scenario: test.bound.Scenario, Stage: test.bound.Stage,
				What: test.bound.What, Limit: test.bound.Limit, Value: w.value, State: w.state,
			})
		}
		got := Judge([]Bound{test.bound}, s)
		assert.DeepEqual(t, got, expected)
		for i, w := range test.want {
			assert.Check(t, got[i].Fails(false) == (w.state == Over), "%+v", test.bound)
			assert.Check(t, got[i].Fails(true) == w.strict, "%+v", test.bound)
		}
	}
	assert.DeepEqual(t, Judge(nil, s), []Budget{})
}
