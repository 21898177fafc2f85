//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
)

// party builds: a project, the stranger, or somebody who builds a project by hand.
type party struct {
	name, dir string
	shape     shape
	past      []shape
	// built are the shapes of the last builds by kind.
	built map[string]shape
	// had are all steps and cache mounts of its builds, of those without a ledger only such that they made or took from the cache:
	// of the others nobody can know. given are those that it did without when it pruned.
	had, given map[string]bool
	prunes     bool
}

func newParty(name, dir string, prunes bool) *party {
	return &party{name: name, dir: dir, built: map[string]shape{}, had: map[string]bool{}, given: map[string]bool{}, prunes: prunes}
}

// mayBeGone tells whether a prune may have removed what is known by that id: all who had it did without it when they pruned.
func (h *history) mayBeGone(id string) bool {
	had := false
	for _, p := range h.parties {
		if p.had[id] {
			if !p.given[id] {
				return false
			}
			had = true
		}
	}
	return had
}

// gaveUp notes what a project does without now that it pruned.
func (p *party) gaveUp() {
	current := p.shape.current(p.name)
	for id := range p.had {
		if !current[id] {
			p.given[id] = true
		}
	}
}

// judge compares what one build did on both builders, and notes who had what.
func (h *history) judge(p *party, what string, all []modelStep, pruned, full *did) error {
	byName := map[string][]modelStep{}
	for _, m := range all {
		byName[m.name] = append(byName[m.name], m)
	}
	for _, name := range full.ran {
		if byName[name] == nil {
			return fmt.Errorf("%s: the model has no step %q", what, name)
		}
	}
	less, more := difference(full.ran, pruned.ran), difference(pruned.ran, full.ran)
	// An image that a prune asked for in vain is fetched later without being told.
	less = slices.DeleteFunc(less, func(name string) bool { return strings.HasPrefix(name, "FROM ") })
	if len(less) > 0 {
		return fmt.Errorf("%s: did not run where something was pruned: %q", what, less)
	}
	lost := slices.DeleteFunc(slices.Clone(more), func(name string) bool {
		return slices.ContainsFunc(byName[name], func(m modelStep) bool { return h.mayBeGone(m.id) })
	})
	h.again += len(more) - len(lost)
	if len(lost) > 0 {
		return fmt.Errorf("%s: ran again where something was pruned: %q (of %q; without prunes: %q)", what, lost, pruned.ran, full.ran)
	}
	for name, log := range full.logs {
		spoiled := slices.ContainsFunc(byName[name], func(m modelStep) bool { return h.spoiled[m.mount] })
		if ls, also := pruned.logs[name]; also && !spoiled && ls != log {
			if slices.ContainsFunc(byName[name], func(m modelStep) bool { return m.mount != "" && h.mayBeGone(mountID(m.mount)) }) {
				for _, m := range byName[name] {
					h.spoiled[m.mount] = m.mount != ""
				}
				continue
			}
			return fmt.Errorf("%s: %q finds in its cache mount\n%swhere something was pruned, and else\n%s", what, name, ls, log)
		}
		h.compared++
	}
	p.note(h, all, pruned)
	return nil
}

// note notes what a party has now. What was cached and might have been gone may still be.
func (p *party) note(h *history, all []modelStep, did *did) {
	there := map[string]bool{}
	for _, m := range all {
		ran := slices.Contains(did.ran, m.name)
		if !p.prunes && !ran && !slices.Contains(did.loaded, m.name) {
			continue
		}
		there[m.id] = ran || !h.mayBeGone(m.id)
		if m.mount != "" && (p.prunes || ran) {
			id := mountID(m.mount)
			there[id] = there[id] || ran || !h.mayBeGone(id)
		}
	}
	for id, is := range there {
		if is {
			p.had[id] = true
			delete(p.given, id)
		} else if p.prunes {
			p.had[id], p.given[id] = true, true
		}
	}
}

// difference is what a has more than b; both are sorted.
func difference(a, b []string) []string {
	rest := slices.Clone(b)
	out := []string{}
	for _, s := range a {
		if i := slices.Index(rest, s); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// trouble is what to know of a difference.
func (h *history) trouble(err error) error {
	out, _, duErr := h.plugin(h.parties[0].dir, "du", "--builder", h.pruned.name, "--verbose")
	if duErr != nil {
		out = []byte(duErr.Error())
	}
	return fmt.Errorf("%w\nevents of seed %d:\n  %s\nrecords as %s has them:\n%s", err, h.seed, strings.Join(h.events, "\n  "), h.parties[0].name, out)
}
