package usage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
)

// Stranger is a build that a builder remembers and no ledger has.
type Stranger struct {
	// Ref is its name in the builder's history.
	Ref string
	// From and To are by the builder's clock; To is zero while it is under way.
	From, To time.Time
	// Steps are all that it did; nil is not known.
	Steps []StrangersStep
}

// StrangersStep is what such a build did.
type StrangersStep struct {
	// Name is as BuildKit shows it.
	Name string
	// Digest is that of the vertex, and Inputs are those of what it is made of.
	Digest string
	Inputs []string
	// Ran says that it was made, and Loaded that its result was taken from the cache.
	Ran, Loaded bool
}

// beside is how much longer a build takes for a ledger than for the builder, at its start and at its end.
const beside = time.Second / 10

// Strangers are those builds of a builder's history that are of no project. Without the names of builds, as when one failed, a ledger
// has their times.
func Strangers(projects []Project, builder string, history []Stranger) []Stranger {
	refs := map[string]bool{}
	var nameless []span
	for i := range projects {
		for _, b := range buildsOn(&projects[i], builder) {
			for _, ref := range b.Refs {
				refs[ref] = true
			}
			if len(b.Refs) == 0 || failed(b) {
				end := b.Ended()
				nameless = append(nameless, span{end.Add(-time.Duration(b.Seconds*float64(time.Second)) - beside), end.Add(beside)})
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(history), func(s Stranger) bool {
		return refs[s.Ref] || slices.ContainsFunc(nameless, func(b span) bool {
			return b.exactly(s.From) && !s.To.IsZero() && b.exactly(s.To)
		})
	})
}

func failed(b *ledger.BuildRecord) bool {
	return b.Error != "" || slices.ContainsFunc(b.Targets, func(t ledger.Target) bool { return t.Error != "" })
}

// Concerns tells whether a stranger's build may have used what is taken for this project's alone.
func (u *Usage) Concerns(s Stranger) bool {
	return slices.ContainsFunc(u.Items, func(i Item) bool { return i.Own && s.during(&i.Record) })
}

// during tells whether a record was there in a stranger's build and used then or later.
func (s *Stranger) during(r *Record) bool {
	i := Item{Record: *r}
	return (s.To.IsZero() || !r.Created.After(s.To)) && !i.used().Before(s.From)
}

// stranger is a build with the lineages of its steps.
type stranger struct {
	Stranger
	loaded, all map[string]bool
}

// usedByStranger says that a stranger's build may have used a record: such builds do for which may is true.
func (c *classifier) usedByStranger(r *Record, may func(*stranger) bool) string {
	for _, s := range c.strangers {
		if s.during(r) && (s.Steps == nil || may(s)) {
			return fmt.Sprintf("a build of no project that is known may have used it, at %s", s.From.UTC().Format(time.RFC3339))
		}
	}
	return ""
}

// took tells whether a build took a result of the lineage of one of these runs from the cache, or perhaps that of a record that was
// made meanwhile.
func (s *stranger) took(r *Record, runs []*run) bool {
	if s.loaded == nil {
		s.loaded, s.all = map[string]bool{}, map[string]bool{}
		lines := lineagesOf(s.Steps)
		for _, step := range s.Steps {
			line := lines.of(step.Digest)
			s.all[line] = true
			s.loaded[line] = s.loaded[line] || step.Loaded
		}
	}
	lines := s.loaded
	if !r.Created.Before(s.From) {
		lines = s.all
	}
	return slices.ContainsFunc(runs, func(v *run) bool { return lines[v.lineage()] })
}

// mounted tells whether a build ran a step with a cache mount of that ID, which a variable may stand for.
func (s *stranger) mounted(id string) bool {
	id = strings.TrimLeft(id, "/")
	return slices.ContainsFunc(s.Steps, func(step StrangersStep) bool {
		return step.Ran && strings.Contains(step.Name, "type=cache") && (strings.Contains(step.Name, id) || strings.Contains(step.Name, "$"))
	})
}

// pulled tells whether a build had an image of that digest.
func (s *stranger) pulled(digest string) bool {
	return slices.ContainsFunc(s.Steps, func(step StrangersStep) bool { return strings.Contains(step.Name, digest) })
}
