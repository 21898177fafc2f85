package usage

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Random projects edit, build, go back and prune on a builder on which somebody unknown builds too.
func TestPrunesOfModel(t *testing.T) {
	var removed, garbage, given, forgotten int
	for seed := range uint64(28) {
		w := newWorld(seed)
		prune := func(p *party) {
			before := len(w.cells)
			r, g, i := w.prune(t, p, fmt.Sprint("seed ", seed))
			removed, garbage, given = removed+r, garbage+g, given+i
			if w.forgets {
				forgotten += before - len(w.cells)
			}
		}
		for range 60 {
			w.now = w.now.Add(time.Duration(1+w.rand.IntN(60)) * time.Minute)
			p := w.parties[w.rand.IntN(len(w.parties))]
			switch n := w.rand.IntN(21); {
			case n < 7:
				w.edit(p)
			case n < 14:
				kinds := [][]string{{"dev"}, {"prod"}, {"dev", "prod"}, {"dev", "prod"}}[w.rand.IntN(4)]
				w.build(p, kinds, w.rand.IntN(12) == 0)
			case n < 15:
				w.twin(p)
			case n < 16:
				w.collect()
			case n < 17:
				w.upgrade()
				for _, i := range w.rand.Perm(3) {
					prune(w.parties[i])
				}
			case p.project.History != nil:
				prune(p)
			}
		}
	}
	assert.Assert(t, garbage > 100)
	assert.Assert(t, given > 10, given)
	assert.Assert(t, forgotten > 100, forgotten)
	assert.Assert(t, float64(removed) >= 0.95*float64(garbage), "%d of %d", removed, garbage)
}

func newWorld(seed uint64) *world {
	w := &world{rand: rand.New(rand.NewPCG(seed, 1)), now: noon, cells: map[string]*cell{}, linked: map[string]bool{}, remembers: seed%4 < 2 && seed < 20, forgets: seed >= 20}
	for i, name := range []string{"shop", "blog", "wiki", "stranger"} {
		p := &party{name: name, files: files{Setup: 1, Image: 18, Mount: "//npm", Services: 1 + w.rand.IntN(2), Git: w.rand.IntN(4) == 0, Out: "/" + name}}
		if w.rand.IntN(6) == 0 {
			p.files.Out = "/alike"
		}
		if i == 3 && seed%2 == 1 { // shares nothing but images
			p.setups = 10
		}
		p.files.Setup += p.setups
		if i < 3 {
			p.project = Project{Name: name, History: &ledger.History{}}
		}
		w.parties = append(w.parties, p)
	}
	return w
}

func (w *world) edit(p *party) {
	p.past = append(p.past, p.files)
	switch w.rand.IntN(10) {
	case 0:
		p.files.Setup = p.setups + 1 + w.rand.IntN(3)
	case 1:
		p.files.Image = 18 + 2*w.rand.IntN(3)
	case 2:
		p.files.Mount = []string{"//npm", "//" + p.name, ""}[w.rand.IntN(3)]
	case 3:
		p.files.Services = 1 + w.rand.IntN(3)
	case 4:
		p.files.Install++
	case 5:
		p.files.Finish++
	case 6:
		p.files = p.past[w.rand.IntN(len(p.past))]
	default:
		p.files.Source++
	}
}

// upgrade has all projects change what they share, and build.
func (w *world) upgrade() {
	setup := 1 + w.rand.IntN(5)
	for _, p := range w.parties[:3] {
		p.past = append(p.past, p.files)
		p.files.Setup = setup
		w.build(p, []string{"dev", "prod"}, false)
	}
}

// twin builds, and beside that makes a record of a stranger's that looks as if that build had made it.
func (w *world) twin(p *party) {
	if p.project.History == nil {
		return
	}
	w.build(p, []string{"dev"}, false)
	b := p.project.History.Builds[len(p.project.History.Builds)-1]
	for _, r := range b.Results {
		if r.Status == ledger.Ran && r.Step.Base == nil {
			c := w.make("twin", w.describe(&r.Step), "regular", "stranger", w.below(&r.Step)...)
			c.Created = r.Started.Add(time.Second)
			w.touch(c, "stranger")
			c.LastUsed = b.Ended()
			v := &vertex{Step: r.Step}
			w.remember(b.Started, []*vertex{v}, &builder{world: w, did: map[*vertex]ledger.Result{v: r.Result}})
			return
		}
	}
}

// below is what a twin is built on: the same as the record that it looks like, or nothing.
func (w *world) below(s *steps.Step) []string {
	if !w.forgets || w.rand.IntN(2) == 0 {
		return nil
	}
	var last *cell
	for _, c := range w.cells {
		if c.key == s.Key && s.Key != "" && (last == nil || c.ID > last.ID) {
			last = c
		}
	}
	if last == nil {
		return nil
	}
	return last.Parents
}

// isGarbage tells whether a record is a project's and nobody needs it, nor had it ever, nor one that is built on it.
func (w *world) isGarbage(c *cell, p *party, needed map[string]bool) bool {
	for _, d := range w.cells {
		if slices.Contains(d.Parents, c.ID) && !w.isGarbage(d, p, needed) {
			return false
		}
	}
	return c.owner != "stranger" && c.had[p.name] && len(c.had) == 1 && !needed[c.ID] && !w.hasTwin(c)
}

// hasTwin tells whether that may have happened to a record.
func (w *world) hasTwin(c *cell) bool {
	for _, d := range w.cells {
		if d.id == "twin" && d.Description == c.Description && d.Created.Sub(c.Created).Abs() < 10*time.Second {
			return true
		}
	}
	return false
}

// collect removes the record that was not used for longest, as a builder's garbage collection does.
func (w *world) collect() {
	var oldest *cell
	for _, c := range w.cells {
		built := slices.ContainsFunc(slices.Collect(maps.Values(w.cells)), func(d *cell) bool { return slices.Contains(d.Parents, c.ID) })
		if !built && (oldest == nil || c.LastUsed.Before(oldest.LastUsed) || c.LastUsed.Equal(oldest.LastUsed) && c.ID < oldest.ID) {
			oldest = c
		}
	}
	if oldest != nil && oldest.id != "twin" && w.find("twin") == nil { // or a twin would be all that there is
		delete(w.cells, oldest.ID)
	}
}

// needs are the records that the current targets of a party need: those of the steps, as if all that runs had been run, what
// these are built on, and what they name.
func (w *world) needs(p *party) map[string]bool {
	out := map[string]bool{}
	var add func(c *cell)
	add = func(c *cell) {
		if c != nil && !out[c.ID] {
			out[c.ID] = true
			for _, id := range c.Parents {
				add(w.cells[id])
			}
		}
	}
	for _, vertices := range p.files.targets(p.name) {
		for _, v := range vertices {
			add(w.find(v.id))
			for _, m := range v.Mounts {
				add(w.find("mount " + m.ID))
			}
		}
	}
	add(w.find("local " + p.name))
	return out
}

// ask is what the command asks a builder, and what that does to it.
func (w *world) ask(p *party, probe bool) Question {
	q := Question{Builder: builderID, Now: w.now, Probed: probe, Touched: map[string][]Ref{}, Unprobed: map[string]string{}, Locals: map[string]bool{p.name: true}, Strangers: w.strangers, Forgets: w.forgets}
	for _, other := range w.parties {
		if other.project.History != nil {
			project := other.project
			project.Here = other == p
			// Like one that is read anew: it indexes its builds once.
			project.History = &ledger.History{Builds: slices.Clone(other.project.History.Builds)}
			q.Projects = append(q.Projects, project)
		}
	}
	for _, c := range w.cells {
		q.Records = append(q.Records, c.Record)
	}
	for at, vertices := range p.files.targets(p.name) {
		g := &steps.Graph{Service: at[0]}
		for _, v := range vertices {
			g.Steps = append(g.Steps, v.Step)
			if !probe {
				continue
			}
			if w.forgets {
				w.look(&q, v)
				continue
			}
			if !w.known(v) {
				q.Unprobed[v.Digest] = "its input is not there"
			} else if c := w.find(v.id); c != nil {
				q.Touched[c.ID] = append(q.Touched[c.ID], Ref{Digest: v.Digest})
				w.touch(c, p.name)
			}
		}
		q.Targets = append(q.Targets, Target{Kind: at[1], Graph: g})
	}
	if probe && !w.forgets {
		p.project.Looks = append(p.project.Looks, Look{builderID, w.now, w.now})
	}
	return q
}

// look is what ledgers say of a builder that can't be asked.
func (w *world) look(q *Question, v *vertex) {
	found := false
	for _, c := range w.cells {
		if v.Key != "" && c.key == v.Key && c.owner != "stranger" {
			q.Touched[c.ID] = append(q.Touched[c.ID], Ref{Digest: v.Digest})
			found = true
		}
	}
	if !found {
		q.Unprobed[v.Digest] = "the builder can't be asked"
	}
}

// prune prunes for a project, and counts what was removed of what nobody needs, and of what others gave up.
func (w *world) prune(t *testing.T, p *party, name string) (removed, garbage, given int) {
	before := w.clone()
	probe := w.rand.IntN(5) > 0
	q := w.ask(p, probe)
	plan := New(q).Plan(Selection{})
	checkPlan(t, q, Selection{}, plan)
	w.check(t, p, plan, name)
	for _, s := range []Selection{{All: true}, {Mounts: true}, {MaxUsed: 2000}, {MaxUsed: 2000, All: true}, {Services: []string{"service0"}}, {Everything: true}} {
		checked := New(q).Plan(s)
		if s.All || s.Mounts {
			for _, i := range checked.Remove {
				c := before.cells[i.ID]
				own := c.owner == p.name || c.owner != "stranger" && !c.had[c.owner]
				assert.Assert(t, own && c.last != "stranger", "%s: %+v removes %s", name, s, i.Description)
			}
		} else {
			checkPlan(t, q, s, checked)
		}
	}
	needed := map[string]bool{}
	for _, other := range w.parties {
		maps.Copy(needed, w.needs(other))
	}
	gone := map[string]bool{}
	for _, i := range plan.Remove {
		gone[i.ID] = true
	}
	for id, c := range w.cells {
		// What strangers are remembered for is not all that they used.
		if probe && !w.remembers && !w.forgets && len(q.Unprobed) == 0 && w.isGarbage(c, p, needed) {
			garbage++
			if gone[id] {
				removed++
			}
		}
	}
	for id := range gone {
		if w.cells[id].given {
			given++
		}
		delete(w.cells, id)
	}
	w.compare(t, before, name)
	w.renounce(t, p, New(q), name)
	return removed, garbage, given
}

// renounce has a project note what it does without.
func (w *world) renounce(t *testing.T, p *party, u *Usage, name string) {
	t.Helper()
	p.project.Renounced = u.Renounce(Selection{}, p.project.Renounced)
	needs := w.needs(p)
	for _, n := range p.project.Renounced {
		if c := w.cells[n.Record]; c != nil {
			assert.Assert(t, !needs[n.Record], "%s: %s gives up what it needs: %s", name, p.name, c.Description)
			c.given = c.given || c.had[p.name]
			delete(c.had, p.name)
		}
	}
}

// check fails when a plan has what somebody needs or what is of unknown origin.
func (w *world) check(t *testing.T, p *party, plan *Plan, name string) {
	t.Helper()
	for _, i := range plan.Remove {
		c := w.cells[i.ID]
		strange := c.owner == "stranger" || c.last == "stranger" || w.remembers && c.used["stranger"]
		assert.Assert(t, !strange, "%s: %s removes what a stranger uses: %s", name, p.name, i.Description)
		for _, other := range w.parties[:3] {
			used := c.had[other.name]
			if w.forgets && other == p { // of two results of one step it may keep either: compare builds with what is left
				continue
			}
			// What another project needs and never had, its ledger can't tell.
			assert.Assert(t, !w.needs(other)[i.ID] || other != p && !used, "%s: %s removes what %s needs: %s", name, p.name, other.name, i.Description)
		}
	}
}

// edited is a version of the source that never was: one that differs in comments, if there is any.
func (p *party) edited() int {
	was := func(n int) bool {
		return n == p.files.Source || slices.ContainsFunc(p.past, func(f files) bool { return f.Source == n })
	}
	n := p.files.Source / 3 * 3
	for was(n) && n%3 < 2 {
		n++
	}
	for was(n) {
		n += 1000
	}
	return n
}

// compare builds all targets of projects with the cache as it is and as it was before.
func (w *world) compare(t *testing.T, before *world, name string) {
	t.Helper()
	for _, p := range w.parties[:3] {
		if p.files != p.built {
			continue
		}
		q := *p
		q.project.History = nil
		now, then := w.clone(), before.clone()
		now.rand, then.rand = rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(1, 1))
		both := []string{"dev", "prod"}
		assert.DeepEqual(t, append(now.build(&q, both, false), name), append(then.build(&q, both, false), name))
		q.files.Source = p.edited()
		assert.DeepEqual(t, append(now.build(&q, both, false), name), append(then.build(&q, both, false), name))
	}
}
