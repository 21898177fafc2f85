package usage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
)

// New says what every record is for.
func New(q Question) *Usage {
	if q.Prepared.isOf(&q) {
		return classify(&q, q.Prepared.origin)
	}
	return classify(&q, newOrigin(&q))
}

// Heeding is what New says with what is known of strangers' builds.
func (u *Usage) Heeding(strangers []Stranger) *Usage {
	q := *u.question
	q.Strangers = strangers
	return classify(&q, u.origin)
}

func classify(q *Question, o *origin) *Usage {
	c := &classifier{Question: q, current: newCurrent(q), origin: o, touchedLocals: map[string]bool{}}
	for _, s := range q.Strangers {
		c.strangers = append(c.strangers, &stranger{Stranger: s})
	}
	for i := range q.Records {
		if name, ok := localOf(q.Records[i].Description); ok && c.touched(q.Records[i].ID) {
			c.touchedLocals[name] = true
		}
	}
	u := &Usage{
		Items: make([]Item, 0, len(q.Records)), now: q.Now, byID: map[string]int{}, builder: q.Builder, lastBuild: lastBuild(q.Projects),
		question: q, origin: o,
	}
	for _, r := range q.Records {
		u.Items = append(u.Items, c.item(r))
	}
	slices.SortFunc(u.Items, func(a, b Item) int { return cmp.Compare(a.ID, b.ID) })
	for i := range u.Items {
		u.byID[u.Items[i].ID] = i
	}
	u.inherit()
	for i := range u.Items {
		u.Items[i].Seconds = sum(u.Items[i].cost)
	}
	return u
}

// classifier looks at records one by one; what they have to do with each other comes after.
type classifier struct {
	*Question
	current *current
	origin  *origin
	// touchedLocals are the names of local sources of which a record was touched.
	touchedLocals map[string]bool
	strangers     []*stranger
}

// touched tells whether the builder said that a record is of a current target, though perhaps not of which step.
func (c *classifier) touched(id string) bool {
	_, ok := c.Touched[id]
	return ok
}

func (c *classifier) item(r Record) Item {
	i := Item{Record: r, Kind: kindOf(&r), Class: Unknown, Refs: []Ref{}, Others: []string{}, cost: map[string]float64{}, theirs: map[string]map[string]float64{}}
	switch i.Kind {
	case KindMount:
		c.mount(&i)
	case KindImage:
		c.image(&i)
	case KindLocal:
		c.local(&i)
	default:
		c.layer(&i)
	}
	i.needed = i.Class == Used
	if i.needed && len(i.Others) > 0 {
		i.Class, i.Own = Shared, false
	}
	c.losses(&i)
	if i.Class == Shared && i.Why == "" {
		i.Why = sharedWith(i.Others)
	}
	return i
}

// layer is for results of steps, and for all that only the builder can tell of.
func (c *classifier) layer(i *Item) {
	had := func(p *past) int { return c.origin.stepAt(p, i.ID) }
	kin := c.origin.kin(i.ID, had)
	runs, certain := c.origin.runsOf(kin, i.ID)
	c.claim(i, runs, kin)
	i.Why = c.foreign(i, runs, certain, kin)
	i.Own = i.Why == "" && len(i.Others) == 0
	uses := c.current.usesOf(c.Touched[i.ID])
	for _, v := range runs {
		if v.sure() {
			uses = append(uses, c.current.darkKeys[v.Step.Key]...)
		}
	}
	every := runs
	if len(i.Others) > 0 {
		every, _ = c.origin.runsOf(c.origin.all, i.ID)
	}
	dark := c.current.dark(i.Description, every)
	i.renounces = c.current.blind == "" && dark == "" && c.origin.had(had)
	switch {
	case len(uses) > 0 || c.touched(i.ID):
		c.use(i, uses)
	case len(i.Others) > 0 && len(runs) > 0:
		i.Class = Shared
	case i.Why != "":
	case c.current.blind != "":
		i.Why = c.current.blind
	case dark != "":
		i.Why = fmt.Sprintf("it may be the result of %s, which the builder could not be asked for", dark)
	default:
		i.Class = Stale
	}
}

// use makes a record one that current steps use.
func (c *classifier) use(i *Item, uses []*use) {
	i.Class, i.Refs, i.cost = Used, []Ref{}, map[string]float64{}
	for _, u := range uses {
		i.Refs = addRefs(i.Refs, u.ref)
		if u.Base != nil {
			i.cost[u.Base.Digest] = took(c.Projects, u.Key)
		} else {
			i.cost[cmp.Or(u.Key, u.Digest)] = took(c.Projects, u.Key)
		}
		c.have(i, func(p *past) int {
			if u.Base == nil {
				return p.stepAt(u.Step, u.Key)
			}
			return max(p.stepAt(u.Step, u.Key), p.imageAt(u.Base.Ref, u.Base.Digest))
		})
	}
	if len(i.Refs) == 0 {
		i.Refs = addRefs(i.Refs, c.Touched[i.ID]...)
	}
}

// claim notes whose runs may have made a record, and who else has a step of the same key.
func (c *classifier) claim(i *Item, runs []*run, kin []*past) {
	for _, v := range runs {
		if v.here {
			i.Refs = addRefs(i.Refs, v.refs...)
		}
		key := ""
		if v.sure() {
			key = v.Step.Key
		}
		i.cost[cmp.Or(key, v.Step.Digest)] = v.Seconds
		if key != "" {
			i.cost[key] = took(c.Projects, key)
		}
		c.have(i, func(p *past) int { return p.stepAt(&v.Step, key) })
	}
	for _, p := range c.origin.others {
		if len(c.origin.matches[p][i.ID].runs) > 0 && !slices.Contains(kin, p) {
			i.share(p.project.Name)
		}
	}
}

// losses notes what removing it would cost others, as their ledgers tell.
func (c *classifier) losses(i *Item) {
	_, digest := imageOf(i.Description)
	for _, p := range c.origin.others {
		costs := map[string]float64{}
		for _, v := range c.origin.matches[p][i.ID].runs {
			costs[cmp.Or(v.Step.Key, v.Step.Digest)] = v.Seconds
		}
		for key := range i.cost {
			if p.project.History != nil {
				costs[key] = max(costs[key], p.project.History.TookKey(key).Seconds)
			}
		}
		if n := p.images[digest]; n != nil {
			costs[digest] = n.seconds()
		}
		i.theirs[p.project.Name] = costs
	}
}

// have adds the other projects that had it in a build, of which at tells the place of the last one, and did not give it up since.
func (c *classifier) have(i *Item, at func(*past) int) {
	for _, p := range c.origin.others {
		if last := at(p); last > 0 && !p.gaveUp(i.ID, last) {
			i.share(p.project.Name)
		}
	}
}

// foreign says why a record may not be this project's alone; it is empty when nothing speaks for that.
func (c *classifier) foreign(i *Item, runs []*run, certain bool, kin []*past) string {
	switch {
	case len(runs) == 0 && len(i.Others) > 0:
		return "made by " + strings.Join(i.Others, ", ")
	case len(runs) == 0:
		return "no build that is known made it"
	case len(i.Others) > 0:
		return sharedWith(i.Others)
	case !certain:
		return "more records than steps were made then: some are of somebody else"
	}
	var last time.Time
	for _, p := range kin {
		for _, v := range runs {
			if t := p.lastUse(v); t.After(last) {
				last = t
			}
		}
	}
	return cmp.Or(c.usedByOthers(&i.Record, last, kin), c.usedTooOften(&i.Record, c.origin.usesOf(runs)), c.usedByStranger(&i.Record, func(s *stranger) bool { return s.took(&i.Record, runs) }))
}

func (i *Item) share(name string) {
	if !slices.Contains(i.Others, name) {
		i.Others = append(i.Others, name)
		slices.Sort(i.Others)
	}
}

// lastBuild is the ID of this project's last build, on whatever builder.
func lastBuild(projects []Project) string {
	for _, p := range projects {
		if p.Here && p.History != nil && len(p.History.Builds) > 0 {
			return p.History.Builds[len(p.History.Builds)-1].ID
		}
	}
	return ""
}

// took is how long the step of a key takes: as this project has seen it, or else any other.
func took(projects []Project, key string) float64 {
	for _, here := range []bool{true, false} {
		for _, p := range projects {
			if p.Here == here && p.History != nil && key != "" {
				if t := p.History.TookKey(key); t != (ledger.Took{}) {
					return t.Seconds
				}
			}
		}
	}
	return 0
}

func sum(cost map[string]float64) float64 {
	var total float64
	for _, s := range cost {
		total += s
	}
	return total
}
