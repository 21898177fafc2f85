//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// history is one of them.
type history struct {
	*historyWorld
	counts
	seed     uint64
	random   *rand.Rand
	projects []*party
	stranger *party
	// parties are all, those by hand as well.
	parties []*party
	hands   map[*party]*party
	events  []string
	next    int // version of a source
	// spoiled are cache mounts that were pruned and are again, with less in them.
	spoiled map[string]bool
	// strangeTimes are when somebody built whom no ledger knows, and strangeBuilds do it again.
	strangeTimes  [][2]time.Time
	strangeBuilds []func(*twin) error
	measured      []measured
	// neededOf counts the records of the empty builder by description.
	neededOf map[string]int
}

// newHistory makes everybody's files.

func newHistory(seed uint64) (*history, error) {
	w, err := newHistoryWorld(fmt.Sprint("h", seed))
	if err != nil {
		return nil, err
	}
	h := &history{historyWorld: w, seed: seed, random: rand.New(rand.NewPCG(seed, 6)), hands: map[*party]*party{}, spoiled: map[string]bool{}}
	for _, name := range []string{"shop", "blog", "wiki"} {
		p := newParty(name, filepath.Join(h.dir, name), true)
		p.shape = shape{Base: h.version(lastBase), Deps: h.version(2), Install: 1, Mount: "npm", Source: h.newSource(), Declared: "production"}
		h.projects = append(h.projects, p)
	}
	h.stranger = newParty("stranger", filepath.Join(h.dir, "stranger"), false)
	h.stranger.shape = shape{Base: h.version(lastBase), Deps: 1, Install: 1, Mount: "npm", Source: h.newSource(), Finish: h.random.IntN(3)}
	h.parties = append(slices.Clone(h.projects), h.stranger)
	for _, p := range h.projects {
		hand := newParty(p.name+" by hand", p.dir, false)
		h.hands[p] = hand
		h.parties = append(h.parties, hand)
	}
	busybox, err := os.ReadFile(filepath.Join(h.bin, "debian/bin/busybox"))
	for _, p := range append(slices.Clone(h.projects), h.stranger) {
		if err == nil {
			err = os.WriteFile(filepath.Join(mkdir(p.dir), "busybox"), busybox, 0o755)
		}
		if err == nil {
			err = h.write(p)
		}
	}
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *history) version(n int) int { return 1 + h.random.IntN(n) }

func (h *history) newSource() int {
	h.next++
	return h.next
}

func (h *history) note(format string, args ...any) {
	h.events = append(h.events, fmt.Sprintf(format, args...))
}

// write writes the files of a party.
func (h *history) write(p *party) error {
	switch {
	case p == h.stranger:
		return writeFiles(p.dir, p.shape.strangeFiles())
	case p.prunes:
		return writeFiles(p.dir, p.shape.files(p.name))
	}
	return nil
}

// happen is the whole history.
func (h *history) happen() error {
	for round := range 3 {
		end := h.pruneAndCheck
		if round == 2 || h.random.IntN(2) == 0 {
			end = h.measure
		}
		for range 6 + h.random.IntN(5) {
			if err := h.event(); err != nil {
				return h.trouble(err)
			}
		}
		if err := end(); err != nil {
			return h.trouble(err)
		}
	}
	return nil
}

// event is what happens between prunes.
func (h *history) event() error {
	p := h.projects[h.random.IntN(len(h.projects))]
	switch n := h.random.IntN(20); {
	case n < 2:
		return h.strangeBuild(h.random.IntN(2) == 0)
	case n < 3:
		return h.handBuild(p)
	case n < 5:
		return h.upgrade()
	case n < 12:
		for range h.version(2) {
			h.edit(p)
		}
		return h.write(p)
	}
	return h.buildOn(p, historyKinds[h.random.IntN(3)])
}

// upgrade changes what projects share, in all of them.
func (h *history) upgrade() error {
	base, deps, install := h.version(lastBase), h.version(3), h.version(3)
	h.note("all go to base %d, deps %d, install %d", base, deps, install)
	for _, p := range h.projects {
		p.past = append(p.past, p.shape)
		p.shape.Base, p.shape.Deps, p.shape.Install = base, deps, install
		if err := h.write(p); err != nil {
			return err
		}
	}
	return nil
}

// edit changes something of a project.
func (h *history) edit(p *party) {
	p.past = append(p.past, p.shape)
	f := &p.shape
	what := ""
	switch h.random.IntN(20) {
	case 0, 1:
		f.Base, what = h.version(lastBase), "base"
	case 2, 3:
		f.Deps, what = h.version(3), "deps.txt"
	case 4, 5:
		f.Install, what = h.version(3), "install"
	case 6:
		f.Mount, what = []string{"npm", "npm-" + p.name, "yarn", ""}[h.random.IntN(4)], "cache mount"
	case 7:
		f.Finish, what = h.random.IntN(4), "last step"
	case 8:
		f.Notes, what = f.Notes+1, "heredoc"
	case 9:
		f.Link, what = !f.Link, "COPY --link"
	case 10:
		f.Worker, what = !f.Worker, "second service"
	case 11:
		f.Renamed, what = !f.Renamed, "stage renamed"
	case 12:
		f.Declared, what = map[string]string{"production": "development", "development": "production"}[f.Declared], "target in the Compose file"
	case 13:
		f.Comment, what = h.newSource(), "comment"
	case 14, 15, 16:
		*f, what = p.past[max(0, len(p.past)-h.version(5))], "back"
	default:
		f.Source, what = h.newSource(), "source"
	}
	h.note("%s edits: %s: %+v", p.name, what, *f)
}
