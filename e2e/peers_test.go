//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// peers are the ways to get the images of one project into the engine. dev tells which stage is wanted.
var peers = []struct {
	name string
	args func(dev bool) []string
}{
	{"catmandu", func(dev bool) []string { return []string{"catmandu", "build", "--target", kind(dev)} }},
	{"compose", func(dev bool) []string { return append(append([]string{"compose"}, files(dev)...), "build") }},
	{"bake", func(dev bool) []string { return append(append([]string{"buildx", "bake"}, files(dev)...), "--load") }},
}

func kind(dev bool) string {
	if dev {
		return "dev"
	}
	return "prod"
}

// files are what the peers need to build development: they know no --target.
func files(dev bool) []string {
	if dev {
		return []string{"-f", "compose.yaml", "-f", "dev.yaml"}
	}
	return []string{"-f", "compose.yaml"}
}

// scenario is something that people do many times a day, in a project of its own for each peer.
type scenario struct {
	name     string
	services int
	same     bool // all services have one build
	before   func(dir string, round int) error
	dev      func(round int) bool
}

func noDev(int) bool { return false }

var scenarios = []scenario{
	{"nothing changed", 1, false, nil, noDev},
	{"one file of a few bytes changed", 1, false, edit, noDev},
	{"dev and prod in turn", 1, false, nil, func(round int) bool { return round%2 == 0 }},
	{"8 equal services, nothing changed", 8, true, nil, noDev},
	{"8 equal services, one file changed", 8, true, edit, noDev},
	{"10 services, nothing changed", 10, false, nil, noDev},
}

const peerRounds = 5

// BenchmarkPeers compares whole processes on the same remote builder and engine: every round runs all peers in a random
// order, and what is printed are ratios to the plugin's time in the same round. It runs its rounds once, whatever
// -benchtime says.
func BenchmarkPeers(b *testing.B) {
	docker := peerDocker(b)
	seed := uint64(time.Now().UnixNano())
	fmt.Printf("seed %d, %d rounds after two that are not counted; ratio to the plugin: median (lowest to highest)\n", seed, peerRounds)
	random := rand.New(rand.NewPCG(seed, 0))
	for n, s := range scenarios {
		times := map[string][]float64{}
		for round := range peerRounds + 2 { // twice uncounted: dev and prod are each built once before
			for _, i := range random.Perm(len(peers)) {
				p := peers[i]
				dir := filepath.Join(b.TempDir(), "..", fmt.Sprintf("%s-%d", p.name, n))
				if round == 0 {
					writePeerProject(b, dir, s)
				}
				if s.before != nil {
					if err := s.before(dir, round); err != nil {
						b.Fatal(err)
					}
				}
				seconds := docker(dir, p.args(s.dev(round))...)
				if round > 1 {
					times[p.name] = append(times[p.name], seconds)
				}
			}
		}
		fmt.Printf("%-36s plugin %5.2f s%s%s\n", s.name, median(times["catmandu"]), ratios(times, "compose"), ratios(times, "bake"))
	}
}

// ratios prints how many times as long a peer took in each round.
func ratios(times map[string][]float64, peer string) string {
	var r []float64
	for i, t := range times[peer] {
		r = append(r, t/times["catmandu"][i])
	}
	return fmt.Sprintf("   %s ×%.1f (%.1f to %.1f)", peer, median(r), slices.Min(r), slices.Max(r))
}

func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// peerDocker returns a function that runs docker in a folder and returns how many seconds it took.
func peerDocker(b *testing.B) func(dir string, args ...string) float64 {
	home, bin := b.TempDir(), os.Getenv("E2E_BIN")
	plugins := mkdir(filepath.Join(home, "cli-plugins"))
	for _, p := range []string{"docker-catmandu", "tools/cli-plugins/docker-buildx", "tools/cli-plugins/docker-compose"} {
		if err := os.Symlink(filepath.Join(bin, p), filepath.Join(plugins, filepath.Base(p))); err != nil {
			b.Fatal(err)
		}
	}
	run := func(dir string, args ...string) float64 {
		cmd := exec.Command(filepath.Join(bin, "tools/docker"), args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+home, "DOCKER_HOST="+os.Getenv("ENGINE_HOST"), "BUILDX_BUILDER=peers",
			"BUILDX_NO_DEFAULT_ATTESTATIONS=1", "BUILDX_BAKE_ENTITLEMENTS_FS=0")
		start := time.Now()
		out, err := cmd.CombinedOutput()
		seconds := time.Since(start).Seconds()
		if err != nil {
			b.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return seconds
	}
	run(home, "buildx", "create", "--name", "peers", "--driver", "remote", os.Getenv("BUILDKIT_ADDR"))
	return run
}

// writePeerProject makes a project whose images have a layer that never changes, of 50 MB over all services or 10 MB in
// each of equal ones, and one of a few bytes.
func writePeerProject(b *testing.B, dir string, s scenario) {
	var compose, dev strings.Builder
	compose.WriteString("services:\n")
	dev.WriteString("services:\n")
	for i := range s.services {
		service, folder := fmt.Sprintf("s%d", i), "."
		if !s.same && s.services > 1 {
			folder = service
		}
		name := fmt.Sprintf("%s-%s", filepath.Base(dir), service)
		fmt.Fprintf(&compose, "  %s:\n    image: %s\n    build: {context: %s, target: prod}\n", service, name, folder)
		fmt.Fprintf(&dev, "  %s:\n    image: %s-dev\n    build: {target: dev}\n", service, name)
		if s.same && i > 0 {
			continue
		}
		size := 50 << 20 / s.services
		if s.same {
			size = 10 << 20
		}
		big := make([]byte, size)
		chacha := rand.NewChaCha8([32]byte([]byte(fmt.Sprintf("%-32s", name))))
		_, _ = chacha.Read(big)
		for file, text := range map[string]string{
			"Dockerfile": "FROM busybox:1.37 AS base\nCOPY big /big\nFROM base AS dev\nCOPY small /dev-small\nFROM base AS prod\nCOPY small /small\n",
			"big":        string(big), "small": "0",
		} {
			mkdir(filepath.Join(dir, folder))
			if err := os.WriteFile(filepath.Join(dir, folder, file), []byte(text), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	for file, text := range map[string]string{"compose.yaml": compose.String(), "dev.yaml": dev.String()} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

func edit(dir string, round int) error {
	return os.WriteFile(filepath.Join(dir, "small"), fmt.Appendf(nil, "round %d of %s", round, dir), 0o644)
}
