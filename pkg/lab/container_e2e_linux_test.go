//go:build e2e

package lab

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// newEngine makes the engine of package e2e's world the user's.
func newEngine(t *testing.T) Options {
	t.Helper()
	host := os.Getenv("ENGINE_HOST")
	if host == "" {
		t.Skip(`needs an engine: go test -c -tags e2e -o lab.test ./pkg/lab, then E2E_EXEC='cd ../pkg/lab && ../../lab.test -test.run "Container|Engine"' go test -tags e2e ./e2e`)
	}
	o := newOptions(t, testDir(t))
	t.Setenv("DOCKER_HOST", host)
	again, err := optionsIn(o.ProjectDir)
	assert.NilError(t, err)
	again.Notices = t.Output()
	return again
}

// docker is the output of a docker command.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("../../bin/tools/docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+os.Getenv("DOCKER_CONFIG"))
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s: %s", args, out)
	return string(out)
}

// containers are the names of containers and volumes of an engine.
func containers(t *testing.T) string {
	t.Helper()
	return docker(t, "ps", "--all", "--format", "{{.Names}}") + docker(t, "volume", "ls", "--format", "{{.Name}}")
}

func TestContainer(t *testing.T) {
	o := newEngine(t)
	before := containers(t)
	plan := newPlan(t, "FROM busybox:1.37\nCOPY file /file\nRUN --mount=type=cache,target=/cache i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done\n", "one\n")
	l, err := Open(t.Context(), o)
	assert.NilError(t, err)
	defer func() { assert.Check(t, l.Close(context.WithoutCancel(t.Context()))) }()
	assert.Equal(t, l.Kind(), Container)
	seconds, of, ok := l.CPU(t.Context())
	assert.Assert(t, ok)
	assert.Equal(t, of, "container")
	cached, total, sources, err := build(t.Context(), l.Builder(), plan)
	assert.NilError(t, err)
	assert.Equal(t, cached, 0)
	more, _, _ := l.CPU(t.Context())
	assert.Assert(t, more-seconds > 0.1, "%g to %g", seconds, more)
	assert.NilError(t, l.Prime(t.Context(), sources))
	cached, _ = mustBuild(t, l.Builder(), plan)
	assert.Equal(t, cached, total)
	assert.NilError(t, l.Reset(t.Context()))
	cached, _ = mustBuild(t, l.Builder(), plan)
	assert.Equal(t, cached, 1)
	fresh, err := l.Fresh(t.Context())
	assert.NilError(t, err)
	cached, _ = mustBuild(t, fresh.Builder(), plan)
	assert.Equal(t, cached, 0)
	assert.NilError(t, fresh.Close(t.Context()))
	assert.NilError(t, l.Gone())
	docker(t, "restart", "buildx_buildkit_catmandu-bench-s10")
	assert.ErrorContains(t, l.Gone(), "went away")
	assert.NilError(t, l.Close(t.Context()))
	assert.Equal(t, containers(t), before)
	waitNone(t, o.Dir)
	entries, _ := filepath.Glob(os.Getenv("BUILDX_CONFIG") + "/instances/*")
	assert.Equal(t, len(entries), 0)
}

func TestContainerKilled(t *testing.T) {
	o := newEngine(t)
	before := containers(t)
	plan := newPlan(t, "FROM busybox:1.37\nCOPY file /file\n", "one\n")
	holdAndKill(t, o.ProjectDir, plan.Dir)
	assert.Assert(t, containers(t) != before)
	removed, err := Clean(t.Context(), o)
	assert.NilError(t, err)
	assert.Equal(t, len(removed), 1)
	assert.Assert(t, is.Contains(removed[0], "in a container"))
	assert.Equal(t, containers(t), before)
	waitNone(t, o.Dir)
}

// TestContainerLike has a user whose builder is in a container: the lab's is like it.
func TestContainerLike(t *testing.T) {
	o := newEngine(t)
	out, err := exec.Command("../../bin/tools/cli-plugins/docker-buildx", "create", "--name", "mine", "--driver", "docker-container",
		"--driver-opt", "network=host,env.LIKE=it", "--buildkitd-config", os.Getenv("BUILDKITD_CONFIG"), "--bootstrap").CombinedOutput()
	assert.NilError(t, err, "%s", out)
	defer func() {
		out, err := exec.Command("../../bin/tools/cli-plugins/docker-buildx", "rm", "mine").CombinedOutput()
		assert.Check(t, err, "%s", out)
	}()
	o.Builder = "mine"
	var notices bytes.Buffer
	o.Notices = &notices
	before := containers(t)
	l, err := Open(t.Context(), o)
	assert.NilError(t, err)
	defer func() { assert.Check(t, l.Close(context.WithoutCancel(t.Context()))) }()
	mustBuild(t, l.Builder(), newPlan(t, "FROM busybox:1.37\nCOPY file /file\nRUN cat /file\n", "one\n"))
	env := docker(t, "inspect", "--format", "{{.Config.Env}} {{.Config.Cmd}} {{.HostConfig.RestartPolicy.Name}}", "buildx_buildkit_catmandu-bench-s10")
	for _, want := range []string{"LIKE=it", "--oci-worker-gc=false", "buildkitd.toml", "no"} {
		assert.Assert(t, is.Contains(env, want))
	}
	assert.Assert(t, strings.Contains(notices.String(), "container of its own"))
	assert.NilError(t, l.Close(t.Context()))
	assert.Equal(t, containers(t), before)
}

// TestNamespaceOfEngine measures in the engine's own BuildKit, which an old engine has no history for.
func TestNamespaceOfEngine(t *testing.T) {
	o := newEngine(t)
	user, err := users(t.Context(), o)
	assert.NilError(t, err)
	live, err := user.Live(t.Context())
	assert.NilError(t, err)
	plan := newPlan(t, "FROM busybox:1.37\nCOPY file /file\nRUN --mount=type=cache,target=/cache cat /file >>/cache/lines\n", "one\n")
	mustBuild(t, user, plan)
	before := sizes(t, live)
	o.Kind = Namespace
	l, err := Open(t.Context(), o)
	if errors.Is(err, buildx.ErrNoHistory) {
		assert.ErrorContains(t, err, "hint: measure in")
		assert.DeepEqual(t, sizes(t, live), before)
		waitNone(t, o.Dir)
		return
	}
	assert.NilError(t, err)
	defer func() { assert.Check(t, l.Close(context.WithoutCancel(t.Context()))) }()
	for _, cold := range []bool{false, true, false} {
		mustBuild(t, l.Builder(), l.Adapt(plan, cold))
		assert.NilError(t, l.Sweep(t.Context()))
	}
	assert.NilError(t, l.Gone())
	assert.NilError(t, l.Close(t.Context()))
	assert.DeepEqual(t, sizes(t, live), before)
	waitNone(t, o.Dir)
}
