package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

var shop = map[string]string{
	"compose.yaml":          "services: {web: {build: .}, api: {build: .}}",
	"compose.override.yaml": "services: {web: {build: {target: dev}}}",
	"Dockerfile":            "FROM scratch AS dev\nFROM scratch AS prod\n",
}

func TestBuildPrintsASummary(t *testing.T) {
	inProject(t, shop)
	f := &fakeBuilder{result: &buildx.Result{Targets: []buildx.TargetResult{
		{Service: "api", Stage: "prod", Cached: 3, Steps: 4, Seconds: 1.25, Digest: "sha256:0123456789abcdef", Size: 1500000, Output: "docker engine"},
		{Service: "web", Error: "no", Steps: 1},
		{Service: "worker", Error: "no", Canceled: true},
	}}, err: errors.New("service \"web\": no")}
	stdout, stderr, err := runCommand(t, f, "build", "--target", "prod")
	assert.Error(t, err, `service "web": no`)
	assert.Equal(t, stdout, "")
	assert.DeepEqual(t, lines(stderr), []string{
		"SERVICE   TARGET   CACHED   SECONDS   IMAGE          SIZE    OUTPUT",
		"api       prod     3 of 4   1.2       0123456789ab   1.5MB   docker engine",
		"web       (last)   0 of 1   0.0       failed         -       -",
		"worker    (last)   0 of 0   0.0       canceled       -       -",
	})
	assert.Equal(t, len(f.plan.Targets), 2)
	assert.Equal(t, f.plan.Targets[0].Stage, "prod")
}

func TestBuildChoosesTheBuilder(t *testing.T) {
	inProject(t, shop)
	f := &fakeBuilder{result: &buildx.Result{}}
	t.Setenv("BUILDX_BUILDER", "ci")
	_, _, err := runCommand(t, f, "build")
	assert.NilError(t, err)
	assert.Equal(t, f.name, "ci")
	assert.Assert(t, f.opts.Jobs > 0) // never all at once
	_, _, err = runCommand(t, f, "build", "--builder", "other")
	assert.NilError(t, err)
	assert.Equal(t, f.name, "other")
}

func TestBuildPassesItsFlagsOn(t *testing.T) {
	inProject(t, shop)
	t.Setenv("FROM_ENV", "yes")
	assert.NilError(t, os.Mkdir("cache", 0o755))
	assert.NilError(t, os.WriteFile("cache/index.json", nil, 0o644)) // what holds no cache is not imported
	f := &fakeBuilder{result: &buildx.Result{}}
	_, stderr, err := runCommand(t, f, "build", "web", "--no-cache", "--pull", "--build-arg", "A=b", "--build-arg", "FROM_ENV",
		"--build-arg", "NOT_SET", "--platform", "linux/arm64,linux/amd64", "--cache-from", "type=local,src=cache", "--cache-to", "example.com/cache",
		"--push", "-q", "--keep-going", "--output", "type=cacheonly", "--jobs", "3")
	assert.NilError(t, err)
	assert.Equal(t, stderr, "")
	assert.Equal(t, len(f.plan.Targets), 1)
	web := f.plan.Targets[0]
	cwd, err := os.Getwd()
	assert.NilError(t, err)
	assert.Assert(t, web.Build.NoCache && web.Build.Pull && f.opts.KeepGoing && f.opts.Outputs.Push)
	assert.DeepEqual(t, web.Build.Args, map[string]string{"A": "b", "FROM_ENV": "yes"})
	assert.DeepEqual(t, web.Platforms, []string{"linux/arm64", "linux/amd64"})
	assert.DeepEqual(t, web.CacheFrom, []string{"type=local,src=" + cwd + "/cache"})
	assert.DeepEqual(t, web.CacheTo, []string{"type=registry,ref=example.com/cache"})
	assert.DeepEqual(t, f.opts.Outputs.Specs, []string{"type=cacheonly"})
	assert.Equal(t, f.opts.Progress, "quiet")
	assert.Equal(t, f.opts.Jobs, 3)
}

func TestMetadataFile(t *testing.T) {
	inProject(t, shop)
	assert.NilError(t, os.WriteFile("meta.json", []byte("old"), 0o644))
	f := &fakeBuilder{err: errors.New("broken")}
	_, _, err := runCommand(t, f, "build", "--metadata-file", "meta.json")
	assert.Error(t, err, "broken")
	_, err = os.Stat("meta.json")
	assert.Assert(t, os.IsNotExist(err), "a failed build leaves no file of an earlier one")

	f = &fakeBuilder{result: &buildx.Result{Targets: []buildx.TargetResult{
		{Service: "web", Stage: "prod", Steps: 4, Cached: 3, Seconds: 1.5, Metadata: map[string]any{"containerimage.digest": "sha256:1"}},
	}}}
	_, _, err = runCommand(t, f, "build", "--metadata-file", "meta.json")
	assert.NilError(t, err)
	text, err := os.ReadFile("meta.json")
	assert.NilError(t, err)
	var got map[string]map[string]any
	assert.NilError(t, json.Unmarshal(text, &got))
	assert.Equal(t, got["web"]["containerimage.digest"], "sha256:1")
	ours := got["web"]["catmandu.target"].(map[string]any)
	assert.Equal(t, fmt.Sprintf("%v %v %v %v", ours["stage"], ours["steps"], ours["cached"], ours["seconds"]), "prod 4 3 1.5")
}

func TestNothingToBuild(t *testing.T) {
	inProject(t, map[string]string{"compose.yaml": "services: {db: {image: postgres}, web: {build: ., profiles: [app]}}"})
	for _, command := range []string{"build", "plan"} {
		stdout, stderr, err := runCommand(t, &fakeBuilder{}, command)
		assert.NilError(t, err)
		assert.Equal(t, stdout, "")
		assert.Equal(t, stderr, "warning: project \"shop\": nothing to build\nhint: --profile enables services of app\n")
	}
	_, _, err := runCommand(t, &fakeBuilder{}, "build", "db")
	assert.Error(t, err, "nothing to build: db: no build section")
}

func TestCompletion(t *testing.T) {
	inProject(t, shop)
	for _, tc := range []struct{ args, want []string }{
		{[]string{"build", ""}, []string{"api", "web"}},
		{[]string{"build", "api", ""}, []string{"web"}},
		{[]string{"build", "--target", ""}, []string{"dev", "prod"}},
		{[]string{"plan", "--target", "web=d"}, []string{"web=dev"}},
		{[]string{"build", "--builder", ""}, []string{"ci", "default"}},
		{[]string{"plan", "--format", ""}, []string{"table", "json", "bake"}},
	} {
		stdout, _, err := runCommand(t, &fakeBuilder{}, append([]string{"__complete"}, tc.args...)...)
		assert.NilError(t, err)
		got := lines(stdout)
		assert.DeepEqual(t, got[:len(got)-1], tc.want)
	}
}

// A key that the CLI's own flags need is not taken by ours.
func TestUsageErrors(t *testing.T) {
	inProject(t, shop)
	for _, args := range [][]string{
		{"bild"},
		{"plan", "--nonsense"},
		{"plan", "--format", "xml"},
		{"plan", "--target", "=x"},
		{"plan", "--target", ""},
		{"plan", "--target", "prod", "--target", "dev"},
		{"build", "--progress", "nonsense"},
		{"build", "--build-arg", "=1"},
		{"build", "--jobs", "-1"},
		{"build", "--digest-file", "d.json"},
		{"build", "--push", "--load", "--digest-file", "d.json"},
		{"build", "--push", "--output", "type=cacheonly", "--digest-file", "d.json"},
		{"merge"},
		{"merge", "--format", "bake", "d.json"},
		{"version", "x"},
	} {
		_, _, err := runCommand(t, &fakeBuilder{}, args...)
		assert.Assert(t, err != nil, strings.Join(args, " "))
		assert.Equal(t, exitStatus(&strings.Builder{}, err), statusUsage, strings.Join(args, " "))
	}
}
