package usage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// What is here is for builders that remember no builds: nothing tells of strangers but the records. A BuildKit as old as that also says
// less of these, of a file operation nothing but that it is one. So a record must be built on what the step was built on, down to the
// image or to nothing, and may not have been used more often than is known.

// descent holds records against the steps that ledgers say their steps were built on. One that is nil lets all pass.
type descent struct {
	records map[string]*Record
}

func newDescent(q *Question) *descent {
	if !q.Forgets {
		return nil
	}
	d := &descent{map[string]*Record{}}
	for i := range q.Records {
		d.records[q.Records[i].ID] = &q.Records[i]
	}
	return d
}

// fits tells whether a record is built on what a step was built on in its build.
func (d *descent) fits(r *Record, v *run) bool {
	if d == nil {
		return true
	}
	s := lineal{v.Step.Name, v.Step.Inputs}
	base, below := s.base(), slices.DeleteFunc(slices.Clone(r.Parents), func(id string) bool { return id == "" })
	switch {
	case len(s.inputs) == 0:
		return len(below) == 0
	case base == "" && !strings.Contains(s.name, "--from="):
		return false
	case base == "" && len(below) == 0: // what it copies from is all that it has
		return true
	}
	return len(below) == 1 && d.isOf(below[0], s.inputs[0], v.build)
}

// isOf tells whether a record may be the result of a step in a build, which may have found it there.
func (d *descent) isOf(id, digest string, b *vertices) bool {
	r, v := d.records[id], b.runs[digest]
	if r == nil || v == nil || !slices.Contains(v.Step.Descriptions(), r.Description) {
		return false
	}
	if v.Step.Base != nil {
		return true
	}
	from, to := v.atWork()
	return (v.Status != ledger.Ran || span{from, to}.exactly(r.Created)) && d.fits(r, v)
}

// usedTooOften says that somebody must have used a record whom no ledger knows: a target of a build uses it once at most.
func (c *classifier) usedTooOften(r *Record, known int) string {
	if !c.Forgets || r.Uses <= known {
		return ""
	}
	return fmt.Sprintf("it was used %d times, and %d times at most by builds that are known", r.Uses, known)
}

// usesOf is how often targets of builds used the result of these runs, or may have.
func (o *origin) usesOf(runs []*run) int {
	total := 0
	counted := map[string]bool{}
	for _, v := range runs {
		id := v.Step.Key + " " + v.Step.Self
		if counted[id] {
			continue
		}
		counted[id] = true
		for _, p := range o.all {
			total += p.usesOf(v)
		}
	}
	return total
}

func (p *past) usesOf(v *run) int {
	known, loose := 0, 0
	if v.sure() {
		known = p.uses[v.Step.Key]
	}
	for _, mark := range marks(&v.Step) {
		loose = max(loose, p.looseUses[mark])
	}
	return known + loose
}

// mountID is the ID of a cache mount. Where the description has none, the step that it was made for tells it.
func (c *classifier) mountID(r *Record) string {
	if !c.Forgets || strings.Contains(r.Description, ` with id "`) {
		return mountOf(r.Description)
	}
	found := ""
	for _, p := range c.origin.all {
		for id, n := range p.mounts {
			if !slices.ContainsFunc(n.runs, func(v *run) bool { return v.mountedFirst(r, id) }) {
				continue
			}
			if found != "" && found != id {
				return ""
			}
			found = id
		}
	}
	return found
}

// mountedFirst tells whether a cache mount was made for a step, which has it by that ID.
func (v *run) mountedFirst(r *Record, id string) bool {
	from, to := v.atWork()
	return span{from, to}.exactly(r.Created) && slices.ContainsFunc(v.Step.Mounts, func(m steps.Mount) bool {
		return m.ID == id && r.Description == "cached mount "+m.Target+" from exec "+v.Step.Text
	})
}
