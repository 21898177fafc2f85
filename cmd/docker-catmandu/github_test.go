package main

import (
	"errors"
	"os"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

var githubResult = &buildx.Result{
	Project: "shop",
	Targets: []buildx.TargetResult{
		{Service: "api", Stage: "prod", Cached: 3, Steps: 4, Seconds: 1.25, Digest: "sha256:01", Size: 1500000},
		{Service: "web", Error: "a|b\n100%", Steps: 1, Place: &buildx.Place{File: "/src/web/a,b:Dockerfile", Line: 2, Excerpt: "x\n```y"}},
		{Service: "job", Error: "context canceled", Canceled: true},
	},
	Warnings: []buildx.Warning{
		{Message: "50% of\nit", File: "a,b:Dockerfile", Line: 3, Place: &buildx.Place{File: "/src/a,b:Dockerfile", Line: 3}},
		{Message: "elsewhere", Place: &buildx.Place{File: "/other/Dockerfile", Line: 3}},
		{Message: "no place"},
	},
}

const githubSummary = "### Build of shop\n\n- :x: **web**: a\\|b 100%\n\n      x\n      ```y\n\n\n" +
	"| Service | Stage | Cached | Seconds | Size | Image |\n|---|---|---:|---:|---:|---|\n" +
	"| web | (last) | 0 of 1 | 0.0 |  | failed |\n" +
	"| job | (last) | 0 of 0 | 0.0 |  | canceled |\n" +
	"| api | prod | 3 of 4 | 1.2 | 1.5MB | `sha256:01` |\n\n"

const githubAnnotations = "::warning file=a%2Cb%3ADockerfile,line=3,title=Dockerfile::50%25 of%0Ait\n" +
	"::warning title=Dockerfile::elsewhere\n" +
	"::warning title=Dockerfile::no place\n" +
	"::error file=web/a%2Cb%3ADockerfile,line=2,title=Build of web::a|b%0A100%25\n"

func TestJobSummary(t *testing.T) {
	assert.Equal(t, jobSummary(githubResult), githubSummary)
}

func TestAnnotations(t *testing.T) {
	t.Setenv("GITHUB_WORKSPACE", "/src")
	assert.Equal(t, annotations(githubResult), githubAnnotations)
}

func TestBuildReportsToGitHub(t *testing.T) {
	inProject(t, shop)
	f := &fakeBuilder{result: githubResult, err: errors.New("broken")}
	t.Setenv("GITHUB_ACTIONS", "true")
	t.Setenv("GITHUB_WORKSPACE", "/src")
	t.Setenv("GITHUB_STEP_SUMMARY", "summary.md")
	assert.NilError(t, os.WriteFile("summary.md", []byte("before\n"), 0o644))
	stdout, stderr, err := runCommand(t, f, "build", "-q")
	assert.Error(t, err, "broken")
	assert.Equal(t, stdout, "")
	assert.Equal(t, stderr, githubAnnotations)
	text, err := os.ReadFile("summary.md")
	assert.NilError(t, err)
	assert.Equal(t, string(text), "before\n"+githubSummary)

	t.Setenv("GITHUB_ACTIONS", "")
	_, stderr, err = runCommand(t, f, "build", "-q")
	assert.Error(t, err, "broken")
	assert.Equal(t, stderr, "")
}
