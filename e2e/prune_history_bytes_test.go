//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// measure has all projects prune, and counts what that frees of what nobody needs, as an empty builder says that builds all
// that is current, and all that the stranger and those by hand ever built.
func (h *history) measure() error {
	h.note("measure")
	if err := h.buildAll(); err != nil {
		return err
	}
	before, err := h.records(h.pruned)
	if err != nil {
		return err
	}
	for _, i := range h.random.Perm(len(h.projects)) {
		if err := h.prune(h.projects[i]); err != nil {
			return err
		}
	}
	after, err := h.records(h.pruned)
	if err != nil {
		return err
	}
	needed, err := h.needed()
	if err != nil {
		return err
	}
	for _, r := range before {
		if r.RecordType == mountRecord && h.isNamed(mountOf(r.Description)) || isStrangeFolder(r) {
			needed += r.Size
		}
	}
	for id, r := range after { // a folder is sent again when the builder is asked, and with all that any target takes
		if was, is := before[id]; is && was.Size < r.Size {
			r.Size = was.Size
			after[id] = r
		}
	}
	m := measured{before: size(before), needed: needed, after: size(after)}
	h.note("  before %d, needed %d, after %d: freed %.1f %%", m.before, m.needed, m.after, 100*m.share())
	if m.share() < 0.95 {
		if err := h.keptTooMuch(after); err != nil {
			return err
		}
	}
	h.measured = append(h.measured, m)
	return h.warm()
}

// measured are bytes.
type measured struct{ before, needed, after int64 }

func (m measured) garbage() int64 { return max(0, m.before-m.needed) }

// freed does not count what was freed of what is needed.
func (m measured) freed() int64 { return min(m.before-m.after, m.garbage()) }

func (m measured) share() float64 {
	if m.garbage() == 0 {
		return 1
	}
	return float64(m.freed()) / float64(m.garbage())
}

const mountRecord = "exec.cachemount"

// isStrangeFolder tells whether a folder was sent by somebody else than the plugin, which gives it a name of its own.
func isStrangeFolder(r cacheRecord) bool {
	return r.Description == "local source for context" || r.Description == "local source for dockerfile"
}

func size(records map[string]cacheRecord) int64 {
	var total int64
	for _, r := range records {
		total += r.Size
	}
	return total
}

var mountDescription = regexp.MustCompile(` with id "/?([^"]+)"$`)

func mountOf(description string) string {
	if m := mountDescription.FindStringSubmatch(description); m != nil {
		return m[1]
	}
	return ""
}

// isNamed tells whether a current target names a cache mount, or the stranger or somebody by hand ever did.
func (h *history) isNamed(mount string) bool {
	for _, p := range h.parties {
		if p.prunes && p.shape.current(p.name)[mountID(mount)] || !p.prunes && p.had[mountID(mount)] {
			return true
		}
	}
	return false
}

// needed is how much an empty builder has, without cache mounts, that built what is current.
func (h *history) needed() (int64, error) {
	if _, _, err := h.run(h.dir, "tools/buildctl", "--addr", h.empty.address, "prune", "--all"); err != nil {
		return 0, err
	}
	now := map[*party]shape{}
	for _, p := range h.parties {
		now[p] = p.shape
	}
	defer func() {
		for p, f := range now {
			p.shape = f
		}
	}()
	for _, p := range h.projects {
		for _, kind := range historyKinds {
			if _, err := h.build(h.empty, p.dir, kind); err != nil {
				return 0, err
			}
		}
	}
	for _, again := range h.strangeBuilds {
		if err := again(h.empty); err != nil {
			return 0, err
		}
	}
	for _, p := range h.parties {
		p.shape = now[p]
		if err := h.write(p); err != nil {
			return 0, err
		}
	}
	records, err := h.records(h.empty)
	if err != nil {
		return 0, err
	}
	var total int64
	h.neededOf = map[string]int{}
	for _, r := range records {
		if r.RecordType != mountRecord && !isStrangeFolder(r) {
			total += r.Size
			h.neededOf[r.Description]++
		}
	}
	return total, nil
}

// keptTooMuch notes which records stayed that the empty builder does not have.
func (h *history) keptTooMuch(after map[string]cacheRecord) error {
	classes := map[string][]string{}
	for _, p := range h.projects {
		out, _, err := h.plugin(p.dir, "du", "--builder", h.pruned.name, "--format", "json")
		if err != nil {
			return err
		}
		if err := addClasses(classes, p.name, out); err != nil {
			return err
		}
	}
	left := h.neededOf
	for id, r := range after {
		if r.RecordType == mountRecord && h.isNamed(mountOf(r.Description)) || isStrangeFolder(r) {
			continue
		}
		if left[r.Description]--; left[r.Description] < 0 {
			h.note("    kept %d bytes: %s %q", r.Size, fmt.Sprintf("%.90q", r.Description), classes[id])
		}
	}
	return nil
}

// addClasses adds the classes and their reasons by record, as du prints them for a project.
func addClasses(to map[string][]string, project string, text []byte) error {
	var held struct {
		Records []struct {
			ID    string `json:"id"`
			Class string `json:"class"`
			Why   string `json:"why"`
		} `json:"records"`
	}
	if err := json.Unmarshal(text, &held); err != nil {
		return err
	}
	for _, r := range held.Records {
		to[r.ID] = append(to[r.ID], project+": "+r.Class+": "+r.Why)
	}
	return nil
}
