//go:build e2e

package lab

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// buildkitd is a BuildKit that stands for a team's.
type buildkitd struct {
	dir string
	cmd *exec.Cmd
}

// newTeam starts a BuildKit and makes it the current builder of the user.
func newTeam(t *testing.T, dir string) *buildkitd {
	t.Helper()
	d := &buildkitd{dir: filepath.Join(dir, "team")}
	assert.NilError(t, os.MkdirAll(d.dir, 0o700))
	assert.NilError(t, os.WriteFile(filepath.Join(d.dir, "buildkitd.toml"), fmt.Appendf(nil, `
root = %q
[grpc]
  address = [%q]
[worker.oci]
  networkMode = "host"
[worker.containerd]
  enabled = false
`, filepath.Join(d.dir, "root"), "unix://"+d.socket()), 0o600))
	d.start(t)
	t.Cleanup(d.stop)
	out, err := exec.Command("../../bin/tools/cli-plugins/docker-buildx", "create", "--name", "team", "--driver", "remote", "unix://"+d.socket()).CombinedOutput()
	assert.NilError(t, err, "%s\nhint: make tools", out)
	return d
}

func (d *buildkitd) socket() string { return filepath.Join(d.dir, "d.sock") }

func (d *buildkitd) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(d.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	assert.NilError(t, err)
	defer log.Close()
	d.cmd = exec.Command("../../bin/tools/buildkitd", "--config", filepath.Join(d.dir, "buildkitd.toml"))
	d.cmd.Stdout, d.cmd.Stderr = log, log
	assert.NilError(t, d.cmd.Start())
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("unix", d.socket()); err == nil {
			c.Close()
			return
		}
		assert.Assert(t, time.Now().Before(deadline), "buildkitd does not answer")
	}
}

func (d *buildkitd) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	_ = d.cmd.Wait() // it says that it was interrupted
}

// member is a user of the team's builder.
func member(t *testing.T, o Options) (*buildx.Builder, *buildx.Live) {
	t.Helper()
	b, err := buildx.Open(t.Context(), o.CLI, buildx.OpenOptions{Name: "team", Dir: o.ProjectDir, Notices: t.Output()})
	assert.NilError(t, err)
	l, err := b.Live(t.Context())
	assert.NilError(t, err)
	return b, l
}

// sizes are the records of a builder: what may not change.
func sizes(t *testing.T, l *buildx.Live) map[string]int64 {
	t.Helper()
	records, err := l.CacheRecords(t.Context())
	assert.NilError(t, err)
	out := map[string]int64{}
	for _, r := range records {
		out[r.ID+" "+r.Type+" "+r.Description] = r.Size
	}
	return out
}

func refs(t *testing.T, l *buildx.Live) []string {
	t.Helper()
	builds, err := l.History(t.Context())
	assert.NilError(t, err)
	var out []string
	for _, b := range builds {
		out = append(out, b.Ref)
	}
	slices.Sort(out)
	return out
}

// newTeamLab is a builder with builds of a user in it.
func newTeamLab(t *testing.T) (Options, *buildkitd, *buildx.Builder, *buildx.Live) {
	t.Helper()
	dir := testDir(t)
	o := newOptions(t, dir)
	o.Builder = "team"
	d := newTeam(t, dir)
	b, live := member(t, o)
	return o, d, b, live
}

func TestNamespace(t *testing.T) {
	r := newRegistry(t)
	o, d, user, live := newTeamLab(t)
	plan := newPlan(t, burning(r), "theirs\n")
	_, total := mustBuild(t, user, plan)
	before, builds := sizes(t, live), refs(t, live)

	var notices bytes.Buffer
	o.Notices = &notices
	l, err := Open(t.Context(), o)
	assert.NilError(t, err)
	defer func() { assert.Check(t, l.Close(context.WithoutCancel(t.Context()))) }()
	assert.Equal(t, l.Kind(), Namespace)
	_, err = l.Fresh(t.Context())
	assert.ErrorContains(t, err, "can't be had empty")
	_, _, ok := l.CPU(t.Context())
	assert.Assert(t, !ok)

	warm := l.Adapt(plan, false)
	cached, _, sources, err := build(t.Context(), l.Builder(), warm)
	assert.NilError(t, err)
	assert.Equal(t, cached, total-2, "the steps that see the cache mount are others")
	assert.NilError(t, l.Prime(t.Context(), sources))
	assert.NilError(t, os.WriteFile(filepath.Join(plan.Dir, "file"), []byte("ours\n"), 0o644))
	cached, _ = mustBuild(t, l.Builder(), warm)
	assert.Equal(t, cached, 1)
	mounts, err := l.Mounts(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(mounts), 1)
	settled := len(sizes(t, live))

	for range 2 {
		assert.NilError(t, l.Reset(t.Context()))
		// BuildKit may have taken another record for a folder of theirs meanwhile, and lets go of some of ours later than a build
		// ends; more there are not.
		for deadline := time.Now().Add(10 * time.Second); locals(sizes(t, live)) > locals(before) && time.Now().Before(deadline); {
			assert.NilError(t, l.Reset(t.Context()))
		}
		assert.Assert(t, locals(sizes(t, live)) <= locals(before))
		cached, _ = mustBuild(t, l.Builder(), l.Adapt(plan, true))
		assert.Assert(t, cached <= 1, "cold: %d steps cached", cached)
		assert.NilError(t, l.Sweep(t.Context()))
		assert.Assert(t, len(sizes(t, live)) <= settled)
	}
	cached, _ = mustBuild(t, l.Builder(), warm)
	assert.Equal(t, cached, total, "a cold build leaves the others' results")

	assert.NilError(t, l.Gone())
	assert.NilError(t, l.Close(t.Context()))
	assert.DeepEqual(t, sizes(t, live), before)
	assert.DeepEqual(t, refs(t, live), builds)
	assert.Assert(t, !bytes.Contains(notices.Bytes(), []byte("left")), notices.String())
	waitNone(t, o.Dir)
	assert.NilError(t, os.WriteFile(filepath.Join(plan.Dir, "file"), []byte("theirs\n"), 0o644))
	cached, _ = mustBuild(t, user, plan)
	assert.Equal(t, cached, total)

	builds = refs(t, live)
	d.stop()
	d.start(t)
	_, live = member(t, o)
	assert.DeepEqual(t, refs(t, live), builds) // none comes back
}

// TestNamespaceShared has somebody build something else while the lab builds.
func TestNamespaceShared(t *testing.T) {
	r := newRegistry(t)
	o, _, user, live := newTeamLab(t)
	mustBuild(t, user, newPlan(t, "FROM "+r.image+"\nCOPY file /old\n", "old\n"))
	foreign := newPlan(t, "FROM "+r.image+"\nCOPY file /theirs\nRUN wget -q -O /answer "+r.url+"/hold\nRUN cat /answer\n", "theirs\n")
	before := sizes(t, live)

	var notices bytes.Buffer
	o.Notices = &notices
	l, err := Open(t.Context(), o)
	assert.NilError(t, err)
	defer func() { assert.Check(t, l.Close(context.WithoutCancel(t.Context()))) }()
	first := l.Adapt(newPlan(t, "FROM "+r.image+"\nCOPY file /first\nRUN echo first\n", "first\n"), false)
	mustBuild(t, l.Builder(), first)
	mustBuild(t, l.Builder(), l.Adapt(newPlan(t, burning(r), "zero\n"), false)) // takes its time
	alone := sizes(t, live)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _, _, err := build(t.Context(), user, foreign)
		assert.Check(t, err)
	}()
	<-r.asked
	mustBuild(t, l.Builder(), l.Adapt(newPlan(t, burning(r), "one\n"), false))
	assert.NilError(t, l.Sweep(t.Context()))
	close(r.answer)
	<-done
	all := sizes(t, live)
	assert.NilError(t, l.Close(t.Context()))

	after := sizes(t, live)
	for name, size := range all {
		_, theirs := before[name]
		_, early := alone[name]
		kept, stays := after[name]
		switch {
		case theirs:
			assert.Assert(t, stays && kept == size, name)
		case strings.Contains(name, "first"):
			assert.Assert(t, !stays, name)
		case !early && !strings.Contains(name, `with id "catmandu-bench-s1/`):
			// Of a result that can still be written to and one that can't, BuildKit shows now the one, now the other.
			description := strings.SplitN(name, " ", 3)[2]
			twin := slices.ContainsFunc(slices.Collect(maps.Keys(after)), func(n string) bool { return strings.HasSuffix(n, " "+description) })
			assert.Assert(t, stays || twin, name)
		}
	}
	assert.Assert(t, is.Contains(notices.String(), "left in the builder"))
	cached, total := mustBuild(t, user, foreign)
	assert.Equal(t, cached, total)
}

// TestNamespaceRelated has somebody build the same: what they found in the cache they find again.
func TestNamespaceRelated(t *testing.T) {
	r := newRegistry(t)
	o, _, user, live := newTeamLab(t)
	plan := newPlan(t, "FROM "+r.image+"\nCOPY file /file\nRUN cat /file\n", "one\n")
	l, err := Open(t.Context(), o)
	assert.NilError(t, err)
	defer func() { assert.Check(t, l.Close(context.WithoutCancel(t.Context()))) }()
	mustBuild(t, l.Builder(), l.Adapt(plan, false))
	cached, total := mustBuild(t, user, plan)
	assert.Equal(t, cached, total)
	assert.NilError(t, l.Close(t.Context()))
	assert.Equal(t, len(refs(t, live)), 1)
	cached, _ = mustBuild(t, user, plan)
	assert.Equal(t, cached, total)
}

func TestNamespaceKilled(t *testing.T) {
	r := newRegistry(t)
	o, _, user, live := newTeamLab(t)
	plan := newPlan(t, burning(r), "one\n")
	mustBuild(t, user, newPlan(t, "FROM "+r.image+"\nCOPY file /old\n", "old\n"))
	before, builds := sizes(t, live), refs(t, live)
	holdAndKill(t, o.ProjectDir, plan.Dir, builderEnv+"=team")
	with := sizes(t, live)
	assert.Assert(t, len(with) > len(before))
	left, err := Leftovers(t.Context(), o)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 1)
	assert.Equal(t, left[0].What, fmt.Sprintf("%d cache records in builder \"team\"", len(with)-len(before)))
	assert.Equal(t, len(sizes(t, live)), len(with), "they are only listed")
	removed, err := CleanOnly(t.Context(), o, []string{left[0].ID})
	assert.NilError(t, err)
	assert.Equal(t, len(removed), 1)
	assert.Assert(t, is.Contains(removed[0], `cache records in builder "team"`))
	assert.DeepEqual(t, sizes(t, live), before)
	assert.DeepEqual(t, refs(t, live), builds)
	waitNone(t, o.Dir)
}

// TestNamespaceKilledEarly has a lab fetch an image of which it can't note any more that it did.
func TestNamespaceKilledEarly(t *testing.T) {
	r := newRegistry(t)
	o, _, user, live := newTeamLab(t)
	mustBuild(t, user, newPlan(t, "FROM scratch\nCOPY file /old\n", "old\n"))
	before, builds := sizes(t, live), refs(t, live)
	l, err := Open(t.Context(), o)
	assert.NilError(t, err)
	plan := newPlan(t, "FROM "+r.image+"\nCOPY file /file\n", "one\n")
	sources, err := l.Live().Graphs(t.Context(), plan, buildx.Asking{})
	assert.NilError(t, err)
	assert.NilError(t, l.Live().Unpack(t.Context(), sources))
	assert.Assert(t, len(sizes(t, live)) > len(before))
	l.watch.stop()
	l.folder.release()

	removed, err := Clean(t.Context(), o)
	assert.NilError(t, err)
	assert.Equal(t, len(removed), 1)
	assert.DeepEqual(t, sizes(t, live), before)
	assert.DeepEqual(t, refs(t, live), builds)
	waitNone(t, o.Dir)
}

func TestNamespaceGone(t *testing.T) {
	o, d, _, _ := newTeamLab(t)
	l, err := Open(t.Context(), o)
	assert.NilError(t, err)
	defer func() { assert.Check(t, l.Close(context.WithoutCancel(t.Context()))) }()
	assert.NilError(t, l.Gone())
	d.stop()
	d.start(t)
	mustBuild(t, l.Builder(), l.Adapt(newPlan(t, "FROM scratch\nCOPY file /\n", ""), false))
	assert.ErrorContains(t, l.Gone(), "went away")
}

// TestNamespaceLoss has a record of the user go away while the lab is there.
func TestNamespaceLoss(t *testing.T) {
	o, _, user, live := newTeamLab(t)
	mustBuild(t, user, newPlan(t, "FROM scratch\nCOPY file /theirs\n", "theirs\n"))
	l, err := Open(t.Context(), o)
	assert.NilError(t, err)
	records, err := live.CacheRecords(t.Context())
	assert.NilError(t, err)
	removed, err := live.Remove(t.Context(), ids(records))
	assert.NilError(t, err)
	assert.Equal(t, len(removed), len(records))
	err = l.Close(t.Context())
	assert.ErrorContains(t, err, "1 cache records are gone that were there before, and that bench did not remove")
	assert.ErrorContains(t, err, "COPY file /theirs") // of the folders that were sent nobody misses the records
	assert.ErrorContains(t, err, "collected them as garbage, or somebody pruned")
	waitNone(t, o.Dir)
}

// locals counts the records of local folders.
func locals(records map[string]int64) int {
	n := 0
	for name := range records {
		if strings.Contains(name, buildx.LocalRecord) {
			n++
		}
	}
	return n
}
