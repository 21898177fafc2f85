package rig

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// ready is a version of two services, of which web has a file to edit for source, and both for deps.
func ready(name string, services ...string) *version {
	plan := &targets.Plan{}
	for _, s := range services {
		plan.Targets = append(plan.Targets, targets.Target{Service: s, Context: "/" + s})
	}
	v := &version{Version: Version{Name: name, Plans: map[string]*targets.Plan{"prod": plan}}, edits: map[editKey][]edited{}}
	v.edits[editKey{"prod", "web", Source}] = []edited{{Change{Path: "main.go"}, "web", "/web", "a guess"}}
	for _, s := range services {
		v.edits[editKey{"prod", s, Deps}] = []edited{{Change{Path: "list"}, s, "/shared", "a guess"}}
	}
	return v
}

func newRig(whole bool, versions ...*version) *Rig {
	r := &Rig{Options: Options{Scenarios: []string{Warm, Source, Deps}, Whole: whole}, versions: map[string]*version{}}
	for _, v := range versions {
		r.Versions = append(r.Versions, v.Version)
		r.versions[v.Name] = v
	}
	return r
}

func names(cases []session.Case) []string {
	var out []string
	for _, c := range cases {
		out = append(out, c.Name())
	}
	return out
}

func TestCases(t *testing.T) {
	head := ready(session.Head, "api", "web")
	for name, c := range map[string]struct {
		rig  *Rig
		want []string
	}{
		"services and project": {newRig(false, head), []string{
			"api prod warm", "web prod warm", "project prod warm", "web prod source", "project prod source",
			"api prod deps", "web prod deps", "project prod deps",
		}},
		"the project only": {newRig(true, head), []string{"project prod warm", "project prod source", "project prod deps"}},
		"one service is the project": {newRig(false, ready(session.Head, "web")), []string{
			"project prod warm", "project prod source", "project prod deps",
		}},
		"a service that the base lacks is measured alone": {newRig(false, head, ready(session.Base, "web")), []string{
			"api prod warm", "web prod warm", "web prod warm (base)", "project prod warm", "project prod warm (base)",
			"web prod source", "web prod source (base)", "project prod source", "project prod source (base)",
			"api prod deps", "web prod deps", "web prod deps (base)", "project prod deps", "project prod deps (base)",
		}},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, names(c.rig.Cases()), c.want) })
	}
}

// A file of a build context that services share is edited once.
func TestSharedFileIsEditedOnce(t *testing.T) {
	v := ready(session.Head, "api", "web")
	assert.Equal(t, len(v.editsOf(session.Case{Kind: "prod", Scenario: Deps})), 1)
	assert.Equal(t, len(v.editsOf(session.Case{Kind: "prod", Scenario: Deps, Service: "api"})), 1)
}

func TestStageNames(t *testing.T) {
	graphs := []*steps.Graph{
		{Service: "other", Steps: []steps.Step{{Stage: "alien", Line: 1}}},
		{Service: "web", Steps: []steps.Step{{Stage: "production", Line: 20}, {Stage: "deps", Line: 8}, {Stage: "base", Line: 2}, {Line: 3}, {Stage: "deps", Line: 9}}},
	}
	assert.DeepEqual(t, stageNames(graphs, "web"), []string{"base", "deps", "production"})
}

// What is built for another purpose leaves the plan as it is.
func TestPlansAreNotShared(t *testing.T) {
	plan := &targets.Plan{Targets: []targets.Target{{Service: "web", Stage: "production", CacheFrom: []string{"type=registry,ref=a"}}}}
	assert.Equal(t, atStage(plan, "web", "deps").Targets[0].Stage, "deps")
	assert.Equal(t, len(withoutImports(plan).Targets[0].CacheFrom), 0)
	assert.Equal(t, plan.Targets[0].Stage, "production")
	assert.Equal(t, len(plan.Targets[0].CacheFrom), 1)
}

// A service that is the whole project is measured as that, unless another version has more of them.
func TestMeasuredAs(t *testing.T) {
	web, both := ready(session.Head, "web"), ready(session.Head, "web", "api")
	for name, c := range map[string]struct {
		rig      *Rig
		as       string
		measured bool
	}{
		"one of two":       {newRig(false, both), "web", true},
		"with another":     {newRig(true, both), "web", false},
		"alone":            {newRig(false, web), "", true},
		"alone, whole":     {newRig(true, web), "", true},
		"the base has it":  {newRig(false, web, ready(session.Base, "web")), "", true},
		"the base has two": {newRig(false, web, ready(session.Base, "web", "api")), "web", true},
	} {
		t.Run(name, func(t *testing.T) {
			as, measured := c.rig.MeasuredAs("prod", "web")
			assert.Equal(t, as, c.as)
			assert.Equal(t, measured, c.measured)
			as, measured = c.rig.MeasuredAs("prod", "")
			assert.Equal(t, as, "")
			assert.Assert(t, measured)
		})
	}
}
