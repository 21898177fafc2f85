//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkForecast measures whole processes on a builder that runs: a plan that predicts every step, and what the ledger
// costs a build, as the ratio of interleaved builds with and without it.
func BenchmarkForecast(b *testing.B) {
	for _, size := range []struct{ services, files int }{{3, 60}, {20, 50_000}} {
		b.Run(fmt.Sprintf("%d-services-%d-files", size.services, size.files), func(b *testing.B) {
			p := newForecastProject(b, size.services, size.files)
			first := p.run(b, "", "plan", "--steps")
			p.run(b, "", "build", "--output", "type=cacheonly", "--progress", "quiet")
			time.Sleep(2100 * time.Millisecond) // until sums of files that are so new are kept
			p.run(b, "", "plan")
			var plans, with, without []float64 // milliseconds
			for b.Loop() {
				plans = append(plans, p.run(b, "", "plan"))
				with = append(with, p.run(b, "", "build", "--output", "type=cacheonly", "--progress", "quiet"))
				without = append(without, p.run(b, "CATMANDU_LEDGER=off", "build", "--output", "type=cacheonly", "--progress", "quiet"))
			}
			b.ReportMetric(first, "first-plan-ms")
			b.ReportMetric(median(plans), "plan-ms")
			b.ReportMetric(median(with), "build-ms")
			b.ReportMetric(median(with)/median(without), "build-ratio")
		})
	}
}

// forecastProject is a project of services of four stages in a folder of its own.
type forecastProject struct {
	dir string
	env []string
}

func newForecastProject(b *testing.B, services, files int) *forecastProject {
	b.Helper()
	dir := b.TempDir()
	p := &forecastProject{dir: filepath.Join(dir, "shop")}
	home := filepath.Join(dir, "home")
	p.env = append(os.Environ(), "HOME="+home, "DOCKER_CONFIG="+filepath.Join(home, ".docker"), "CATMANDU_CACHE_DIR="+filepath.Join(home, "cache"),
		"DOCKER_HOST=unix:///nonexistent.sock", "BUILDX_BUILDER=remote")
	var compose strings.Builder
	compose.WriteString("services:\n")
	for i := range services {
		name := fmt.Sprintf("s%d", i)
		fmt.Fprintf(&compose, "  %s: {build: %[1]s}\n", name)
		write(b, filepath.Join(p.dir, name, "Dockerfile"), "FROM busybox:1.37 AS base\nWORKDIR /srv\nFROM base AS deps\nCOPY list.txt ./\n"+
			"RUN --mount=type=cache,target=/cache cp list.txt /list\nFROM deps AS development\nCOPY . .\nFROM base AS production\n"+
			"COPY --from=deps /list /list\nCOPY src src\nRUN find src >/found\n")
		write(b, filepath.Join(p.dir, name, "list.txt"), name+"\n")
		for k := range files / services {
			write(b, filepath.Join(p.dir, name, "src", fmt.Sprint(k/100), fmt.Sprintf("f%d.txt", k)), strings.Repeat(fmt.Sprintln(name, k), 20))
		}
	}
	write(b, filepath.Join(p.dir, "compose.yaml"), compose.String())
	plugins := mkdir(filepath.Join(home, ".docker/cli-plugins"))
	if err := os.Symlink(filepath.Join(os.Getenv("E2E_BIN"), "tools/cli-plugins/docker-buildx"), filepath.Join(plugins, "docker-buildx")); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BIN"), "tools/docker"), "buildx", "create", "--name", "remote", "--driver", "remote", os.Getenv("BUILDKIT_ADDR"))
	cmd.Env = p.env
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return p
}

func write(b testing.TB, path, text string) {
	b.Helper()
	mkdir(filepath.Dir(path))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}

// run returns how long the program takes, in milliseconds.
func (p *forecastProject) run(b *testing.B, env string, args ...string) float64 {
	b.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BIN"), "docker-catmandu"), args...)
	cmd.Dir, cmd.Env = p.dir, append(p.env, env)
	from := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(from)
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return took.Seconds() * 1000
}
