//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// A peer is one way to build a project. Compose has no build without a load, and nobody but the plugin has --target.
type peer struct {
	name string
	args func(s scenario, dev bool) []string // nil: cannot do this
}

const plugin, compose, bake = "catmandu", "compose", "bake"

var peers = []peer{
	{plugin, func(s scenario, dev bool) []string {
		args := []string{"catmandu", "build", "--target", kind(dev)}
		if !s.load {
			args = append(args, "--output", "type=cacheonly")
		}
		return args
	}},
	{compose, func(s scenario, dev bool) []string {
		if !s.load {
			return nil
		}
		return append(append([]string{"compose"}, files(dev)...), "build")
	}},
	{bake, func(s scenario, dev bool) []string {
		args := append([]string{"buildx", "bake"}, files(dev)...)
		if s.load {
			args = append(args, "--load")
		}
		return args
	}},
}

func kind(dev bool) string {
	if dev {
		return "dev"
	}
	return "prod"
}

// files are what the peers need to build development.
func files(dev bool) []string {
	if dev {
		return []string{"-f", "compose.yaml", "-f", "dev.yaml"}
	}
	return []string{"-f", "compose.yaml"}
}

// A scenario is something that people do many times a day, with a project of its own for each peer.
type scenario struct {
	name    string
	project project
	load    bool
	bound   float64 // of the plugin's time ÷ the better peer's
	long    bool    // only with BENCH_LONG=1

	rounds    int                                             // at most, unless PEER_ROUNDS is set; 0: no limit
	uncounted int                                             // rounds before those that count
	before    func(p project, dir string, round string) error // what changes before each build
	dev       bool                                            // every other round builds development
}

const nowhereWorse = 1.05

func scenarios() []scenario {
	const few = 3 // rounds, of what takes a minute each
	all := []scenario{
		{name: "no change, load", project: image300, load: true, bound: 0.15, uncounted: 1},
		{name: "one-byte change, load", project: image300, load: true, bound: 0.35, uncounted: 1, before: editSmall},
		{name: "dev and prod in turn, load", project: image300, load: true, bound: 0.25, uncounted: 2, dev: true},
		{name: "8 equal services, cold, load", project: equal8, load: true, bound: 0.4, rounds: few, before: editAll},
		{name: "8 equal services, warm, load", project: equal8, load: true, bound: 0.05, uncounted: 1},
	}
	for _, n := range []struct {
		services         int
		noOutput, loaded float64 // bounds
		rounds           int
		long             bool
	}{
		{1, 0.8, nowhereWorse, 0, false},
		{10, 0.6, 0.35, 0, false},
		{50, nowhereWorse, nowhereWorse, 0, true},
		{100, 0.4, 0.25, few, false},
		{200, nowhereWorse, nowhereWorse, few, true},
	} {
		p, name := different(n.services), strconv.Itoa(n.services)+" different services, warm, "
		all = append(all,
			scenario{name: name + "no output", project: p, bound: n.noOutput, long: n.long, uncounted: 1},
			scenario{name: name + "load", project: p, load: true, bound: n.loaded, long: n.long, rounds: n.rounds, uncounted: 1},
		)
	}
	return append(all,
		scenario{name: "monorepo of 20 services, warm, no output", project: monorepo, bound: nowhereWorse, uncounted: 1},
		scenario{name: "20 services in a git repository, warm, no output", project: inGit, bound: nowhereWorse, uncounted: 1},
		scenario{name: "50 000 files, warm, load", project: manyFiles, load: true, bound: nowhereWorse, uncounted: 1},
		scenario{
			name: "50 000 files, one changed, load", project: manyFiles, load: true, bound: nowhereWorse,
			rounds: few, uncounted: 1, before: editOneFile,
		},
	)
}

// BenchmarkPeers compares whole processes on the same remote builder and engine: every round runs all peers in a random
// order. It runs its rounds once, whatever -benchtime says, and never fails for being slow. BENCH is a regular
// expression for names of scenarios, PEER_ROUNDS the number of rounds, BENCH_LONG=1 adds the scenarios that take long.
func BenchmarkPeers(b *testing.B) {
	chosen, err := regexp.Compile(os.Getenv("BENCH"))
	if err != nil {
		b.Fatalf("BENCH: %v", err)
	}
	asked := 0
	if text := os.Getenv("PEER_ROUNDS"); text != "" {
		if asked, err = strconv.Atoi(text); err != nil || asked < 1 {
			b.Fatalf("PEER_ROUNDS=%s: must be a number from 1", text)
		}
	}
	seed := uint64(time.Now().UnixNano())
	r := &runner{dir: b.TempDir(), random: rand.New(rand.NewPCG(seed, 0)), ready: map[string]bool{}}
	if err := r.start(); err != nil {
		b.Fatal(err)
	}
	nothing, err := r.measure(r.dir, "true")
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("\nseed %d; the least that can be measured is %.3f s, %.0f MB\n%s\n", seed, nothing.seconds, nothing.megabytes, header)
	var done []outcome
	for _, s := range scenarios() {
		if !chosen.MatchString(s.name) || s.long && os.Getenv("BENCH_LONG") == "" {
			continue
		}
		rounds := cmp.Or(asked, min(5, cmp.Or(s.rounds, 5)))
		start := time.Now()
		o, err := r.run(s, rounds)
		if err != nil {
			fmt.Printf("%s: %v\n", s.name, err) // at once: the others take minutes
			b.Fail()
			continue
		}
		fmt.Printf("%s   %3.0f s in all\n", o.row(), time.Since(start).Seconds())
		done = append(done, o)
	}
	if len(done) == 0 && !b.Failed() {
		b.Fatalf("BENCH=%s: no scenario is called so", chosen)
	}
	fmt.Print(verdicts(done), r.warnings())
}

// runner runs the peers, each in its own copy of a project.
type runner struct {
	dir, bin string
	env      []string
	random   *rand.Rand
	ready    map[string]bool // the copies that are written and built

	busy      int       // builds before which the daemons did not come to rest
	elsewhere []float64 // percent of the machine's CPUs that others had before each build
}

// run does a scenario.
func (r *runner) run(s scenario, rounds int) (outcome, error) {
	o := outcome{scenario: s, samples: map[string][]sample{}}
	images := map[string]string{}
	for _, p := range peers {
		if p.args(s, false) == nil {
			continue
		}
		if err := r.prepare(s, p); err != nil {
			return o, err
		}
	}
	for round := range s.uncounted + rounds {
		for _, i := range r.random.Perm(len(peers)) {
			p := peers[i]
			dev := s.dev && round%2 == 0
			args := p.args(s, dev)
			if args == nil {
				continue
			}
			dir := r.copyOf(s.project, p)
			if s.before != nil {
				if err := s.before(s.project, dir, fmt.Sprintf("%s round %d", s.name, round)); err != nil {
					return o, err
				}
			}
			r.waitIdle()
			got, err := r.docker(dir, args...)
			if err != nil {
				return o, err
			}
			if round >= s.uncounted {
				o.samples[p.name] = append(o.samples[p.name], got)
			}
			if err := r.checkImages(s, dir, images, p.name+" "+kind(dev)); err != nil {
				return o, fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return o, nil
}

func (r *runner) copyOf(p project, by peer) string { return filepath.Join(r.dir, by.name+"-"+p.name) }

// prepare writes a project for a peer and builds it as the scenario will: what is measured is never the first build,
// nor the first load.
func (r *runner) prepare(s scenario, p peer) error {
	dir := r.copyOf(s.project, p)
	key := fmt.Sprint(dir, s.load)
	if r.ready[key] {
		return nil
	}
	r.ready[key] = true
	if _, err := os.Stat(dir); err != nil {
		if err := s.project.write(dir); err != nil {
			return err
		}
	}
	_, err := r.docker(dir, p.args(s, false)...)
	return err
}

// checkImages proves that a build did what its scenario says: new images where the files changed, else the same.
// seen has the images of the last round.
func (r *runner) checkImages(s scenario, dir string, seen map[string]string, key string) error {
	if !s.load {
		return nil
	}
	names := s.project.images(dir)
	names = slices.Compact([]string{names[0], names[len(names)-1]})
	ids, err := r.output(dir, append([]string{"image", "inspect", "--format", "{{.Id}}"}, names...)...)
	if err != nil {
		return err
	}
	last, again := seen[key]
	seen[key] = ids
	if again && (last == ids) != (s.before == nil) {
		return fmt.Errorf("the engine had images\n%s, and has\n%sthat is not %q", last, ids, s.name)
	}
	return nil
}
