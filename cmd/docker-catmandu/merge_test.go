package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// What builds write is what a merge reads.
func TestDigestFilesAreMerged(t *testing.T) {
	inProject(t, map[string]string{
		"compose.yaml": "services: {web: {image: example.com/web:1, build: .}}",
		"Dockerfile":   "FROM scratch",
	})
	t.Setenv("BUILDX_BUILDER", "ci")
	sum := "sha256:" + strings.Repeat("a", 64)
	f := &fakeBuilder{result: &buildx.Result{Targets: []buildx.TargetResult{{Service: "web", Digest: sum}}}}
	for _, arch := range []string{"amd64", "arm64"} {
		_, _, err := runCommand(t, f, "build", "--push", "--platform", "linux/"+arch, "--digest-file", arch+".json")
		assert.NilError(t, err)
		assert.Assert(t, f.opts.Outputs.ByDigest)
	}
	stdout, stderr, err := runCommand(t, f, "merge", "arm64.json", "amd64.json")
	assert.NilError(t, err)
	assert.Equal(t, stderr, "")
	assert.Equal(t, f.name, "ci")
	assert.DeepEqual(t, lines(stdout), []string{
		"SERVICE   DIGEST     PLATFORMS                 TAGS",
		"web       sha256:0   linux/amd64,linux/arm64   example.com/web:1",
	})
	stdout, _, err = runCommand(t, f, "merge", "--builder", "other", "--format", "json", "arm64.json", "amd64.json")
	assert.NilError(t, err)
	assert.Equal(t, f.name, "other")
	var got buildx.Merge
	assert.NilError(t, json.Unmarshal([]byte(stdout), &got))
	assert.Equal(t, got.Project+" "+got.Indexes[0].Tags[0]+" "+got.Indexes[0].Digest, "shop example.com/web:1 sha256:0")

	f.merged = nil
	_, _, err = runCommand(t, f, "merge", "amd64.json", "amd64.json", "missing.json")
	assert.ErrorContains(t, err, "missing.json")
	assert.Assert(t, f.merged == nil)
}

func TestDigestFileOfAFailedBuild(t *testing.T) {
	inProject(t, shop)
	assert.NilError(t, os.WriteFile("d.json", []byte("old"), 0o644))
	_, _, err := runCommand(t, &fakeBuilder{err: os.ErrClosed}, "build", "--push", "--platform", "linux/arm64", "--digest-file", "d.json")
	assert.ErrorIs(t, err, os.ErrClosed)
	_, err = os.Stat("d.json")
	assert.Assert(t, os.IsNotExist(err))
}
