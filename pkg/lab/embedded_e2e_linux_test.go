//go:build e2e

package lab

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-catmandu/docker-catmandu/pkg/embedded"
)

// burning is a Dockerfile with a cache mount and a step that takes CPU time.
func burning(r *registry) string {
	return "FROM " + r.image + `
COPY file /file
RUN --mount=type=cache,target=/cache cat /file >>/cache/lines; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done
RUN wc -l /cache/lines || echo apart
`
}

// leftovers are processes whose environment or command line has the folder, and mounts and files below it.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		if file == fmt.Sprintf("/proc/%d/environ", os.Getpid()) {
			continue
		}
		if b, _ := os.ReadFile(file); strings.Contains(string(b), embedded.EnvRoot+"="+dir) {
			out = append(out, file)
		}
	}
	found, _ := filepath.Glob(dir + "/*")
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	assert.NilError(t, err)
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, dir) {
			out = append(out, line)
		}
	}
	return append(out, found...)
}

// waitNone waits for the kernel to end what was in the namespaces of a daemon.
func waitNone(t *testing.T, dir string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(leftovers(t, dir)) > 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	assert.DeepEqual(t, leftovers(t, dir), []string(nil))
}

func TestEmbedded(t *testing.T) {
	r := newRegistry(t)
	o := newOptions(t, testDir(t))
	l, err := Open(t.Context(), o)
	assert.NilError(t, err)
	defer func() { assert.Check(t, l.Close(context.WithoutCancel(t.Context()))) }()
	assert.Equal(t, l.Kind(), Embedded)
	plan := newPlan(t, burning(r), "one\n")
	assert.Equal(t, l.Adapt(plan, true), plan)

	before, of, ok := l.CPU(t.Context())
	assert.Assert(t, ok)
	assert.Equal(t, of, "daemon")
	_, total, sources, err := build(t.Context(), l.Builder(), plan)
	assert.NilError(t, err)
	after, _, _ := l.CPU(t.Context())
	assert.Assert(t, after-before > 0.1, "the step's CPU time is not counted: %g to %g", before, after)
	cached, _ := mustBuild(t, l.Builder(), plan)
	assert.Equal(t, cached, total)
	mounts, err := l.Mounts(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(mounts), 1)

	assert.NilError(t, l.Prime(t.Context(), sources))
	pulls := r.pulls.Load()
	assert.NilError(t, l.Reset(t.Context()))
	records, err := l.Live().CacheRecords(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(records), 1, "%v", records)
	cached, _ = mustBuild(t, l.Builder(), plan)
	assert.Equal(t, cached, 1, "only FROM")
	assert.Equal(t, r.pulls.Load(), pulls)
	assert.NilError(t, l.Sweep(t.Context()))
	assert.NilError(t, l.Gone())

	fresh, err := l.Fresh(t.Context())
	assert.NilError(t, err)
	cached, _ = mustBuild(t, fresh.Builder(), plan)
	assert.Equal(t, cached, 0)
	assert.Equal(t, r.pulls.Load(), pulls+1)
	assert.NilError(t, fresh.Close(t.Context()))

	removed, err := Clean(t.Context(), o)
	assert.NilError(t, err)
	assert.Equal(t, len(removed), 0, "%v: it is in use", removed)
	assert.NilError(t, l.Close(t.Context()))
	waitNone(t, o.Dir)
}

func TestEmbeddedGone(t *testing.T) {
	o := newOptions(t, testDir(t))
	l, err := Open(t.Context(), o)
	assert.NilError(t, err)
	defer func() { assert.Check(t, l.Close(context.WithoutCancel(t.Context()))) }()
	assert.NilError(t, l.Gone())
	e := *l.folder.note.Daemon
	assert.NilError(t, embedded.Stop(t.Context(), e))
	assert.ErrorContains(t, l.Gone(), "went away")
	_, err = embedded.Ensure(t.Context(), e, o.Daemon)
	assert.NilError(t, err)
	mustBuild(t, l.Builder(), newPlan(t, "FROM scratch\nCOPY file /\n", ""))
	assert.ErrorContains(t, l.Gone(), "went away", "it is back, but it was away")
}

// TestOpenFails opens a lab whose daemon can't start.
func TestOpenFails(t *testing.T) {
	o := newOptions(t, testDir(t))
	o.Daemon = []string{"/bin/false"}
	_, err := Open(t.Context(), o)
	assert.ErrorContains(t, err, "the daemon ended")
	waitNone(t, o.Dir)
}

// Variables for "hold": the folder of the test, the build context, the name of the user's builder.
const dirEnv, contextEnv, builderEnv = "LAB_TEST_DIR", "LAB_TEST_CONTEXT", "LAB_TEST_BUILDER"

// hold opens a lab, builds in it, says so, and never closes it.
func hold(ctx context.Context) error {
	o, err := optionsIn(os.Getenv(dirEnv))
	if err != nil {
		return err
	}
	o.Builder = os.Getenv(builderEnv)
	if err := os.Setenv(asEnv, "serve"); err != nil { // for the daemon
		return err
	}
	l, err := Open(ctx, o)
	if err != nil {
		return err
	}
	_, _, _, err = build(ctx, l.Builder(), l.Adapt(planOf(os.Getenv(contextEnv)), false))
	fmt.Println("held", err)
	<-ctx.Done()
	return ctx.Err()
}

// holdAndKill has a process hold a lab, and kills it.
func holdAndKill(t *testing.T, dir, contextDir string, env ...string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), asEnv+"=hold", dirEnv+"="+dir, contextEnv+"="+contextDir), env...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	assert.NilError(t, err)
	assert.Equal(t, line, "held <nil>\n")
	assert.NilError(t, cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait()
}

func TestEmbeddedKilled(t *testing.T) {
	dir := testDir(t)
	o := newOptions(t, dir)
	plan := newPlan(t, burning(newRegistry(t)), "one\n")
	holdAndKill(t, dir, plan.Dir)
	assert.Assert(t, len(leftovers(t, o.Dir)) > 1, "the daemon lives on for a while")
	left, err := Leftovers(t.Context(), o)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 1)
	assert.Equal(t, left[0].Project, "shop")
	assert.Assert(t, left[0].Size > 1<<20, "an image is in it")
	removed, err := Clean(t.Context(), o)
	assert.NilError(t, err)
	assert.Equal(t, len(removed), 1)
	assert.Assert(t, is.Contains(removed[0], "private BuildKit"))
	waitNone(t, o.Dir)
	removed, err = Clean(t.Context(), o)
	assert.NilError(t, err)
	assert.Equal(t, len(removed), 0)
}
