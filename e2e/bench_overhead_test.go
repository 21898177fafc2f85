//go:build e2e

package e2e

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkBenchOverhead holds the wall time that bench reports of a build of some three seconds against what others see:
//
//   - the builder. buildctl debug monitor prints a line when BuildKit begins a build and one when it is complete, and this process
//     looks at its own clock when a line comes. By their refs these are the very builds of bench.
//   - buildctl, the plainest client there is: the same build of a sibling of the project, timed around the process.
//   - docker catmandu build, likewise. It reads Compose files, plans and keeps a ledger in that time, and bench doesn't count
//     that: it is shown, and says nothing of bench.
//
// The command by which the scenario edits the project makes the two other builds first, each with an edit of its own. So all
// of them take turns on one builder, and meet whatever else the machine does alike. OVERHEAD_ROUNDS is how often.
func BenchmarkBenchOverhead(b *testing.B) {
	rounds, err := strconv.Atoi(cmp.Or(os.Getenv("OVERHEAD_ROUNDS"), "10"))
	if err != nil || rounds < 1 {
		b.Fatalf("OVERHEAD_ROUNDS=%s: must be a number from 1", os.Getenv("OVERHEAD_ROUNDS"))
	}
	p := newOverheadProject(b)
	events := watchBuilder(b)
	runs := p.bench(b, rounds)
	events.stop()
	byBuildctl, byBuild := p.times(b, "buildctl"), p.times(b, "build")
	if len(runs) != 1+rounds || len(byBuildctl) != len(runs) || len(byBuild) != len(runs) {
		b.Fatalf("%d runs of bench, %d of buildctl, %d of build", len(runs), len(byBuildctl), len(byBuild))
	}
	ratios := map[string][]float64{}
	fmt.Printf("\n%6s %9s %9s %9s %9s   seconds of the same build\n", "round", "bench", "builder", "buildctl", "build")
	for i, r := range runs {
		if !r.Valid || len(r.Refs) != 1 {
			b.Fatalf("round %d: %+v", r.Round, r)
		}
		builder := events.seconds(b, r.Refs[0])
		fmt.Printf("%6d %9.3f %9.3f %9.3f %9.3f\n", r.Round, r.Wall, builder, byBuildctl[i], byBuild[i])
		if r.Round == 0 { // the warm-up counts nowhere
			continue
		}
		ratios["builder"] = append(ratios["builder"], r.Wall/builder)
		ratios["buildctl"] = append(ratios["buildctl"], r.Wall/byBuildctl[i])
		ratios["build"] = append(ratios["build"], r.Wall/byBuild[i])
	}
	for _, name := range []string{"builder", "buildctl", "build"} {
		fmt.Printf("bench ÷ %-8s  median %.4f, %.4f to %.4f\n", name, median(ratios[name]), slices.Min(ratios[name]), slices.Max(ratios[name]))
		b.ReportMetric(median(ratios[name]), "÷"+name)
	}
}

// overheadProject is a project of one service with a sibling, which others build, and a builder for both.
type overheadProject struct {
	dir  string // has both
	shop *forecastProject
}

func newOverheadProject(b *testing.B) *overheadProject {
	b.Helper()
	shop := newForecastProject(b, 0, 0)
	p := &overheadProject{dir: filepath.Dir(shop.dir), shop: shop}
	busybox, err := os.ReadFile(filepath.Join(os.Getenv("E2E_BIN"), "debian/bin/busybox"))
	if err != nil {
		b.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"inside", "outside"} {
		write(b, filepath.Join(p.dir, name, "Dockerfile"), "FROM scratch\nCOPY busybox /bin/\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n"+
			"COPY main.sh /\nRUN sleep 3\n")
		write(b, filepath.Join(p.dir, name, "main.sh"), "echo "+name+"\n")
		write(b, filepath.Join(p.dir, name, "busybox"), string(busybox))
		if err := os.Chmod(filepath.Join(p.dir, name, "busybox"), 0o755); err != nil {
			b.Fatal(err)
		}
		write(b, filepath.Join(p.dir, name, "compose.yaml"), fmt.Sprintf("services:\n  web: {build: .}\n"+
			"x-catmandu: {bench: {services: {web: {edits: {source: {run: 'sh %s/edit.sh'}}}}}}\n", p.dir))
	}
	write(b, filepath.Join(p.dir, "edit.sh"), fmt.Sprintf(`set -e
echo "# $CATMANDU_BENCH_RUN" >>main.sh
cd %[1]s/outside
timed() { E2E_ROLE=measure %[2]s "$@" 3>&1 >/dev/null 2>%[1]s/log || { cat %[1]s/log; exit 1; }; }
echo "# $CATMANDU_BENCH_RUN by buildctl" >>main.sh
timed %[3]s/tools/buildctl --addr %[4]s build --frontend dockerfile.v0 --local context=. --local dockerfile=. >>%[1]s/buildctl
echo "# $CATMANDU_BENCH_RUN by build" >>main.sh
timed %[3]s/docker-catmandu build --target prod --output type=cacheonly --progress quiet >>%[1]s/build
`, p.dir, self, os.Getenv("E2E_BIN"), os.Getenv("BUILDKIT_ADDR")))
	return p
}

// bench returns the runs, the warm-up with them.
func (p *overheadProject) bench(b *testing.B, rounds int) []benchRun {
	b.Helper()
	p.shop.dir = filepath.Join(p.dir, "inside")
	file := filepath.Join(p.dir, "report.json")
	p.shop.run(b, "", "bench", "--target", "prod", "--scenario", "source", "--no-sizes", "--runs", fmt.Sprint(rounds), "--report", file)
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	var s benchSession
	if err := json.Unmarshal(text, &s); err != nil {
		b.Fatal(err)
	}
	return s.Runs
}

// times are the seconds of the processes that the edits started.
func (p *overheadProject) times(b *testing.B, name string) []float64 {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		b.Fatal(err)
	}
	var out []float64
	for line := range strings.Lines(string(text)) {
		var one [2]float64
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			b.Fatal(err)
		}
		out = append(out, one[0])
	}
	return out
}

// builderEvents are when the builder said that it began a build, and that it was complete, by the build's ref.
type builderEvents struct {
	mu              sync.Mutex
	began, complete map[string]time.Time
	stop            func()
}

func watchBuilder(b *testing.B) *builderEvents {
	b.Helper()
	e := &builderEvents{began: map[string]time.Time{}, complete: map[string]time.Time{}}
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BIN"), "tools/buildctl"), "--addr", os.Getenv("BUILDKIT_ADDR"), "debug", "monitor")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.read(out)
	}()
	e.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
	})
	b.Cleanup(e.stop)
	return e
}

// read notes when lines such as "event: STARTED ref:abc" come. A build is told to be complete again when its trace is there.
func (e *builderEvents) read(from io.Reader) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		now := time.Now()
		rest, isEvent := strings.CutPrefix(lines.Text(), "event: ")
		kind, ref, _ := strings.Cut(rest, " ref:")
		at := map[string]map[string]time.Time{"STARTED": e.began, "COMPLETE": e.complete}[kind]
		if !isEvent || at == nil {
			continue
		}
		e.mu.Lock()
		if _, known := at[ref]; !known {
			at[ref] = now
		}
		e.mu.Unlock()
	}
}

func (e *builderEvents) seconds(b *testing.B, ref string) float64 {
	b.Helper()
	ref = ref[strings.LastIndexByte(ref, '/')+1:] // buildx has the builder and the node before it
	e.mu.Lock()
	defer e.mu.Unlock()
	began, complete := e.began[ref], e.complete[ref]
	if began.IsZero() || complete.IsZero() {
		b.Fatalf("the builder didn't tell of build %s", ref)
	}
	return complete.Sub(began).Seconds()
}
