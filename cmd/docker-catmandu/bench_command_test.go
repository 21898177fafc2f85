package main

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/docker/cli/cli"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/bench"
	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/rig"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// compared is a session with those results.
func comparedSession(kind string, results ...session.Result) *session.Session {
	return &session.Session{Compare: &session.Compare{Kind: kind, Times: session.Yes, Results: results}}
}

func TestGateStatus(t *testing.T) {
	slower := session.Result{Service: "web", Metric: session.CPU, Verdict: session.Slower, Gate: true}
	confirmed, unsure, fresh := slower, slower, slower
	confirmed.Confirmed = true
	unsure.Verdict, fresh.Verdict = session.CannotTell, session.New
	over := &session.Session{Budgets: []session.Budget{{Service: "web", What: session.OfTime, Limit: 1, Value: 2, State: session.Over}}}
	for name, c := range map[string]struct {
		gate    gateFlags
		session *session.Session
		want    int
	}{
		"nothing compared":               {gateFlags{}, &session.Session{}, 0},
		"confirmed":                      {gateFlags{}, comparedSession(session.KindAB, confirmed), 3},
		"not confirmed":                  {gateFlags{}, comparedSession(session.KindAB, slower), 0},
		"one baseline is a hint":         {gateFlags{}, comparedSession(session.KindBaseline, slower), 0},
		"unless it is trusted":           {gateFlags{trustBaseline: true}, comparedSession(session.KindBaseline, slower), 3},
		"history":                        {gateFlags{}, comparedSession(session.KindHistory, slower), 3},
		"over budget":                    {gateFlags{}, over, 4},
		"cannot tell":                    {gateFlags{}, comparedSession(session.KindAB, unsure), 0},
		"cannot tell, strict":            {gateFlags{strict: true}, comparedSession(session.KindAB, unsure), 5},
		"nothing comparable":             {gateFlags{requireBaseline: true}, comparedSession(session.KindBaseline, fresh), 6},
		"no session to compare with":     {gateFlags{requireBaseline: true}, &session.Session{}, 6},
		"something comparable, required": {gateFlags{requireBaseline: true}, comparedSession(session.KindAB, unsure), 0},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.gate.verdict(c.session)
			var status cli.StatusError
			if errors.As(err, &status) {
				assert.Assert(t, status.Status != "")
			} else {
				assert.NilError(t, err)
			}
			assert.Equal(t, status.StatusCode, c.want)
		})
	}
}

func TestReportFormat(t *testing.T) {
	for value, want := range map[string]string{
		"report.html": "html", "a/b.md": "markdown", "x.json": "json", "x.hyperfine.json": "hyperfine", "node.prom": "prometheus",
		"head.bench": "gobench", "table=out": "table", "json=out.html": "json", "a=b.md": "markdown",
	} {
		file, err := parseReport(value)
		assert.NilError(t, err)
		assert.Equal(t, file.format.name, want, value)
	}
	_, err := parseReport("report.pdf")
	assert.ErrorContains(t, err, "FORMAT=FILE")
	file, err := parseReport("json=out.html")
	assert.NilError(t, err)
	assert.Equal(t, file.path, "out.html")
}

// Production and development are measured apart where they are not the same, or where one of them was asked for.
func TestKinds(t *testing.T) {
	assert.Equal(t, len(kindsOf(planFlags{})), 2)
	assert.Equal(t, len(kindsOf(planFlags{targets: []string{"web=debug"}})), 2)
	assert.Equal(t, len(kindsOf(planFlags{targets: []string{"prod"}})), 1)
	same := map[string]*targets.Plan{"prod": webAt("app"), "dev": webAt("app")}
	joinKinds(same)
	assert.Equal(t, len(same), 1)
	assert.Assert(t, same[""] != nil)
	different := map[string]*targets.Plan{"prod": webAt("app"), "dev": webAt("dev")}
	joinKinds(different)
	assert.Equal(t, len(different), 2)
}

func webAt(stage string) *targets.Plan {
	return &targets.Plan{Targets: []targets.Target{{Service: "web", Stage: stage}}}
}

// A budget of a kind stands over one of both kinds, and one of a scenario that isn't measured is none.
func TestBounds(t *testing.T) {
	s := &subject{
		scenarios: []string{"cold"},
		versions:  []rig.Version{{Plans: map[string]*targets.Plan{"prod": webAt(""), "dev": webAt("")}}},
		config: compose.Bench{Services: map[string]compose.BenchService{"web": {Budgets: []compose.BenchBudget{
			{Key: "cold", What: session.OfTime, Scenario: "cold", Limit: 10},
			{Key: "dev.cold", What: session.OfTime, Kind: "dev", Scenario: "cold", Limit: 20},
			{Key: "warm", What: session.OfTime, Scenario: "warm", Limit: 1},
			{Key: "image", What: session.OfSize, Limit: 100},
		}}}},
	}
	assert.DeepEqual(t, s.bounds(), []session.Bound{
		{Service: "web", Kind: "prod", Scenario: "cold", What: session.OfTime, Limit: 10},
		{Service: "web", Kind: "dev", Scenario: "cold", What: session.OfTime, Limit: 20},
		{Service: "web", Kind: "dev", What: session.OfSize, Limit: 100},
		{Service: "web", Kind: "prod", What: session.OfSize, Limit: 100},
	})
	s.services = []string{"api"}
	assert.Equal(t, len(s.bounds()), 0)
}

// Where nothing can be drawn over, each round is a line.
func TestBenchDisplay(t *testing.T) {
	c := session.Case{Service: "web", Scenario: "warm", Version: session.Head}
	var lines, drawn bytes.Buffer
	for _, d := range []*benchDisplay{newBenchDisplay(&lines, false), newBenchDisplay(&drawn, true)} {
		d.show(bench.Progress{Case: c, Rounds: 5, Runs: 12})
		d.show(bench.Progress{Case: c, Round: 1, Rounds: 5, Done: 2, Runs: 12, Left: 100 * time.Second})
		d.show(bench.Progress{Case: c, Round: 1, Rounds: 5, Done: 3, Runs: 12, Left: 90 * time.Second})
		d.show(bench.Progress{Case: c, Round: 6, Confirming: true, Done: 4, Runs: 12, Left: time.Second})
		d.end()
	}
	assert.Equal(t, lines.String(), "[warm-up]\n[round 1/5], 2 min left\n[round 6, confirming], 1 s left\n")
	assert.Assert(t, bytes.Contains(drawn.Bytes(), []byte("\r[round 1/5] web warm  ▕███           ▏ 25 %, 2 min left")), drawn.String())
	assert.Assert(t, !bytes.Contains(drawn.Bytes(), []byte("\n")))
}

// A session that proved nothing is no success; one of which a part proved nothing is one, unless it is strict.
func TestGateProved(t *testing.T) {
	series := func(scenario string, values ...float64) session.Series {
		return session.Series{Case: session.Case{Scenario: scenario, Version: session.Head}, Metric: session.Wall, Values: values}
	}
	cpu := series("warm")
	cpu.Metric = session.CPU
	nothing := &session.Session{Series: []session.Series{cpu, series("warm"), series("source")}}
	assert.Error(t, (&gateFlags{}).verdict(nothing), "no valid run: project warm, project source")
	some := &session.Session{Series: []session.Series{cpu, series("warm"), series("source", 1)}}
	assert.NilError(t, (&gateFlags{}).verdict(some))
	err := (&gateFlags{strict: true}).verdict(some)
	assert.Error(t, err, "no valid run: project warm")
	var status cli.StatusError
	assert.Assert(t, errors.As(err, &status))
	assert.Equal(t, status.StatusCode, statusCannotTell)
}
