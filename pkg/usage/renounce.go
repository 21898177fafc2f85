package usage

import (
	"slices"
	"time"
)

// Renounced is a project's note that it did without a record when it pruned, though others had that too. Who prunes last of
// those that had it may then remove it.
type Renounced struct {
	// Builder and Record are IDs.
	Builder string `json:"builder"`
	Record  string `json:"record"`
	// Build is the ID of the project's last build at that time. One that came later may have used the record again.
	Build string `json:"build"`
	// At is when, by the clock that Looks are by.
	At time.Time `json:"at"`
}

// renouncedFor is how long notes on builders are kept that nobody prunes any more.
const renouncedFor = 90 * 24 * time.Hour

// Renounce returns the notes of this project after it pruned: those from before that still hold, and new ones on all that would
// have been selected but for other projects.
func (u *Usage) Renounce(s Selection, before []Renounced) []Renounced {
	out, noted := []Renounced{}, map[string]bool{}
	for i := range u.Items {
		if item := &u.Items[i]; item.renounces && len(item.Others) > 0 && !item.needed && s.renounces(u, item) {
			out = append(out, Renounced{Builder: u.builder, Record: item.ID, Build: u.lastBuild, At: u.now})
			noted[item.ID] = true
		}
	}
	for _, n := range before {
		at, there := u.byID[n.Record]
		switch {
		case n.Builder != u.builder && u.now.Sub(n.At) < renouncedFor:
			out = append(out, n)
		case n.Builder == u.builder && there && !noted[n.Record] && u.Items[at].renounces && !u.Items[at].needed:
			out = append(out, n)
		}
	}
	return out
}

// renounces tells whether a selection is one by which the project does without an item.
func (s Selection) renounces(u *Usage, i *Item) bool {
	return s.MaxUsed == 0 && !s.Everything && (!s.Mounts || i.Kind == KindMount) && s.oldEnough(u.now, i) && s.of(i)
}

// note is a Renounced as it is compared with a ledger: after is the place of its build there, 0 when it is gone from it.
type note struct {
	after int
	at    time.Time
}

// notesOf are the notes of a project by record.
func notesOf(p *Project, builder string) map[string]note {
	places := map[string]int{"": 0}
	if p.History != nil {
		for i := range p.History.Builds {
			places[p.History.Builds[i].ID] = i + 1
		}
	}
	out := map[string]note{}
	for _, n := range p.Renounced {
		if n.Builder == builder {
			out[n.Record] = note{places[n.Build], n.At}
		}
	}
	return out
}

// gaveUp tells whether a project did without a record since it had it last, in the build at that place of its ledger.
func (p *past) gaveUp(id string, last int) bool {
	n, ok := p.notes[id]
	return ok && last <= n.after
}

// kin are the pasts that speak for a record as this project's: its own, and those of projects that gave it up. at is the place
// of the last build in which a project had it, 0 for none.
func (o *origin) kin(id string, at func(*past) int) []*past {
	out := slices.Clip(o.here)
	for _, p := range o.others {
		if _, noted := p.notes[id]; !noted {
			continue
		}
		if last := at(p); last > 0 && p.gaveUp(id, last) {
			out = append(out, p)
		}
	}
	return out
}

// had tells whether this project had a record.
func (o *origin) had(at func(*past) int) bool {
	return slices.ContainsFunc(o.here, func(p *past) bool { return at(p) > 0 })
}

// looked tells whether a project looked at a builder at that time. One that gave a record up did not look for it until then.
func (p *past) looked(id string, t time.Time) bool {
	return slices.ContainsFunc(p.looks, func(s span) bool {
		return s.has(t) && (p.project.Here || !s.from.After(p.notes[id].at))
	})
}

// stepAt is the place of the last build that had a step of a result, by its key or by what else it may be known by; 0 for none.
func (o *origin) stepAt(p *past, id string) int {
	last := 0
	for _, q := range o.all {
		for _, v := range o.matches[q][id].runs {
			key := ""
			if v.sure() {
				key = v.Step.Key
			}
			last = max(last, p.stepAt(&v.Step, key))
		}
	}
	return last
}
