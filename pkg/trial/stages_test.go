package trial

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// of gives runs a case.
func of(c session.Case, runs ...session.Run) []session.Run {
	for i := range runs {
		runs[i].Case = c
	}
	return runs
}

func TestMedianRun(t *testing.T) {
	runs := []session.Run{{Wall: 1, Valid: true}, {Wall: 9, Round: 1}, {Wall: 5, Round: 1, Valid: true}, {Wall: 3, Round: 2, Valid: true}, {Wall: 7, Fresh: true, Valid: true}}
	assert.Equal(t, Median(runs), 2)
	assert.Equal(t, Median(runs[:4]), 3)
	assert.Equal(t, Median(runs[:2]), -1)
	assert.Equal(t, Median(nil), -1)
}

func TestStages(t *testing.T) {
	c := session.Case{Service: "web", Scenario: Source, Version: session.Head}
	runs := of(c, chain("cached FROM a", "2 COPY a b", "2 RUN a"), chain("cached FROM a", "cached COPY a b", "2 RUN a"), chain("cached FROM a", "1 COPY a b", "5 RUN a"), chain("100 RUN a"))
	runs[3].Valid = false
	runs[0].Steps[2].Stage = "prod"
	got := Stages(runs[:1])
	assert.DeepEqual(t, got, []session.Stage{
		{Case: c, Stage: "build", Seconds: 2, Until: 3, Steps: 1}, {Case: c, Stage: "prod", Seconds: 2, Until: 5, Steps: 1},
	})
	runs[0].Steps[2].Stage = "build"
	assert.DeepEqual(t, Stages(runs), []session.Stage{{Case: c, Stage: "build", Seconds: 4, Until: 5, Steps: 2}})
}

// Steps at work at the same time count once, and the time in which a step rested is none of it.
func TestStagesAreUnions(t *testing.T) {
	r := chain("2 RUN a", "2 RUN b", "cached RUN c")
	r.Steps[1].Start, r.Steps[1].End = 2, 4
	assert.Equal(t, Stages([]session.Run{r})[0].Seconds, 3.0)
	assert.Equal(t, Stages([]session.Run{r})[0].Cached, 1)
	r = chain("2 RUN a")
	r.Steps[0].End = 100
	assert.Equal(t, Stages([]session.Run{r})[0].Seconds, 2.0)
}

func TestStagesOfSeveralServices(t *testing.T) {
	r := chain("2 RUN a", "1 RUN b")
	r.Steps[1].Service = "api"
	var names []string
	for _, s := range Stages([]session.Run{r}) {
		names = append(names, s.Stage)
	}
	assert.DeepEqual(t, names, []string{"web/build", "api/build"})
}

func TestCache(t *testing.T) {
	c := session.Case{Service: "web", Scenario: Source, Version: session.Head}
	run := chain("cached FROM a", "cached RUN deps", "1 COPY src .", "2 RUN make", "idle RUN never")
	run.Edited = []string{"src/a.go"}
	runs := of(c, run)
	cold := []session.Run{
		chain("9 FROM a", "6 RUN deps", "1 COPY src .", "3 RUN make", "1 RUN never"), chain("9 FROM a", "60 RUN deps", "1 COPY src .", "3 RUN make", "1 RUN never"),
	}
	cold[1].Round = 0 // the warm-up
	got := CacheOf(runs, cold)
	assert.Equal(t, got.Case, c)
	assert.Equal(t, got.Hits, 1)
	assert.Equal(t, got.Steps, 3)
	assert.Equal(t, got.Rate, 1.0/3)
	assert.Equal(t, *got.TimeRate, 0.6)
	assert.Equal(t, got.SavedSeconds, 6.0)
	assert.DeepEqual(t, *got.FirstMiss, session.Miss{Step: "[build 3/5] COPY src .", File: "web/Dockerfile", Line: 3, Why: "src/a.go was edited"})

	got = CacheOf(runs, nil)
	assert.Assert(t, got.TimeRate == nil)
	assert.Equal(t, got.SavedSeconds, 0.0)
	got = CacheOf(of(c, chain("cached FROM a", "cached RUN a")), nil)
	assert.Equal(t, got.Rate, 1.0)
	assert.Assert(t, got.FirstMiss == nil)
	got = CacheOf(of(c, chain("cached FROM a")), cold)
	assert.Equal(t, got.Steps, 0)
	assert.Equal(t, got.Rate, 0.0)
	assert.Assert(t, got.TimeRate == nil)
}

// What no cold run knows is no part of the share of time.
func TestCacheOfUnknownSteps(t *testing.T) {
	got := CacheOf([]session.Run{chain("cached RUN a", "cached RUN new")}, []session.Run{chain("4 RUN a", "4 RUN b")})
	assert.Equal(t, got.Rate, 1.0)
	assert.Equal(t, *got.TimeRate, 1.0)
	assert.Equal(t, got.SavedSeconds, 4.0)
}

func TestCacheCountsSharedStepsOnce(t *testing.T) {
	r := chain("cached RUN a", "3 RUN b")
	r.Steps = append(r.Steps, r.Steps[1])
	r.Steps[2].Service = "api"
	got := CacheOf([]session.Run{r}, nil)
	assert.Equal(t, got.Rate, 0.5)
	assert.Equal(t, got.Steps, 2)
}

func TestCacheWithoutRuns(t *testing.T) {
	c := session.Case{Service: "web"}
	assert.DeepEqual(t, CacheOf(of(c, session.Run{Round: 1}), nil), session.Cache{Case: c})
	assert.DeepEqual(t, CacheOf(nil, nil), session.Cache{})
}
