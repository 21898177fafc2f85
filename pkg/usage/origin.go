package usage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// origin joins records with ledgers.
type origin struct {
	here, others, all []*past
	// matches are by project, then by record.
	matches map[*past]map[string]match
}

func newOrigin(q *Question) *origin {
	o := &origin{matches: map[*past]map[string]match{}}
	ran := allRan(q.Projects, q.Builder)
	for i := range q.Projects {
		p := newPast(&q.Projects[i], q.Builder, ran)
		if p.project.Here {
			o.here = append(o.here, p)
		} else {
			o.others = append(o.others, p)
		}
	}
	o.all = slices.Concat(o.here, o.others)
	d := newDescent(q)
	for _, p := range o.all {
		o.matches[p] = matches(q.Records, p, steps.UnnamedFile, d)
	}
	return o
}

// runsOf are the steps of projects that may have made a record; not certain means that somebody else may have.
func (o *origin) runsOf(pasts []*past, id string) (runs []*run, certain bool) {
	certain = true
	for _, p := range pasts {
		if m := o.matches[p][id]; len(m.runs) > 0 {
			runs, certain = append(runs, m.runs...), certain && m.certain
		}
	}
	return runs, certain
}

// stepAt is the place of a project's last build with a step of that key, or one that may be the same; 0 is none.
func (p *past) stepAt(s *steps.Step, key string) int {
	last := 0
	if key != "" {
		last = p.keyed[key]
	}
	for _, mark := range marks(s) {
		if _, loose := p.loose[mark]; loose || key == "" {
			last = max(last, p.marks[mark])
		}
	}
	return last
}

// imageAt is the place of the last build that is built on an image, or copies files from one that it may be; 0 is none.
func (p *past) imageAt(name, digest string) int {
	last := p.images[digest].at()
	for copied, place := range p.copied {
		if mayBe(copied, name) {
			last = max(last, place)
		}
	}
	return last
}

// at is the place of the last build that names it; 0 is none.
func (n *named) at() int {
	if n == nil {
		return 0
	}
	return n.last
}

// lastUse is when a run's result was used last, as far as the ledger tells.
func (p *past) lastUse(v *run) time.Time {
	last := v.ended
	later := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	if v.sure() {
		later(p.keys[v.Step.Key])
	}
	for _, mark := range marks(&v.Step) {
		later(p.loose[mark])
	}
	return last
}

// usedByOthers says that a record was used after the last use of it by the projects that speak for it.
func (q *Question) usedByOthers(r *Record, last time.Time, kin []*past) string {
	looked := func(p *past) bool { return p.looked(r.ID, r.LastUsed) }
	if q.Forgets && kindOf(r) != KindMount { // such a builder can't be asked for steps, and a list of records is no use of them
		looked = func(*past) bool { return false }
	}
	if !r.LastUsed.After(last.Add(q.slack())) || slices.ContainsFunc(kin, looked) {
		return ""
	}
	return fmt.Sprintf("it was used at %s, and not by a build of this project that is known", r.LastUsed.UTC().Format(time.RFC3339))
}

// sharedWith says so.
func sharedWith(others []string) string { return "in use by " + strings.Join(others, ", ") }
