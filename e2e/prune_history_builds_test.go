//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// both does the same on both builders.
func (h *history) both(do func(*twin) (*did, error)) (pruned, full *did, err error) {
	var other error
	var wait sync.WaitGroup
	wait.Go(func() { full, other = do(h.full) })
	pruned, err = do(h.pruned)
	wait.Wait()
	h.builds++
	return pruned, full, errors.Join(err, other)
}

// buildOn builds targets of a project with the plugin.
func (h *history) buildOn(p *party, kind string) error {
	h.note("%s builds %q", p.name, kind)
	pruned, full, err := h.both(func(t *twin) (*did, error) { return h.build(t, p.dir, kind) })
	if err != nil {
		return err
	}
	p.built[kind] = p.shape
	h.note("  ran %q", full.ran)
	return h.judge(p, fmt.Sprintf("%s, %q", p.name, kind), p.shape.steps(p.name, kind), pruned, full)
}

// byStrangers notes when somebody builds whom no ledger knows.
func (h *history) byStrangers(build func() error) error {
	from := time.Now()
	err := build()
	h.strangeTimes = append(h.strangeTimes, [2]time.Time{from, time.Now()})
	return err
}

// strangeRecords counts the records of unknown origin by their descriptions: BuildKit gives a record another ID when something
// is built on it.
func (h *history) strangeRecords(all map[string]cacheRecord) map[string]int {
	out := map[string]int{}
	for _, r := range all {
		if slices.ContainsFunc(h.strangeTimes, func(t [2]time.Time) bool { return r.CreatedAt.After(t[0]) && r.CreatedAt.Before(t[1]) }) {
			out[r.Description]++
		}
	}
	return out
}

// strangeBuild is a build of the stranger's, perhaps of something new.
func (h *history) strangeBuild(edit bool) error {
	p := h.stranger
	if edit {
		if h.random.IntN(2) == 0 { // as one of the projects has it
			f := h.projects[h.random.IntN(len(h.projects))].shape
			p.shape.Base, p.shape.Deps, p.shape.Install, p.shape.Mount = f.Base, f.Deps, f.Install, f.Mount
		} else {
			p.shape.Source = h.newSource()
		}
		if err := h.write(p); err != nil {
			return err
		}
	}
	h.note("stranger builds %+v", p.shape)
	return h.byStrangers(func() error {
		pruned, full, err := h.both(func(t *twin) (*did, error) { return h.strange(t, p.dir) })
		if err != nil {
			return err
		}
		h.remember(p, func(t *twin) (*did, error) { return h.strange(t, p.dir) })
		h.note("  ran %q", full.ran)
		return h.judge(p, "stranger", p.shape.strange().stages["own"], pruned, full)
	})
}

// remember keeps how to build what a party has now.
func (h *history) remember(p *party, build func(*twin) (*did, error)) {
	f := p.shape
	h.strangeBuilds = append(h.strangeBuilds, func(t *twin) error {
		p.shape = f
		if err := h.write(p); err != nil {
			return err
		}
		_, err := build(t)
		return err
	})
}

// handBuild builds a project without the plugin.
func (h *history) handBuild(p *party) error {
	stage := p.shape.stage([]string{"production", "development"}[h.random.IntN(2)])
	h.note("somebody builds %s of %s by hand", stage, p.name)
	return h.byStrangers(func() error {
		pruned, full, err := h.both(func(t *twin) (*did, error) { return h.byHand(t, p.dir, "web", stage) })
		if err != nil {
			return err
		}
		h.remember(p, func(t *twin) (*did, error) { return h.byHand(t, p.dir, "web", stage) })
		h.note("  ran %q", full.ran)
		return h.judge(h.hands[p], p.name+" by hand", p.shape.dockerfile(p.name, "web").stages[stage], pruned, full)
	})
}

// prune prunes for a project, on one builder only.
func (h *history) prune(p *party, flags ...string) error {
	h.note("%s prunes %q", p.name, flags)
	h.prunes++
	before, err := h.records(h.pruned)
	if err != nil {
		return err
	}
	out, errs, err := h.plugin(p.dir, append([]string{"prune", "--builder", h.pruned.name, "--force"}, flags...)...)
	if err != nil {
		return err
	}
	h.note("  %s%s", out, errs)
	p.gaveUp()
	after, err := h.records(h.pruned)
	if err != nil {
		return err
	}
	now := h.strangeRecords(after)
	for description, n := range h.strangeRecords(before) {
		h.watched += n
		if now[description] < n {
			return fmt.Errorf("%s removed a record of unknown origin: %s", p.name, description)
		}
	}
	return nil
}

func (h *history) pruneAndCheck() error {
	p := h.projects[h.random.IntN(len(h.projects))]
	var flags []string
	switch h.random.IntN(8) {
	case 0:
		flags = []string{"web"}
	case 1:
		flags = []string{"--older-than", "2s"}
	case 2:
		flags = []string{"--max-used-space", "5MB"}
	}
	if err := h.prune(p, flags...); err != nil {
		return err
	}
	return h.warm()
}

// warm builds all that was built as it is now, and then with another source.
func (h *history) warm() error {
	for _, p := range h.projects {
		for _, kind := range historyKinds {
			same := kind == "" && (p.built["prod"] == p.shape && p.shape.declares("prod") || p.built["dev"] == p.shape && p.shape.declares("dev"))
			if p.built[kind] == p.shape && !same {
				if err := h.buildOn(p, kind); err != nil {
					return err
				}
			}
		}
	}
	if len(h.stranger.had) > 0 {
		if err := h.strangeBuild(false); err != nil {
			return err
		}
	}
	for _, p := range append(slices.Clone(h.projects), h.stranger) {
		p.shape.Source = h.newSource()
		h.note("%s edits: source", p.name)
		if err := h.write(p); err != nil {
			return err
		}
	}
	return h.buildAll()
}

// buildAll builds all that is current.
func (h *history) buildAll() error {
	for _, p := range h.projects {
		for _, kind := range []string{"prod", "dev"} {
			if p.shape.declares(kind) && h.random.IntN(2) == 0 {
				kind = ""
			}
			if err := h.buildOn(p, kind); err != nil {
				return err
			}
		}
	}
	if len(h.stranger.had) == 0 {
		return nil
	}
	return h.strangeBuild(false)
}
