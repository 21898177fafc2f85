package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// BenchmarkPlan measures whole processes of the stripped program, from fork to exit. The median is what to look at.
func BenchmarkPlan(b *testing.B) {
	program := filepath.Join(b.TempDir(), "docker-catmandu")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	assert.NilError(b, err, string(out))
	for _, services := range []int{3, 200} {
		for _, args := range [][]string{{"plan"}, {"plan", "--target", "prod"}} {
			b.Run(fmt.Sprintf("%d-services/%s", services, strings.Join(args, "_")), func(b *testing.B) {
				dir := bigProject(b, services)
				var times []time.Duration
				for b.Loop() {
					cmd := exec.Command(program, args...)
					cmd.Dir = dir
					start := time.Now()
					out, err := cmd.CombinedOutput()
					times = append(times, time.Since(start))
					assert.NilError(b, err, string(out))
				}
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "median-ms")
				b.ReportMetric(float64(times[0].Microseconds())/1000, "min-ms")
			})
		}
	}
}

// bigProject makes a project of n services, each with a Dockerfile of four stages, and an override.
func bigProject(b *testing.B, n int) string {
	b.Helper()
	dir := b.TempDir()
	var base, override strings.Builder
	base.WriteString("services:\n")
	override.WriteString("services:\n")
	for i := range n {
		name := fmt.Sprintf("s%d", i)
		fmt.Fprintf(&base, "  %[1]s:\n    image: shop/%[1]s\n    build:\n      context: ./%[1]s\n      target: production\n      args: {VERSION: \"${VERSION:-1}\"}\n"+
			"    environment: {A: b, C: \"${D:-e}\"}\n    ports: [\"80\"]\n    healthcheck: {test: [CMD, \"true\"]}\n", name)
		fmt.Fprintf(&override, "  %s:\n    build: {target: development}\n    volumes: [./src:/src]\n", name)
		file := "FROM alpine AS base\nRUN apk add git\nFROM base AS deps\nCOPY go.mod .\nRUN go mod download\n" +
			"FROM deps AS development\nCOPY . .\nFROM base AS production\nCOPY --from=deps /app /app\n"
		assert.NilError(b, os.Mkdir(filepath.Join(dir, name), 0o755))
		assert.NilError(b, os.WriteFile(filepath.Join(dir, name, "Dockerfile"), []byte(file), 0o644))
	}
	assert.NilError(b, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(base.String()), 0o644))
	assert.NilError(b, os.WriteFile(filepath.Join(dir, "compose.override.yaml"), []byte(override.String()), 0o644))
	return dir
}
