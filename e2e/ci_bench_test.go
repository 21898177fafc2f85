//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The builders that BenchmarkCI compares: a laptop's that is warm, a CI's that is new and has only the registry, and a new one with
// Compose, as it is without any settings.
const ciWarm, ciFresh, ciPlain = "warm", "fresh", "compose"

var ciPeers = []string{ciWarm, ciFresh, ciPlain}

// ciBound is of a fresh builder's time ÷ a warm one's.
const ciBound = 1.3

// BenchmarkCI measures whole builds for production after an edit of a source file, each of which pushes its images. Every round has all
// three in a random order, with the same edit. It runs its rounds once, whatever -benchtime says, and never fails for being slow.
// CI_ROUNDS is their number, BENCH a regular expression for names of projects, CI_CACHE what else is said of the cache, such as
// compression=zstd.
func BenchmarkCI(b *testing.B) {
	rounds := ciNumber(b, "CI_ROUNDS", 3)
	chosen, err := regexp.Compile(os.Getenv("BENCH"))
	if err != nil {
		b.Fatalf("BENCH: %v", err)
	}
	m := newCIBench(b)
	fmt.Printf("\n%-9s seconds, median%19s ÷ warm in each round, median (lowest to highest)\n%-9s %8s%8s%9s%14s%26s\n", "", "", "",
		ciWarm, ciFresh, ciPlain, ciFresh, ciPlain)
	for _, s := range []ciSubject{shopSubject(m.bin), realSubject(m.proxy)} {
		if chosen.MatchString(s.name) {
			m.measureSubject(b, s, rounds)
		}
	}
	fmt.Print(m.warnings())
}

// ciBench has a builder for each peer.
type ciBench struct {
	*runner
	builders map[string]*ciBuilder
	proxy    string
	notes    map[string]string // what the last build of a peer said of its caches
}

func newCIBench(b *testing.B) *ciBench {
	b.Helper()
	m := &ciBench{
		runner:   &runner{dir: b.TempDir(), random: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))},
		builders: map[string]*ciBuilder{}, proxy: forwardMirror(b), notes: map[string]string{},
	}
	if err := m.start(); err != nil {
		b.Fatal(err)
	}
	m.env = withoutCI(m.env)
	for _, peer := range ciPeers {
		m.builders[peer] = newCIBuilder(b, m.runner, peer)
	}
	w := m.builders[ciWarm].world
	base, err := w.busybox()
	if err == nil {
		err = w.push("library/busybox:1.37-musl", runConfig{Cmd: []string{"sh"}}, base)
	}
	if err != nil {
		b.Fatal(err)
	}
	pushDebian(b, w, m.proxy)
	return m
}

// measureSubject builds a project once with every peer, and then in rounds.
func (m *ciBench) measureSubject(b *testing.B, s ciSubject, rounds int) {
	b.Helper()
	if err := m.builders[ciWarm].renew(); err != nil {
		b.Fatal(err)
	}
	times := map[string][]float64{}
	for round := range 1 + rounds {
		for _, i := range m.random.Perm(len(ciPeers)) {
			if round == 0 && ciPeers[i] == ciPlain {
				continue // it keeps nothing
			}
			seconds, err := m.build(s, ciPeers[i], round)
			if err != nil {
				b.Fatal(err)
			}
			if round > 0 {
				times[ciPeers[i]] = append(times[ciPeers[i]], seconds)
			}
		}
	}
	to := func(peer string) ratio {
		var v []float64
		for i, t := range times[peer] {
			v = append(v, t/times[ciWarm][i])
		}
		return ratio{median(v), slices.Min(v), slices.Max(v), len(v)}
	}
	fresh, plain := to(ciFresh), to(ciPlain)
	fmt.Printf("%-9s %8.2f%8.2f%9.2f", s.name, median(times[ciWarm]), median(times[ciFresh]), median(times[ciPlain]))
	fmt.Printf("   %6.2f (%.2f to %.2f)   %8.2f (%.2f to %.2f)\n", fresh.median, fresh.low, fresh.high, plain.median, plain.low, plain.high)
	verdict := "met"
	if fresh.median > ciBound {
		verdict = fmt.Sprintf("MISSED by %.2f", fresh.median-ciBound)
	}
	fmt.Printf("%-9s fresh ÷ warm %.2f ≤ %.2g %s; where the last builds' time went:\n%s%s", "", fresh.median, ciBound, verdict,
		m.notes[ciFresh], m.notes[ciWarm])
	b.ReportMetric(fresh.median, s.name+"-fresh÷warm")
	b.ReportMetric(plain.median, s.name+"-compose÷warm")
	b.ReportMetric(0, "ns/op")
}

// build edits, and builds with a peer. Round 0 is what the caches begin with.
func (m *ciBench) build(s ciSubject, peer string, round int) (float64, error) {
	dir := filepath.Join(m.dir, peer, s.name)
	if _, err := os.Stat(dir); err != nil {
		if err := s.write(dir, fmt.Sprintf("%s/ci/%s-%s", os.Getenv("REGISTRY"), s.name, peer)); err != nil {
			return 0, err
		}
	}
	if err := s.edit(dir, round); err != nil {
		return 0, err
	}
	env := append(slices.Clone(m.env), "BUILDX_BUILDER="+peer, "CATMANDU_CACHE_DIR="+filepath.Join(dir, "../cache"))
	args := []string{"catmandu", "build", "--target", "prod", "--push", "--progress", "plain"}
	if s.name == "apt-npm" {
		args = []string{"catmandu", "build", "--push", "--progress", "plain"}
	}
	if peer != ciWarm {
		if err := m.builders[peer].renew(); err != nil {
			return 0, err
		}
		job := filepath.Join(m.dir, "job", s.name, fmt.Sprint(round))
		vars, err := ciJob{branch: ciDefaultBranch}.env(mkdir(job))
		if err != nil {
			return 0, err
		}
		env = append(env, append(vars, "CATMANDU_CACHE_DIR="+filepath.Join(job, "cache"))...)
	}
	switch peer {
	case ciFresh:
		place := "registry=" + os.Getenv("REGISTRY") + "/ci/" + s.name
		if attrs := os.Getenv("CI_CACHE"); attrs != "" {
			place += "," + attrs
		}
		args = append(args, "--cache", place)
	case ciPlain:
		args = []string{"compose", "-f", "compose.yaml", "--progress", "plain", "build", "--push"}
	}
	m.waitIdle()
	cmd := exec.Command(filepath.Join(m.bin, "tools/docker"), append(args, s.args...)...)
	cmd.Dir, cmd.Env = dir, env
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	from := time.Now()
	err := cmd.Run()
	seconds := time.Since(from).Seconds()
	if err != nil {
		return 0, fmt.Errorf("%s of %s: %w\n%s", peer, s.name, err, log.String())
	}
	if keep := os.Getenv("CI_LOGS"); keep != "" {
		if err := writeFile(filepath.Join(keep, fmt.Sprintf("%s-%s-%d.log", s.name, peer, round)), log.Bytes()); err != nil {
			return 0, err
		}
	}
	m.notes[peer] = notesOf(peer, log.String())
	return seconds, nil
}

var ciNote = regexp.MustCompile(`(?m)^(cache of .*|warning: .*|\S+ +\S+ +\d+ of \d+ .*)$`)

// notesOf are the lines below a build that tell of its steps and its caches.
func notesOf(peer, log string) string {
	var out strings.Builder
	for _, line := range ciNote.FindAllString(log, -1) {
		fmt.Fprintf(&out, "    %-6s %s\n", peer, line)
	}
	return out.String()
}

// withoutCI leaves out what a CI tells of the job in which this runs.
func withoutCI(env []string) []string {
	return slices.DeleteFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "CI" || slices.ContainsFunc([]string{"GITHUB_", "GITLAB_", "CI_", "ACTIONS_", "CATMANDU_"}, func(p string) bool {
			return strings.HasPrefix(name, p)
		})
	})
}
