//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What bench leaves of itself: nothing, however it ends. It is killed at random points, and the next bench takes away what is left;
// interrupted, it does so itself. What is the user's is the same before and after: the records and cache mounts of the builder, the
// repository, files, processes.
//
// A few kills are made by default: make bench-isolation makes twenty. ISOLATION_KILLS is how many, and half of them in private
// BuildKits; ISOLATION_SEED chooses other points.

// TestBenchIsolation measures in the user's own builder, a remote one.
func TestBenchIsolation(t *testing.T) {
	w := isolationWorld(t)
	u := newBenchUser(t, mkdir(w.path("u")), "namespace")
	u.addr = "unix://" + w.path("buildkitd.sock")
	u.restart = func() {
		w.stop()
		daemon, err := w.run("tools/buildkitd", "--config", w.path("buildkitd.toml"))
		check(t, err)
		check(t, daemon.ready(listens(w.path("buildkitd.sock"))))
	}
	u.restart()
	t.Cleanup(w.stop)
	u.run(u.command("tools/docker", "buildx", "create", "--name", "mine", "--driver", "remote", u.addr))
	u.env = append(u.env, "BUILDX_BUILDER=mine")
	u.testIsolation(number(t, "ISOLATION_KILLS", 6))
}

// TestBenchIsolationEmbedded measures in private BuildKits of bench, beside the user's own.
func TestBenchIsolationEmbedded(t *testing.T) {
	w := isolationWorld(t)
	// So long that the sockets of bench have to be elsewhere.
	u := newBenchUser(t, mkdir(w.path("a-rather-long-name-of-a-folder")), "embedded")
	u.addr = "unix://" + u.socket()
	u.restart = func() { t.Fatal("bench does not come near the user's builder") }
	t.Cleanup(func() {
		for _, pid := range find(func(_ []string, env string) bool {
			return strings.Contains(env, "CATMANDU_BUILDKIT_SOCKET="+u.socket())
		}) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	u.testIsolation((number(t, "ISOLATION_KILLS", 6) + 1) / 2)
}

// isolationWorld is a world whose registry has what an old revision is made of.
func isolationWorld(t *testing.T) *world {
	t.Helper()
	outer := &world{dir: os.Getenv("E2E_DIR"), bin: os.Getenv("E2E_BIN"), registry: os.Getenv("REGISTRY")}
	name, err := os.MkdirTemp(outer.dir, "i") //nolint:usetesting // short, for the sockets in it
	check(t, err)
	w, err := outer.sub(filepath.Base(name))
	check(t, err)
	base, err := w.busybox()
	check(t, err)
	extra, frontend := newLayer(), newLayer()
	extra.text("old", "old\n")
	frontend.file("bin/dockerfile-frontend", filepath.Join(w.bin, "tools/dockerfile-frontend"))
	for _, l := range []*layer{extra, frontend} {
		_, err := l.close()
		check(t, err)
	}
	check(t, w.push(oldImage, runConfig{}, base, extra))
	check(t, w.push(oldSyntax, runConfig{Entrypoint: []string{"dockerfile-frontend"}, Labels: map[string]string{
		"moby.buildkit.frontend.network.none": "true", "moby.buildkit.frontend.caps": "moby.buildkit.frontend.inputs,moby.buildkit.frontend.contexts",
	}}, frontend))
	return w
}

func (u *benchUser) testIsolation(kills int) {
	seed := number(u.t, "ISOLATION_SEED", 1)
	random := rand.New(rand.NewPCG(uint64(seed), uint64(len(u.isolation))))
	u.build()
	u.build() // from now on it takes nothing new
	mounts := u.mounts()
	if u.isolation == "namespace" {
		u.restart() // some results are shown otherwise after it
	}
	before := u.state()

	from := time.Now()
	u.complete(before, "", "--against", "HEAD~1", "--exact", "--scenario", "warm,source,cold")
	took := time.Since(from)
	u.t.Logf("ISOLATION_SEED=%d ISOLATION_KILLS=%d: a bench takes %s", seed, kills, took.Round(10*time.Millisecond))
	for i, at := range random.Perm(kills) {
		u.kill(before, took, (float64(at)+random.Float64())/float64(kills), i%2 == 1)
	}
	u.complete(before, "", "--scenario", "warm")
	for range (kills + 2) / 3 {
		u.interrupt(before, took, random.Float64())
	}
	u.t.Logf("after %d of %d a result of a cancelled build stayed in use until the builder was restarted", u.held, kills+(kills+2)/3)

	if now := u.mounts(); now != mounts {
		u.t.Errorf("cache mounts are not what they were:\n%s\nwere:\n%s", now, mounts)
	}
	for service, cached := range u.build() {
		if cached[0] != cached[1] {
			u.t.Errorf("%s: %s of %s steps cached", service, cached[0], cached[1])
		}
	}
}

// benchArgs are those of a bench that says what to measure.
func (u *benchUser) benchArgs(more ...string) []string {
	return append([]string{"bench", "--isolation", u.isolation, "--whole", "--runs", "1", "--wait", "0", "--target", "prod", "--no-sizes"}, more...)
}

// complete runs a bench to its end, after which all is as it was.
func (u *benchUser) complete(before []string, story string, args ...string) {
	u.t.Helper()
	_, stderr := u.run(u.command("docker-catmandu", u.benchArgs(args...)...))
	u.same(before, story+"\n"+stderr)
}

// same wants nothing to have changed. BuildKit may still use what a build made that was cancelled, until it is restarted: then bench
// says so, keeps a note of it, and the next one removes it.
func (u *benchUser) same(before []string, story string) {
	u.t.Helper()
	lost, found := changed(before, u.state())
	// The kernel takes its time to end what was in the namespaces of a daemon.
	for deadline := time.Now().Add(5 * time.Second); len(lost)+len(found) > 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		lost, found = changed(before, u.state())
	}
	if len(lost)+len(found) == 0 {
		return
	}
	if strings.Contains(story, heldWarning) && len(lost) == 0 && held(found) {
		u.held++
		u.t.Logf("stays in use: %s", kinds(found))
		u.restart()
		u.complete(before, "after a restart of the builder", "--scenario", "warm")
		return
	}
	u.t.Errorf("%s\nis not there any more:\n  %s\nwas not there before:\n  %s", story, strings.Join(lost, "\n  "), strings.Join(found, "\n  "))
}

// heldWarning is what bench says of what stays in use.
const heldWarning = "the builder has to be restarted before it lets go of what a build made that was cancelled"

// labNote is the folder where bench notes what is left.
var labNote = regexp.MustCompile(`^file home/\.cache/docker-catmandu/labs/\w+(/lock|/lab\.json)?$`)

// held tells whether all that was found are records in use, and the note of them.
func held(found []string) bool {
	for _, line := range found {
		fields := strings.Fields(line)
		switch {
		case fields[0] == "use", labNote.MatchString(line):
		case fields[0] != "record", !slices.Contains(found, "use "+fields[1]):
			return false
		}
	}
	return true
}

// changed is what is only in the one, and only in the other.
func changed(before, after []string) (lost, found []string) {
	only := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(line string) bool { return slices.Contains(b, line) })
	}
	return only(before, after), only(after, before)
}

// kinds tells of what there is how much.
func kinds(lines []string) string {
	count := map[string]int{}
	for _, line := range lines {
		what, _, _ := strings.Cut(line, " ")
		count[what]++
	}
	var out []string
	for _, what := range slices.Sorted(maps.Keys(count)) {
		out = append(out, fmt.Sprintf("%d × %s", count[what], what))
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}
