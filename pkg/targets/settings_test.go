package targets

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

func TestTags(t *testing.T) {
	for _, tc := range []struct {
		image string
		extra []string
		kind  Kind
		want  []string
	}{
		{"", nil, "", []string{"shop-web"}},
		{"", nil, Dev, []string{"shop-web", "shop-web:dev"}},
		{"shop/web", nil, Prod, []string{"shop/web", "shop/web:prod"}},
		{"shop/web:1.2", nil, Prod, []string{"shop/web:1.2"}},
		{"shop/web@sha256:0", nil, Prod, []string{"shop/web@sha256:0"}},
		{"localhost:5000/web", nil, Prod, []string{"localhost:5000/web", "localhost:5000/web:prod"}},
		{"web", []string{"web:next", "web"}, "", []string{"web:next", "web"}},
		{"web", []string{"web:prod"}, Prod, []string{"web:prod", "web"}},
	} {
		s := compose.Service{Name: "web", Image: tc.image, Build: compose.Build{Tags: tc.extra}}
		assert.DeepEqual(t, tags("shop", s, tc.kind), tc.want)
	}
}

func TestPlatforms(t *testing.T) {
	s := compose.Service{Platform: "linux/arm64"}
	got, err := platforms(s)
	assert.NilError(t, err)
	assert.DeepEqual(t, got, []string{"linux/arm64"})
	s.Build.Platforms = []string{"linux/amd64", "linux/arm64"}
	got, err = platforms(s)
	assert.NilError(t, err)
	assert.DeepEqual(t, got, s.Build.Platforms)
	got, err = platforms(compose.Service{})
	assert.NilError(t, err)
	assert.DeepEqual(t, got, []string{})
}

func TestCaches(t *testing.T) {
	for entry, want := range map[string][]string{
		"shop/web:cache":                  {"type=registry,ref=shop/web:cache"},
		"shop/web,shop/api":               {"type=registry,ref=shop/web", "type=registry,ref=shop/api"},
		"type=registry,ref=shop/web":      {"type=registry,ref=shop/web"},
		"type=gha":                        {"type=gha"},
		"type=local,src=cache":            {"type=local,src=/shop/cache"},
		"type=local,dest=../c,mode=max":   {"type=local,dest=/c,mode=max"},
		"type=local,dest=/abs":            {"type=local,dest=/abs"},
		`type=local,"src=a,b"`:            {`type=local,"src=/shop/a,b"`},
		"src=cache":                       {"src=cache"},
		`type=local,"src=not closed`:      {`type=local,"src=not closed`},
		"web@sha256:0000000000000000000":  {"type=registry,ref=web@sha256:0000000000000000000"},
		"type=s3,region=eu,bucket=caches": {"type=s3,region=eu,bucket=caches"},
	} {
		assert.DeepEqual(t, caches("/shop", []string{entry}), want)
	}
	assert.DeepEqual(t, caches("/shop", nil), []string{})
}

func TestLint(t *testing.T) {
	dir := shopDir(t, "Dockerfile", multi)
	web := service(dir, "compose.yaml", "web", compose.Build{
		Context: dir, Isolation: "hyperv",
		CacheFrom: []string{"shop-core:latest", "shop-web", "api:cache", "owner/web:cache", "registry.example.org/web"},
		CacheTo:   []string{"type=local,dest=cache"},
	})
	web.Positions["build.cache_from"] = compose.Position{File: "compose.yaml", Line: 7}
	api := service(dir, "compose.yaml", "api", compose.Build{
		Context: dir, CacheTo: []string{"type=local,dest=./cache", "type=registry,ref=api:cache"},
	})
	p := project(dir, web, api)
	p.Warnings = []compose.Warning{{Message: "from the files"}}
	plan, err := New(p, Request{})
	assert.NilError(t, err)
	var got []string
	for _, w := range plan.Warnings {
		got = append(got, w.Service+": "+w.Message)
	}
	assert.DeepEqual(t, got, []string{
		": from the files",
		"api: cache_to without cache_from: the cache is written and never read",
		"web: cache_from shop-core:latest: no service here builds that; it would be looked up on Docker Hub",
		"web: isolation is ignored: BuildKit has none to choose",
	})
	assert.Equal(t, plan.Warnings[2].Position.Line, 7)
}

// Production that cannot be built without the override says so.
func TestProductionOnTheOverride(t *testing.T) {
	dir := shopDir(t, "Dockerfile", multi)
	p := project(dir, service(dir, "compose.yaml", "web", compose.Build{Context: dir}))
	p.Override = filepath.Join(dir, "compose.override.yaml")
	p.BaseErrors = map[string]error{"web": errors.New("required variable V is missing a value")}
	for target, want := range map[string]int{"prod": 1, "dev": 0, "": 0} {
		plan, err := New(p, Request{Target: target})
		assert.NilError(t, err)
		found := 0
		for _, w := range plan.Warnings {
			if w.Message == "built with the settings of compose.override.yaml; without it: required variable V is missing a value" {
				found++
			}
		}
		assert.Equal(t, found, want, target)
	}
}

// A Dockerfile that nobody builds may be production's, where nothing else says what is.
func TestUnusedDockerfiles(t *testing.T) {
	dir := shopDir(t, "Dockerfile", "FROM scratch\n")
	for _, name := range []string{"Dockerfile.fleet", "Dockerfile.dev", "Dockerfile.tests", "Dockerfile.api"} {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte("FROM scratch\n"), 0o644))
	}
	web := service(dir, "compose.yaml", "web", compose.Build{Context: dir})
	api := service(dir, "compose.yaml", "api", compose.Build{Context: dir, Dockerfile: "Dockerfile.api"})
	warned := func(target string) (out []string) {
		plan, err := New(project(dir, web, api), Request{Target: target})
		assert.NilError(t, err)
		for _, w := range plan.Warnings {
			if strings.Contains(w.Message, "no service builds") {
				out = append(out, w.Service+": "+w.Message)
			}
		}
		return out
	}
	assert.DeepEqual(t, warned("prod"), []string{
		"api: beside its Dockerfile.api, no service builds Dockerfile.fleet; if production is there, x-catmandu can say so",
		"web: beside its Dockerfile, no service builds Dockerfile.fleet; if production is there, x-catmandu can say so",
	})
	assert.Equal(t, len(warned("")), 0)
}
