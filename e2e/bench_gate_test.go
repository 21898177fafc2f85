//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What bench says where the answer is known: nothing of a working tree that is its own HEAD, even on a machine that is busy, and of
// a step that burns a third more, that step.
//
// A few of each are made by default: make bench-gate makes as many as it takes to tell how often it errs. GATE_SAME and GATE_SLOWER
// are how many, GATE_SEED chooses other orders of runs, and other steps.

// regression is the exit status of an alarm.
const regression = 3

// TestBenchGateSame measures a clean tree against HEAD while one core is kept busy. Any alarm is false; one in thirty is allowed.
func TestBenchGateSame(t *testing.T) {
	count, seed := number(t, "GATE_SAME", 3), number(t, "GATE_SEED", 1)
	p := newGateProject(t, 250_000)
	keepBusy(t)
	var all gateFigures
	alarms := 0
	for i := range count {
		b := p.bench(t, "HEAD", seed*1000+i)
		all.add(b)
		t.Logf("%2d: %s", i+1, b)
		if b.status == regression {
			alarms++
		} else if b.status != 0 {
			t.Errorf("exit status %d: %s", b.status, b.stderr)
		}
	}
	t.Logf("GATE_SEED=%d GATE_SAME=%d: %d false alarms; %s", seed, count, alarms, &all)
	if allowed := count / 30; alarms > allowed {
		t.Errorf("%d of %d are false alarms, where %d are allowed", alarms, count, allowed)
	}
}

// TestBenchGateSlower commits, again and again, that the longest of three steps burns 30 % more, and wants it found by its line. Which
// one is the longest is random. Where nobody asks for a number it burns twice as much: so that no machine is too noisy for it.
func TestBenchGateSlower(t *testing.T) {
	count, seed := number(t, "GATE_SLOWER", 1), number(t, "GATE_SEED", 1)
	const short, long = 100_000, 750_000
	longer := long * 2
	if os.Getenv("GATE_SLOWER") != "" {
		longer = long * 13 / 10
	}
	p := newGateProject(t, short, short, short)
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	var all gateFigures
	found := 0
	for i := range count {
		step := random.IntN(len(p.loops))
		p.commit(t, step, long)
		p.commit(t, step, longer)
		b := p.bench(t, "HEAD^", seed*1000+i)
		p.loops[step] = short
		all.add(b)
		t.Logf("%2d: step %d: %s", i+1, step+1, b)
		if problem := b.names(p.line(step)); problem != "" {
			t.Errorf("bench %d, step %d, line %d: %s\n%s", i+1, step+1, p.line(step), problem, b.stderr)
			continue
		}
		found++
	}
	t.Logf("GATE_SEED=%d GATE_SLOWER=%d: %d found; %s", seed, count, found, &all)
}

// number is what a variable of the environment says.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	check(t, err)
	return n
}

// keepBusy has one core work until the test has ended.
func keepBusy(t *testing.T) {
	t.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BIN"), "debian/bin/busybox"), "sh", "-c", "while :; do :; done")
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// gateProject is a git repository with a project of one service, each of whose loops is a step that the edit of a file has run.
type gateProject struct {
	dir   string
	env   []string
	loops []int
}

func newGateProject(t *testing.T, loops ...int) *gateProject {
	t.Helper()
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	p := &gateProject{dir: mkdir(filepath.Join(dir, "gate")), loops: loops}
	p.env = append(os.Environ(), "HOME="+home, "DOCKER_CONFIG="+filepath.Join(home, ".docker"), "CATMANDU_CACHE_DIR="+filepath.Join(home, "cache"),
		"CATMANDU_BUILDKIT_CONFIG="+os.Getenv("BUILDKITD_CONFIG"), "DOCKER_HOST=unix:///nonexistent.sock", "BUILDX_BUILDER=", "GITHUB_STEP_SUMMARY=",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=e2e", "GIT_AUTHOR_EMAIL=e2e@localhost", "GIT_COMMITTER_NAME=e2e", "GIT_COMMITTER_EMAIL=e2e@localhost")
	busybox, err := os.ReadFile(filepath.Join(os.Getenv("E2E_BIN"), "debian/bin/busybox"))
	check(t, err)
	check(t, errors.Join(
		os.WriteFile(filepath.Join(p.dir, "busybox"), busybox, 0o755),
		os.WriteFile(filepath.Join(p.dir, "main.sh"), []byte("echo hello\n"), 0o644),
		os.WriteFile(filepath.Join(p.dir, "compose.yaml"), []byte(`services:
  web: {build: .}
x-catmandu:
  bench:
    min-effect: {cpu: 3% 0.02s}
    services: {web: {edits: {source: main.sh}}}
`), 0o644)))
	p.write(t)
	p.git(t, "init", "-q")
	p.git(t, "add", ".")
	p.git(t, "commit", "-q", "-m", "a project")
	return p
}

// gateTop are the lines before the loops.
const gateTop = `FROM scratch
COPY busybox /bin/
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY main.sh /
`

// line is where the Dockerfile has a loop.
func (p *gateProject) line(loop int) int { return strings.Count(gateTop, "\n") + 1 + loop }

func (p *gateProject) write(t *testing.T) {
	t.Helper()
	text := gateTop
	for i, n := range p.loops {
		text += fmt.Sprintf("RUN : step %d; i=0; while [ $i -lt %d ]; do i=$((i+1)); done\n", i+1, n)
	}
	check(t, os.WriteFile(filepath.Join(p.dir, "Dockerfile"), []byte(text), 0o644))
}

// commit commits another length of a loop.
func (p *gateProject) commit(t *testing.T, loop, n int) {
	t.Helper()
	p.loops[loop] = n
	p.write(t)
	p.git(t, "commit", "-q", "-a", "-m", fmt.Sprintf("step %d: %d", loop+1, n))
}

func (p *gateProject) git(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// bench measures the tree against a revision.
func (p *gateProject) bench(t *testing.T, against string, seed int) *gateBench {
	t.Helper()
	file := filepath.Join(filepath.Dir(p.dir), "report.json")
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BIN"), "docker-catmandu"), "bench", "--against", against, "--exact", "--target", "prod", "--scenario", "source",
		"--no-sizes", "--isolation", "embedded", "--seed", fmt.Sprint(seed), "--report", file)
	cmd.Dir, cmd.Env = p.dir, p.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	from := time.Now()
	err := cmd.Run()
	b := &gateBench{took: time.Since(from).Seconds(), stderr: stderr.String(), status: cmd.ProcessState.ExitCode()}
	if exited := new(exec.ExitError); err != nil && !errors.As(err, &exited) {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.stderr)
	}
	check(t, os.Remove(file))
	check(t, json.Unmarshal(text, &b.session))
	if dir := os.Getenv("GATE_KEEP"); dir != "" {
		check(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d.json", t.Name(), seed)), text, 0o644))
	}
	return b
}
