package cache

import (
	"errors"
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestParseChoice(t *testing.T) {
	for text, want := range map[string]string{
		"auto":                            "auto",
		"off":                             "off",
		"gha":                             "gha",
		"inline":                          "inline",
		"gha,timeout=5m":                  "gha,timeout=5m",
		"registry=example.com/cache":      "registry=example.com/cache",
		"registry=localhost:5000/cache":   "registry=localhost:5000/cache",
		"registry=acme/cache":             "registry=docker.io/acme/cache",
		"registry=a.b/c,compression=zstd": "registry=a.b/c,compression=zstd",
		"local=cache":                     "local=/shop/cache",
		"local=/abs":                      "local=/abs",
		"s3=b,Region=eu":                  "s3=b,region=eu",
		"azblob=https://a":                "azblob=https://a",

		"":                            "must be one of " + Usage,
		"redis=x":                     "redis: must be one of " + Usage,
		"registry":                    "registry: must be registry=REF",
		"local=":                      "local: must be local=DIR",
		"gha=x":                       "gha: takes no value",
		"auto,mode=max":               "auto: takes no attributes",
		"registry=a.b/c:tag":          "registry=a.b/c:tag: must be a repository without a tag: each build gets a tag of its own",
		"registry=A B":                "registry=A B: invalid reference format: repository name (library/A B) must be lowercase",
		"registry=a.b/c,mode=maximum": "registry: mode=maximum must be min or max: BuildKit takes anything else for min",
		"registry=a.b/c,mode":         `registry: "mode" must be KEY=VALUE`,
		"s3=b,name=x":                 "s3: name is chosen for each build and can't be set\nhint: cache_from and cache_to of a service say all by themselves",
	} {
		c, err := ParseChoice(text, "/shop")
		got := c.String()
		if err != nil {
			got = err.Error()
		}
		assert.Equal(t, got, want, text)
	}
}

// inShop are surroundings in which shop exports to a registry.
func inShop() Surroundings {
	return Surroundings{
		Builder: Builder{Name: "b", Driver: "remote", Version: "v0.34.2", Exports: true, Nodes: 1, Platform: "linux/amd64"},
		Git:     Git{true, "feature", "main"}, Flag: Choice{Backend: Registry, Place: "example.com/cache"},
		Request: targets.Request{Target: "prod"}, Project: variants(),
	}
}

func buildOf(t *testing.T, s *Settings, service string) Build {
	t.Helper()
	i := slices.IndexFunc(s.Builds, func(b Build) bool { return slices.Contains(b.Services, service) })
	assert.Assert(t, i >= 0)
	return s.Builds[i]
}

func specsOf(entries []Entry) []string {
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Spec+" | "+e.Reason)
	}
	return out
}

func TestChainAndSiblings(t *testing.T) {
	s := New(shop(targets.Prod), inShop())
	const at = "type=registry,ref=example.com/cache:cache.shop."
	assert.DeepEqual(t, specsOf(buildOf(t, s, "api").Imports), []string{
		at + "api.prod.linux-amd64.feature | own branch",
		at + "api.prod.linux-amd64.main | default branch",
		at + "api.dev.linux-amd64.feature | api at dev, own branch",
		at + "api.dev.linux-amd64.main | api at dev, default branch",
		at + "docs.prod.linux-amd64.feature | docs has the same Dockerfile, own branch",
		at + "docs.prod.linux-amd64.main | docs has the same Dockerfile, default branch",
		at + "docs.dev.linux-amd64.feature | docs has the same Dockerfile, own branch",
		at + "docs.dev.linux-amd64.main | docs has the same Dockerfile, default branch",
	})
	assert.DeepEqual(t, specsOf(buildOf(t, s, "api").Exports), []string{
		at + "api.prod.linux-amd64.feature,ignore-error=true,mode=max | asked for",
	})
	// a part of a group has the name of the group, so that its cache is found whatever is selected
	worker := shop(targets.Prod).Only("worker")
	assert.Equal(t, New(worker, inShop()).Builds[0].Scope, buildOf(t, s, "web").Scope)
	alone := inShop()
	alone.Project = nil
	assert.Equal(t, New(worker, alone).Builds[0].Scope.Service, "worker")
}

func TestLabels(t *testing.T) {
	in := inShop()
	in.Project = nil
	for _, tc := range []struct {
		request targets.Request
		want    string
	}{
		{targets.Request{Target: "prod"}, "prod"},
		{targets.Request{}, "default"},
		{targets.Request{Target: "Production"}, "stage-production"},
		{targets.Request{Target: "other"}, "default"}, // which the service doesn't have
		{targets.Request{Target: "prod", Services: map[string]string{"api": "dev"}}, "dev"},
		{targets.Request{Target: "prod", Services: map[string]string{"api": "production"}}, "stage-production"},
	} {
		in.Request = tc.request
		assert.Equal(t, buildOf(t, New(shop(targets.Prod), in), "api").Scope.Target, tc.want)
	}
}

// Whatever is declared, no two builds export to one place, and no build does so twice.
func TestNoTwoWritersOfOnePlace(t *testing.T) {
	for _, declared := range []string{
		"type=local,dest=/cache", "type=registry,ref=example.com/cache", "type=registry,ref=example.com/shop:buildcache,mode=max", "type=gha",
		"type=gha,scope=x", "type=s3,bucket=b,region=r", "type=azblob,account_url=https://a,name=x", "type=local,dest=/cache,tag=x",
	} {
		plan := shop(targets.Prod)
		for i := range plan.Targets {
			plan.Targets[i].CacheTo = []string{declared, declared}
			plan.Targets[i].CacheFrom = []string{"type=registry,ref=example.com/old"}
		}
		s := New(plan, inShop())
		s.Apply(plan)
		places, entries := map[string]string{}, 0
		for _, target := range plan.Targets {
			for _, e := range target.CacheTo {
				parsed, ok := parse(e)
				assert.Assert(t, ok)
				d := destination(parsed)
				assert.Equal(t, places[d], "", "%s and %s: %s", places[d], target.Service, d)
				places[d] = target.Service
				entries++
			}
		}
		assert.Equal(t, entries, 3, declared) // api, docs, and one of web and worker
		assert.Equal(t, len(s.Notes), 1)
		web := buildOf(t, s, "web")
		assert.Assert(t, web.Exports[0].Declared)
		// what is exported is also imported
		out, _ := parse(web.Exports[0].Spec)
		in, _ := parse(web.Imports[0].Spec)
		out.attrs["src"] = out.attrs["dest"]
		for _, key := range first {
			if key != "dest" {
				assert.Equal(t, in.attrs[key], out.attrs[key], "%s of %s", key, declared)
			}
		}
		assert.Equal(t, in.attrs["tag"], out.attrs["tag"])
	}
}

func TestRepairIsSaid(t *testing.T) {
	plan := shop(targets.Prod)
	for i := range plan.Targets {
		plan.Targets[i].CacheTo = []string{"type=local,dest=/cache"}
	}
	in := inShop()
	in.Flag = Choice{}
	s := New(plan, in)
	assert.DeepEqual(t, s.Notes, []string{
		"cache_to: api, docs and web all export to /cache, where only the last one would be kept: each gets a place of its own there",
	})
	assert.DeepEqual(t, specsOf(buildOf(t, s, "api").Exports), []string{
		"type=local,dest=/cache/api.prod.linux-amd64 | cache_to, set apart: 3 builds export to /cache",
	})
	assert.Assert(t, s.Active())
	// one writer is left alone
	one := plan.Only("api")
	s = New(one, in)
	assert.DeepEqual(t, s.Notes, []string{})
	assert.DeepEqual(t, specsOf(s.Builds[0].Exports), []string{"type=local,dest=/cache | cache_to"})
	assert.Assert(t, !s.Active())
}

// What is declared stands over what is automatic: nothing is exported beside it, and it is imported first.
func TestDeclaredWins(t *testing.T) {
	plan := shop(targets.Prod)
	plan.Targets[0].CacheTo = []string{"type=registry,ref=example.com/api:mine"}
	plan.Targets[1].CacheFrom = []string{"type=registry,ref=example.com/docs:mine"}
	plan.Targets[2].CacheTo = []string{"type=inline"}
	s := New(plan, inShop())
	api, docs := buildOf(t, s, "api"), buildOf(t, s, "docs")
	assert.DeepEqual(t, specsOf(api.Exports), []string{"type=registry,ref=example.com/api:mine | cache_to"})
	assert.Equal(t, specsOf(docs.Imports)[0], "type=registry,ref=example.com/docs:mine | cache_from")
	assert.Equal(t, len(docs.Exports), 1)
	assert.Assert(t, !docs.Exports[0].Declared)
	// an inline cache makes another image
	assert.DeepEqual(t, buildOf(t, s, "web").Services, []string{"web"})
	assert.DeepEqual(t, buildOf(t, s, "worker").Services, []string{"worker"})
	assert.Equal(t, buildOf(t, s, "worker").Scope.Service, "web", "that is what it is in the other variants")
}

// An automatic export to a place that is declared for another build is not made.
func TestAutomaticGivesWay(t *testing.T) {
	plan := shop(targets.Prod)
	ref := New(shop(targets.Prod), inShop()).Builds[1].Exports[0].Spec
	plan.Targets[0].CacheTo = []string{ref}
	s := New(plan, inShop())
	assert.Equal(t, len(buildOf(t, s, "docs").Exports), 0)
	assert.Equal(t, buildOf(t, s, "docs").NotExported, "api exports to that place")
}

func TestApply(t *testing.T) {
	plan := shop(targets.Prod)
	in := inShop()
	in.Flag = Choice{Backend: Local, Place: "/cache"}
	s := New(plan, in)
	s.Look(func(dir string) bool { return dir == "/cache/cache.shop.web.prod.linux-amd64.main" })
	s.Apply(plan)
	web, worker := plan.Targets[2], plan.Targets[3]
	assert.DeepEqual(t, web.CacheFrom, []string{"type=local,src=/cache/cache.shop.web.prod.linux-amd64.main"})
	assert.DeepEqual(t, web.CacheFrom, worker.CacheFrom)
	assert.DeepEqual(t, web.CacheTo, []string{"type=local,dest=/cache/cache.shop.web.prod.linux-amd64.feature,ignore-error=true,mode=max,reset=true"})
	assert.DeepEqual(t, worker.CacheTo, []string{})
	assert.Equal(t, targets.Definition(web), targets.Definition(worker))
	// the one that is only there for others doesn't export where the other one does
	plan = shop(targets.Prod)
	plan.Targets[2].Linked = true
	s.Apply(plan)
	assert.Equal(t, len(plan.Targets[2].CacheTo), 0)
	assert.Equal(t, len(plan.Targets[3].CacheTo), 1)
}

func TestSeveralPlatforms(t *testing.T) {
	plan := shop(targets.Prod).Only("api")
	plan.Targets[0].Platforms = []string{"linux/amd64", "linux/arm64"}
	in := inShop()
	in.Project = nil
	s := New(plan, in)
	assert.Equal(t, s.Builds[0].Scope.Slugs().Platform, "linux-amd64_linux-arm64")
	assert.Equal(t, len(s.Builds[0].Exports), 1)
	in.Builder.Nodes = 2
	s = New(plan, in)
	assert.Equal(t, len(s.Builds[0].Exports), 0)
	assert.Equal(t, s.Builds[0].NotExported, "2 platforms on 2 nodes: each node would write over what another one wrote")
	assert.Equal(t, len(s.Notes), 2)
	plan.Targets[0].Platforms = []string{"linux/arm64"}
	s = New(plan, in)
	assert.Equal(t, s.Builds[0].Scope.Platform, "linux/arm64")
	assert.Equal(t, len(s.Builds[0].Exports), 1)
}

func TestConfig(t *testing.T) {
	in := inShop()
	in.Config = Config{Use: in.Flag, Off: []string{"api"}, Branch: "release", DefaultBranch: "trunk", Export: Always, At: "compose.yaml:1"}
	in.Flag = Choice{}
	s := New(shop(targets.Prod), in)
	assert.DeepEqual(t, specsOf(buildOf(t, s, "api").Imports), []string{})
	assert.Equal(t, buildOf(t, s, "api").NotExported, "off in build.x-catmandu")
	docs := buildOf(t, s, "docs")
	assert.Equal(t, docs.Scope.Branch, "release")
	assert.Equal(t, docs.Imports[1].Spec, "type=registry,ref=example.com/cache:cache.shop.docs.prod.linux-amd64.trunk")
	assert.Equal(t, docs.Exports[0].Reason, "export: always in compose.yaml:1")
	in.Config.Export = Never
	assert.Equal(t, New(shop(targets.Prod), in).NotExported, "export: never in compose.yaml:1")
	in.NoCache = true
	assert.Equal(t, len(buildOf(t, New(shop(targets.Prod), in), "docs").Imports), 0)
}

func TestProbe(t *testing.T) {
	in := inShop()
	in.Flag = Choice{Backend: Local, Place: "/cache"}
	plan := shop(targets.Prod)
	plan.Targets[0].CacheTo = []string{"type=local,dest=/mine"} // what is declared is left to fail
	s := New(plan, in)
	var asked []string
	s.Probe(func(dir string) error {
		asked = append(asked, dir)
		if len(asked) == 1 {
			return errors.New("read-only")
		}
		return nil
	})
	assert.DeepEqual(t, asked, []string{"/cache/cache.shop.docs.prod.linux-amd64.feature", "/cache/cache.shop.web.prod.linux-amd64.feature"})
	assert.Equal(t, len(buildOf(t, s, "api").Exports), 1)
	assert.Equal(t, len(buildOf(t, s, "docs").Exports), 0)
	assert.Equal(t, len(buildOf(t, s, "web").Exports), 1)
	assert.DeepEqual(t, s.Notes, []string{"service \"docs\": no cache is exported: read-only"})
}

func TestShort(t *testing.T) {
	s := New(shop(targets.Prod), inShop())
	b := buildOf(t, s, "api")
	assert.Equal(t, s.Short(b, "example.com/cache:cache.shop.api.prod.linux-amd64.main"), "api.prod.linux-amd64.main")
	assert.Equal(t, s.Short(b, "other.example.com/api:mine"), "other.example.com/api:mine")
	assert.Equal(t, s.Short(b, "localhost:5000/api"), "localhost:5000/api")
	in := inShop()
	in.Flag = Choice{Backend: Local, Place: "/cache"}
	s = New(shop(targets.Prod), in)
	assert.Equal(t, s.Short(buildOf(t, s, "api"), "local:123"), "local") // of which there are several
	s.Look(func(dir string) bool { return dir == "/cache/cache.shop.api.dev.linux-amd64.main" })
	assert.Equal(t, s.Short(buildOf(t, s, "api"), "local:123"), "api.dev.linux-amd64.main")
}
