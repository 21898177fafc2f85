package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/cache"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestBuildChoosesCaches(t *testing.T) {
	files := map[string]string{
		"compose.yaml": "name: shop\nx-catmandu: {cache: {use: local=caches, export: always}}\n" +
			"services: {web: {build: {context: ., target: prod}}, api: {build: {context: ., target: prod}}, db: {build: {context: ., x-catmandu: {cache: off}}}}",
		"Dockerfile": "FROM scratch AS dev\nFROM scratch AS prod\n",
	}
	inProject(t, files)
	cwd, err := os.Getwd()
	assert.NilError(t, err)
	dest := func(service string) string {
		s := cache.Scope{Project: "shop", Service: service, Target: "default", Platform: nativePlatform}
		return "type=local,dest=" + cwd + "/caches/" + s.Name() + ",ignore-error=true,mode=max,reset=true"
	}
	caches := func(args ...string) (to map[string][]string, from int) {
		t.Helper()
		f := &fakeBuilder{result: &buildx.Result{}}
		_, _, err := runCommand(t, f, append([]string{"build"}, args...)...)
		assert.NilError(t, err)
		to = map[string][]string{}
		for _, target := range f.plan.Targets {
			to[target.Service] = target.CacheTo
			from += len(target.CacheFrom)
		}
		return to, from
	}
	to, from := caches()
	// api and web are one build; folders without a cache are not imported
	assert.DeepEqual(t, to, map[string][]string{"api": {dest("api")}, "web": {}, "db": {}})
	assert.Equal(t, from, 0)
	// a service alone has the cache of its group
	to, _ = caches("web")
	assert.DeepEqual(t, to, map[string][]string{"web": {dest("api")}})
	to, _ = caches("--cache", "off")
	assert.DeepEqual(t, to, map[string][]string{"api": {}, "web": {}, "db": {}})
	s := cache.Scope{Project: "shop", Service: "api", Target: "prod", Platform: nativePlatform}
	dir := "caches/" + s.Name()
	assert.NilError(t, os.MkdirAll(dir, 0o755))
	assert.NilError(t, os.WriteFile(dir+"/index.json", nil, 0o644))
	_, from = caches()
	assert.Equal(t, from, 2) // of the other target of both
}

func TestPlanTellsCaches(t *testing.T) {
	inProject(t, map[string]string{
		"compose.yaml": "name: shop\nservices: {web: {build: .}, api: {build: {context: ., target: dev, cache_to: ['type=gha'], cache_from: ['type=gha']}}}",
		"Dockerfile":   "FROM scratch AS dev\nFROM scratch AS prod\n",
	})
	stdout, _, err := runCommand(t, &fakeBuilder{}, "plan")
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(stdout, "type=gha") && !strings.Contains(stdout, "\ncache: "), stdout)

	stdout, stderr, err := runCommand(t, &fakeBuilder{}, "plan", "--cache", "registry=example.com/c")
	assert.NilError(t, err)
	assert.Equal(t, stderr, "")
	_, table, ok := strings.Cut(stdout, "\ncache: registry example.com/c (--cache registry=example.com/c)\n")
	assert.Assert(t, ok, stdout)
	var rows []string
	for _, line := range lines(strings.ReplaceAll(table, strings.ReplaceAll(nativePlatform, "/", "-"), "PLATFORM")) {
		rows = append(rows, strings.Join(strings.Fields(line), " "))
	}
	const at = "example.com/c:cache.shop."
	assert.DeepEqual(t, rows, []string{
		"SERVICE CACHE PLACE WHY",
		"api import type=gha cache_from",
		"api import " + at + "api.default.PLATFORM no branches",
		"api import " + at + "api.prod.PLATFORM api at prod",
		"api import " + at + "api.dev.PLATFORM api at dev",
		"api import " + at + "web.default.PLATFORM web has the same Dockerfile",
		"api import " + at + "web.prod.PLATFORM web has the same Dockerfile",
		"api import " + at + "web.dev.PLATFORM web has the same Dockerfile",
		"api export type=gha cache_to",
		"web import " + at + "web.default.PLATFORM no branches",
		"web import " + at + "web.prod.PLATFORM web at prod",
		"web import " + at + "web.dev.PLATFORM web at dev",
		"web import " + at + "api.default.PLATFORM api has the same Dockerfile",
		"web import " + at + "api.prod.PLATFORM api has the same Dockerfile",
		"web import " + at + "api.dev.PLATFORM api has the same Dockerfile",
		"web export type=registry,ref=" + at + "web.default.PLATFORM,ignore-error=true,mode=max asked for",
	})

	stdout, _, err = runCommand(t, &fakeBuilder{}, "plan", "--cache", "registry=example.com/c", "--format", "json")
	assert.NilError(t, err)
	var got struct {
		Targets []targets.Target
		Caches  cache.Settings
	}
	assert.NilError(t, json.Unmarshal([]byte(stdout), &got))
	assert.Equal(t, len(got.Targets[1].CacheTo), 1)
	assert.Equal(t, got.Caches.Builds[1].Exports[0].Spec, got.Targets[1].CacheTo[0])

	stdout, _, err = runCommand(t, &fakeBuilder{}, "plan", "--cache", "registry=example.com/c", "--format", "bake")
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(stdout, at+"web.default"), stdout)
	_, _, err = runCommand(t, &fakeBuilder{}, "plan", "--cache", "nowhere")
	assert.ErrorContains(t, err, "--cache nowhere: must be one of auto, off, registry=REF")
}

func TestWrongCacheConfig(t *testing.T) {
	inProject(t, map[string]string{"compose.yaml": "x-catmandu:\n  cache: registry=example.com/c:tag\nservices: {web: {build: .}}", "Dockerfile": "FROM scratch"})
	for _, command := range []string{"plan", "build"} {
		_, _, err := runCommand(t, &fakeBuilder{}, command)
		assert.Error(t, err, "compose.yaml:2: x-catmandu.cache: registry=example.com/c:tag: must be a repository without a tag: each build gets a tag of its own")
	}
}

func TestCacheUseIsTold(t *testing.T) {
	s := &cache.Settings{Backend: cache.Registry, Place: "example.com/c", Builds: []cache.Build{
		{Services: []string{"web", "jobs"}, Scope: cache.Scope{Project: "shop"}}, {Services: []string{"api"}}, {Services: []string{"db"}},
	}}
	r := &buildx.Result{
		Targets: []buildx.TargetResult{{Service: "jobs", Cached: 3, Steps: 4, FetchedBytes: 1500000, FetchedSeconds: 0.5}, {Service: "web"}, {Service: "api"}, {Service: "db"}},
		Caches: []buildx.CacheUse{
			{Kind: buildx.WorkImport, Service: "jobs", Name: "example.com/c:cache.shop.web", Seconds: 0.2},
			{Kind: buildx.WorkImport, Service: "web", Name: "example.com/c:cache.shop.web", Seconds: 0.3},
			{Kind: buildx.WorkImport, Service: "web", Name: "example.com/c:other", Missing: true},
			{Kind: buildx.WorkCacheExport, Service: "web", Name: "registry", Seconds: 2, Layers: 5},
			{Kind: buildx.WorkImport, Service: "api", Name: "example.com/c:a", Missing: true},
			{Kind: buildx.WorkImport, Service: "db", Name: "example.com/c:b", Error: "failed to configure registry cache importer: HEAD b: 500 No\nmore"},
			{Kind: buildx.WorkImport, Service: "db", Name: "example.com/c:c", Error: "failed to configure registry cache importer: HEAD c: 500 No"},
			{Kind: buildx.WorkCacheExport, Service: "db", Name: "registry", Error: "HEAD d: 500 No"},
		},
	}
	var out strings.Builder
	assert.NilError(t, printCacheUse(&out, s, r))
	assert.DeepEqual(t, lines(out.String()), []string{
		`warning: service "db": cache example.com/c:b was not imported: HEAD b: 500 No (and 1 more)`,
		`warning: service "db": the cache was not exported (type=registry): HEAD d: 500 No`,
		"cache of web, jobs: from web in 0.3 s, 3 of 4 steps cached, 1.5MB fetched in 0.5 s; exported 5 layers in 2.0 s (type=registry)",
		"cache of api: none there yet",
	})
}

func TestCacheTimeout(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "2s": true, "0s": false, "-1s": false, "soon": false} {
		t.Setenv("CATMANDU_CACHE_TIMEOUT", text)
		_, err := cacheTimeout()
		assert.Equal(t, err == nil, ok, text)
	}
}
