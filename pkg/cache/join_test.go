package cache

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestJoins(t *testing.T) {
	s := New(shop(targets.Prod), inShop())
	joins := s.Joins()
	// api and docs look into the caches of each other, and web into none of theirs
	assert.Equal(t, len(joins), 2)
	j := joins[0]
	if j.Tag != "joint.shop.api.prod.linux-amd64.feature" {
		j = joins[1]
	}
	assert.Equal(t, j.Tag, "joint.shop.api.prod.linux-amd64.feature")
	assert.Equal(t, j.Repository, "example.com/cache")
	assert.Equal(t, j.Tags[0], "cache.shop.api.prod.linux-amd64.feature")
	assert.Equal(t, len(j.Tags), 8)

	_, isScope := ParseName(j.Tag)
	assert.Assert(t, !isScope, "a joined cache is nobody's to import by itself")

	s.Join(j, j.Tag+"@sha256:12", j.Tags[:2])
	for _, service := range []string{"api", "docs"} {
		imports := buildOf(t, s, service).Imports
		assert.Equal(t, len(imports), 1)
		assert.Equal(t, imports[0].Spec, "type=registry,ref=example.com/cache:"+j.Tag+"@sha256:12")
		assert.DeepEqual(t, imports[0].Joined, []string{"example.com/cache:" + j.Tags[0], "example.com/cache:" + j.Tags[1]})
	}
	assert.Equal(t, buildOf(t, s, "api").Imports[0].Reason, "own branch; default branch")
	assert.Assert(t, len(buildOf(t, s, "web").Imports) > 1)
	assert.Equal(t, len(s.Joins()), 1)
}

// TestJoinsOfOthers: who can't write looks for what others joined, and these join for them on the branch that all import from.
func TestJoinsOfOthers(t *testing.T) {
	in := inShop()
	in.CI = CI{Name: GitHub, Branch: "feature", PullRequest: true, Fork: true}
	for _, j := range New(shop(targets.Prod), in).Joins() {
		assert.Equal(t, j.Tag, "")
		assert.Assert(t, !j.Again)
		assert.Equal(t, JointTags(j.Tags)[0], "joint"+j.Tags[0][len("cache"):])
	}
	for branch, again := range map[string]bool{"main": true, "feature": false} {
		in := inShop()
		in.CI, in.Config.Branch, in.Config.DefaultBranch = CI{Name: GitHub}, branch, "main"
		joins := New(shop(targets.Prod), in).Joins()
		assert.Assert(t, len(joins) > 0)
		for _, j := range joins {
			assert.Assert(t, j.Tag != "")
			assert.Equal(t, j.Again, again, branch)
		}
	}
}

// TestNothingToJoin has builds that can't, must not or need not import a joined cache.
func TestNothingToJoin(t *testing.T) {
	for name, change := range map[string]func(*Surroundings){
		"old BuildKit": func(in *Surroundings) { in.Builder.Version = "v0.11.6" },
		"folder":       func(in *Surroundings) { in.Flag = Choice{Backend: Local, Place: "/cache"} },
		"no cache":     func(in *Surroundings) { in.NoCache = true },
		"off":          func(in *Surroundings) { in.Flag = Choice{Backend: Off} },
	} {
		in := inShop()
		change(&in)
		assert.Equal(t, len(New(shop(targets.Prod), in).Joins()), 0, name)
	}
	plan := shop(targets.Prod)
	for i := range plan.Targets {
		plan.Targets[i].CacheFrom = []string{"type=registry,ref=example.com/cache:mine"}
	}
	in := inShop()
	s := New(plan, in)
	for _, j := range s.Joins() {
		s.Join(j, "joint", j.Tags)
	}
	for _, b := range s.Builds {
		assert.Equal(t, b.Imports[0].Spec, "type=registry,ref=example.com/cache:mine", "what is declared stays")
		assert.Equal(t, len(b.Imports), 2)
	}
}
