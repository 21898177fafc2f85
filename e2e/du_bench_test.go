//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// duRecords is how many records the builder of BenchmarkDu has, at least.
const duRecords = 5000

// BenchmarkDu measures whole processes on a BuildKit of its own with 5 000 records: many versions of a project, those of another one,
// and builds that no ledger knows. BuildKit's own list of the same records stands beside, taken in turns: it is what one look
// at them costs anybody. After a restart BuildKit says less of what is used, which is another case.
func BenchmarkDu(b *testing.B) {
	p := newDuProject(b)
	for n := 1; p.records(b) < duRecords; n++ {
		p.grow(b, n)
	}
	for _, restarted := range []bool{false, true} {
		name := map[bool]string{false: "running", true: "restarted"}[restarted]
		b.Run(name, func(b *testing.B) {
			if restarted {
				p.restart(b)
			}
			p.measure(b)
		})
	}
}

// duProject is a builder with two projects.
type duProject struct {
	*forecastProject
	world *world
	other string
}

func newDuProject(b *testing.B) *duProject {
	b.Helper()
	p := &duProject{forecastProject: newForecastProject(b, 0, 0)}
	dir, err := os.MkdirTemp("", "du") //nolint:usetesting // b.TempDir has the name of the benchmark in its path, too long for a socket
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	p.world = &world{dir: dir, bin: os.Getenv("E2E_BIN")}
	p.other = filepath.Join(filepath.Dir(p.dir), "other")
	write(b, p.world.path("buildkitd.toml"), fmt.Sprintf("root = %q\n[grpc]\n  address = [%q]\n[worker.oci]\n  networkMode = \"host\"\n  gc = false\n"+
		"[worker.containerd]\n  enabled = false\n", p.world.path("state"), "unix://"+p.world.path("buildkitd.sock")))
	p.start(b)
	b.Cleanup(func() { p.world.stop() })
	p.docker(b, "buildx", "create", "--name", "own", "--driver", "remote", "unix://"+p.world.path("buildkitd.sock"))
	p.env = append(p.env, "BUILDX_BUILDER=own")
	plugins := filepath.Join(filepath.Dir(p.dir), "home/.docker/cli-plugins")
	if err := os.Symlink(filepath.Join(os.Getenv("E2E_BIN"), "docker-catmandu"), filepath.Join(plugins, "docker-catmandu")); err != nil {
		b.Fatal(err)
	}
	for dir, services := range map[string][]string{p.dir: {"web", "api", "worker"}, p.other: {"web", "jobs"}} {
		writeDuProject(b, dir, services)
	}
	return p
}

func (p *duProject) start(b *testing.B) {
	b.Helper()
	daemon, err := p.world.run("tools/buildkitd", "--config", p.world.path("buildkitd.toml"))
	if err == nil {
		err = daemon.ready(listens(p.world.path("buildkitd.sock")))
	}
	if err != nil {
		b.Fatal(err)
	}
}

func (p *duProject) restart(b *testing.B) {
	b.Helper()
	p.world.stop()
	p.start(b)
}

// writeDuProject writes services of four stages, of which all steps depend on one file.
func writeDuProject(b *testing.B, dir string, services []string) {
	b.Helper()
	busybox, err := os.ReadFile(filepath.Join(os.Getenv("E2E_BIN"), "debian/bin/busybox"))
	if err != nil {
		b.Fatal(err)
	}
	project, compose := filepath.Base(dir), "services:\n"
	for _, name := range services {
		compose += fmt.Sprintf("  %s: {build: %[1]s}\n", name)
		var d strings.Builder
		d.WriteString("FROM scratch AS base\nCOPY busybox /bin/\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nFROM base AS deps\n")
		fmt.Fprintf(&d, "COPY list /list-%s\nRUN --mount=type=cache,id=%[1]s-%[2]s,target=/c echo a >>/c/list && cp /c/list /made-%[1]s\n", project, name)
		for i := range 20 {
			fmt.Fprintf(&d, "COPY <<END /text/%s/%d\n%s %[2]d\nEND\n", project, i, name)
		}
		for _, stage := range []string{"development", "production"} {
			fmt.Fprintf(&d, "FROM deps AS %s\nCOPY %s /%s\n", stage, map[string]string{"development": ".", "production": "src"}[stage], project)
			for i := range 10 {
				fmt.Fprintf(&d, "WORKDIR /%s/%s/%d\n", project, stage, i)
			}
		}
		write(b, filepath.Join(dir, name, "Dockerfile"), d.String())
		write(b, filepath.Join(dir, name, "list"), name+"\n")
		write(b, filepath.Join(dir, name, "busybox"), string(busybox))
		if err := os.Chmod(filepath.Join(dir, name, "busybox"), 0o755); err != nil {
			b.Fatal(err)
		}
		for i := range 20 {
			write(b, filepath.Join(dir, name, "src", fmt.Sprint(i)), fmt.Sprintln(name, i))
		}
	}
	write(b, filepath.Join(dir, "compose.yaml"), compose)
}

// grow builds the next version of the project, and of every tenth what others build, too.
func (p *duProject) grow(b *testing.B, version int) {
	b.Helper()
	build := func(dir string) {
		lists, err := filepath.Glob(filepath.Join(dir, "*/list"))
		if err != nil {
			b.Fatal(err)
		}
		for _, list := range lists {
			write(b, list, fmt.Sprintln(list, version))
		}
		for _, kind := range []string{"prod", "dev"} {
			p.command(b, dir, "docker-catmandu", "build", "--target", kind, "--output", "type=cacheonly", "--progress", "quiet")
		}
	}
	build(p.dir)
	if version%10 != 1 {
		return
	}
	build(p.other)
	foreign := filepath.Join(p.other, "web")
	write(b, filepath.Join(foreign, "list"), fmt.Sprintln("foreign", version))
	p.command(b, foreign, "tools/buildctl", "--addr", "unix://"+p.world.path("buildkitd.sock"), "build", "--frontend", "dockerfile.v0",
		"--local", "context=.", "--local", "dockerfile=.")
}

// records counts them.
func (p *duProject) records(b *testing.B) int {
	b.Helper()
	return strings.Count(p.docker(b, "buildx", "du", "--format", "json"), "\n")
}

// measure compares commands that take turns.
func (p *duProject) measure(b *testing.B) {
	b.Helper()
	commands := map[string][]string{
		"buildx-du": {"buildx", "du"}, "du": {"catmandu", "du"}, "json": {"catmandu", "du", "--format", "json"},
		"verbose": {"catmandu", "du", "--verbose"}, "dry-run": {"catmandu", "prune", "--dry-run"},
	}
	times := map[string][]float64{} // milliseconds
	for b.Loop() {
		for name, args := range commands {
			from := time.Now()
			p.docker(b, args...)
			times[name] = append(times[name], time.Since(from).Seconds()*1000)
		}
	}
	var held struct {
		Totals []struct {
			Class   string
			Records int
		}
	}
	if err := json.Unmarshal([]byte(p.docker(b, commands["json"]...)), &held); err != nil {
		b.Fatal(err)
	}
	for _, t := range held.Totals {
		b.ReportMetric(float64(t.Records), t.Class+"-records")
	}
	for name, all := range times {
		b.ReportMetric(median(all), name+"-ms")
	}
	b.ReportMetric(slices.Max(times["du"]), "du-max-ms")
	b.ReportMetric(median(times["du"])/median(times["buildx-du"]), "du÷buildx-du")
	b.ReportMetric(load(b), "load")
	b.ReportMetric(0, "ns/op")
}

// load is that of the machine in the last minute, with what is measured itself.
func load(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), " ")
	n, err := strconv.ParseFloat(first, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// docker runs the docker CLI, and returns what it prints.
func (p *duProject) docker(b *testing.B, args ...string) string {
	b.Helper()
	return p.command(b, p.dir, "tools/docker", args...)
}

func (p *duProject) command(b *testing.B, dir, program string, args ...string) string {
	b.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BIN"), program), args...)
	mkdir(dir)
	var notes bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr = dir, p.env, &notes
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%v: %s", err, notes.String())
	}
	return string(out)
}
