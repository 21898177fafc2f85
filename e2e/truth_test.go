//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestTruth changes projects in all the ways it can think of, has every change predicted by docker catmandu plan and
// built by docker catmandu build, and compares step by step with what BuildKit itself says that it did.
//
// TRUTH_SEED chooses other changes, TRUTH_MUTATIONS how many there are at random beside those that are written down,
// TRUTH_PROJECT those of one project. With TRUTH_OBSERVE nothing is predicted: only what this test takes for granted of
// BuildKit is tested.
func TestTruth(t *testing.T) {
	seed, mutations := uint64(1), uint64(160)
	for name, value := range map[string]*uint64{"TRUTH_SEED": &seed, "TRUTH_MUTATIONS": &mutations} {
		if text := os.Getenv(name); text != "" {
			var err error
			*value, err = strconv.ParseUint(text, 10, 64)
			check(t, err)
		}
	}
	all := &score{observed: os.Getenv("TRUTH_OBSERVE") != ""}
	projects := append(truthProjects(), randomProjects(seed, int(mutations))...)
	began := time.Now()
	t.Run("projects", func(t *testing.T) {
		slots := make(chan struct{}, 2) // Two keep BuildKit and two CPUs busy.
		var wait sync.WaitGroup
		for _, p := range projects {
			if only := os.Getenv("TRUTH_PROJECT"); only != "" && only != p.name {
				continue
			}
			wait.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				start := time.Now()
				r, err := newTruthRun(p, seed, all, remote)
				if err == nil {
					err = r.run()
				}
				if err != nil {
					t.Errorf("%s: %v", p.name, err)
					return
				}
				t.Logf("%s: %d mutations in %.0f s", p.name, r.done, time.Since(start).Seconds())
			})
		}
		wait.Wait()
	})
	t.Logf("TRUTH_SEED=%d TRUTH_MUTATIONS=%d: %.0f s\n%s", seed, mutations, time.Since(began).Seconds(), all)
	least := 400
	if os.Getenv("TRUTH_PROJECT") != "" || os.Getenv("TRUTH_MUTATIONS") != "" {
		least = 1
	}
	for _, problem := range all.problems(least) {
		t.Error(problem)
	}
}

// truthProject is a Compose project and what can happen to it.
type truthProject struct {
	name string
	// files are texts by path; "→x" is a symbolic link to x, "=x" a hard link.
	files map[string]string
	// contexts are the folders that file names in causes are relative to; empty is the project's.
	contexts []string
	// own says that the project has a BuildKit for itself, whose cache can be pruned.
	own bool
	// apart says that what changes lead to depends on those before, so that each is undone.
	apart bool
	// build are flags of builds that are made before anything changes.
	build [][]string
	// mutations are all made once, in random order. More are made by next, times times.
	mutations []mutation
	next      func(*workTree) (mutation, error)
	times     int
}

// mutation is a change, and what must follow from it.
type mutation struct {
	name  string
	apply func(*workTree) error // nil when only the flags are other ones
	flags []string              // of this build alone
	want  want
}

// truthRun is a project on its way through its mutations.
type truthRun struct {
	truthProject
	*workTree
	*score
	cli      *truthCLI
	original string // copy of the tree as it was at first
	done     int
	stop     func()
}

func newTruthRun(p truthProject, seed uint64, all *score, choose func(*testscript.Env, truthProject) (stop func(), err error)) (*truthRun, error) {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(p.name))
	home := mkdir(filepath.Join(os.Getenv("E2E_DIR"), "truth", p.name))
	env := &testscript.Env{Values: map[any]any{}, WorkDir: home}
	if err := setup(env); err != nil {
		return nil, err
	}
	env.Setenv("CATMANDU_CACHE_DIR", filepath.Join(home, "cache"))
	stop, err := choose(env, p)
	if err != nil {
		return nil, err
	}
	tr := &workTree{
		dir: mkdir(filepath.Join(home, p.name)), home: home, project: p.name,
		docker: func(args ...string) error { return docker(env, args...) },
		random: rand.New(rand.NewPCG(seed, sum.Sum64())),
	}
	for path, text := range p.files {
		if err := tr.write(path, text); err != nil {
			return nil, err
		}
	}
	if err := tr.linkHard(p.files); err != nil {
		return nil, err
	}
	r := &truthRun{truthProject: p, workTree: tr, score: all, cli: &truthCLI{env: env.Vars, dir: tr.dir}, stop: stop}
	return r, tr.moveBase(0)
}

func (r *truthRun) run() error {
	defer r.stop()
	var err error
	if r.original, err = r.copy("original"); err != nil {
		return err
	}
	if !r.step("first build", nil, byNew) {
		return nil
	}
	for _, flags := range r.build {
		r.step("first build with "+strings.Join(flags, " "), flags, byNew)
	}
	r.step("second build", nil, nothing)
	r.random.Shuffle(len(r.mutations), func(i, j int) { r.mutations[i], r.mutations[j] = r.mutations[j], r.mutations[i] })
	for _, m := range r.mutations {
		if err := r.mutate(m); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	for range r.times {
		m, err := r.next(r.workTree)
		if err == nil {
			err = r.mutate(m)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// mutate makes a change, builds, and sometimes takes the change back.
func (r *truthRun) mutate(m mutation) error {
	before, err := r.copy("before")
	if err != nil {
		return err
	}
	base := r.base
	if m.apply != nil {
		err = m.apply(r.workTree)
		if errors.Is(err, errNotHere) { // an earlier change is in the way
			if err := r.reset(); err != nil {
				return err
			}
			r.step("back to the first", nil, nothing)
			before, base = r.original, 0
			err = m.apply(r.workTree)
		}
		if err != nil {
			return err
		}
	}
	if m.want.kinds != nil && m.want.files == nil {
		if m.want.files, err = changes(before, r.dir, r.contexts); err != nil {
			return err
		}
	}
	if !r.step(m.name, m.flags, m.want) { // what comes after would fail too
		return r.reset()
	}
	if len(m.flags) > 0 {
		after := m.want
		if m.apply == nil {
			after = nothing
		}
		r.step(m.name+", then without "+strings.Join(m.flags, " "), nil, after)
	}
	// While the cache isn't used, nothing can be said of other changes.
	undo := r.apart || slices.Contains(m.want.kinds, "no-cache") || r.random.IntN(3) == 0
	if m.apply == nil || !undo {
		return nil
	}
	if err := r.restore(before, base); err != nil {
		return err
	}
	r.step("undo "+m.name, nil, nothing)
	return nil
}

func (r *truthRun) reset() error {
	return r.restore(r.original, 0)
}

// step predicts, builds and compares. It tells whether there was a build.
func (r *truthRun) step(name string, flags []string, w want) bool {
	r.done++
	where := r.name + ", " + name
	plan, err := r.cli.plan(flags)
	if err != nil {
		r.planFailed(where, err)
	}
	seen, err := r.cli.build(flags)
	if err != nil {
		r.buildFailed(where, err)
		return false
	}
	if anyRan := r.compare(where, plan.Predictions, seen, w); !anyRan && !w.nothing && r.next == nil {
		r.hadNoEffect(where)
	}
	return true
}
