package usage

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// Selection says what is to go; the zero value is all that is stale.
type Selection struct {
	// Services and Stages are those that a record must be of; empty is any.
	Services, Stages []string
	// OlderThan is for how long a record was not used.
	OlderThan time.Duration
	// MaxUsed is what the project may have, or with Everything all, in bytes: no more goes than that takes. 0 is no limit.
	MaxUsed int64
	// Mounts selects this project's cache mounts, used ones too, and nothing else.
	Mounts bool
	// All selects all that is this project's own, used or not.
	All bool
	// Everything selects all that no build is using, whoever has it.
	Everything bool
	// Unshared takes for gone what images of the engine share with records, as such images are about to go.
	Unshared bool
}

// Plan is what goes.
type Plan struct {
	// Remove has what is built on a record before the record.
	Remove []Item `json:"remove"`
	// Keep says of what was selected and stays why it does, by ID.
	Keep map[string]string `json:"keep"`
	// Bytes is how much room that makes.
	Bytes int64 `json:"bytes"`
	// Seconds is what the steps took that would have to run again.
	Seconds float64 `json:"seconds"`
	// Lose is what other projects lose, by name.
	Lose []Loss `json:"lose"`
}

// Loss is what one project loses.
type Loss struct {
	Project string `json:"project"`
	Records int    `json:"records"`
	Bytes   int64  `json:"bytes"`
	// Seconds is what its ledger says that its steps took.
	Seconds float64 `json:"seconds"`
}

// Plan decides what goes. What a record that stays is built on stays.
func (u *Usage) Plan(s Selection) *Plan {
	p := &planner{Usage: u, selection: s, plan: &Plan{Remove: []Item{}, Keep: map[string]string{}, Lose: []Loss{}}}
	p.run()
	return p.plan
}

// planner makes one plan. Places are positions of items.
type planner struct {
	*Usage
	selection Selection
	plan      *Plan
	selected  map[int]bool
	removed   map[int]bool
	// children counts what is still built on an item, and ready are those that nothing is.
	children []int
	ready    []int
}

func (p *planner) run() {
	p.selected, p.removed, p.children = map[int]bool{}, map[int]bool{}, make([]int, len(p.Items))
	var total int64
	for i := range p.Items {
		item := &p.Items[i]
		p.eachParent(i, func(parent int) { p.children[parent]++ })
		total += p.counts(item)
		if !p.selects(item) {
			continue
		}
		if why := p.refuses(item); why != "" {
			p.plan.Keep[item.ID] = why
			continue
		}
		p.selected[i] = true
	}
	for i := range p.Items {
		if p.selected[i] && p.children[i] == 0 {
			heap.Push(p, i)
		}
	}
	for p.Len() > 0 {
		if p.selection.MaxUsed > 0 && total <= p.selection.MaxUsed {
			break
		}
		i := heap.Pop(p).(int)
		p.remove(i)
		total -= p.counts(&p.Items[i])
	}
	p.keep()
	p.sum()
}

// counts is how much of what may be had an item takes.
func (p *planner) counts(i *Item) int64 {
	if i.Class == Unknown && !p.selection.Everything {
		return 0
	}
	return p.frees(i)
}

// frees is what is gained by removing an item, in bytes.
func (p *planner) frees(i *Item) int64 {
	if p.selection.Unshared {
		return i.Size
	}
	return i.frees()
}

// remove takes an item.
func (p *planner) remove(i int) {
	item := &p.Items[i]
	p.removed[i] = true
	p.plan.Remove = append(p.plan.Remove, *item)
	p.plan.Bytes += p.frees(item)
	p.eachParent(i, func(parent int) {
		if p.children[parent]--; p.children[parent] == 0 && p.selected[parent] {
			heap.Push(p, parent)
		}
	})
}

// selects tells whether an item is among what was asked for.
func (p *planner) selects(i *Item) bool {
	s := p.selection
	if !s.oldEnough(p.now, i) || !s.of(i) {
		return false
	}
	switch {
	case s.Mounts && i.Kind != KindMount:
		return false
	case s.Everything:
		return true
	case s.Mounts, s.All:
		return i.Class != Unknown
	}
	return i.Class == Stale
}

// oldEnough tells whether an item was not used for as long as is asked for.
func (s Selection) oldEnough(now time.Time, i *Item) bool {
	return s.OlderThan == 0 || now.Sub(i.used()) > s.OlderThan
}

// of tells whether an item is of the selected services and stages. One that is used must be of no other.
func (s Selection) of(i *Item) bool {
	if len(s.Services) == 0 && len(s.Stages) == 0 {
		return true
	}
	in := func(r Ref) bool {
		return (len(s.Services) == 0 || slices.Contains(s.Services, r.Service)) && (len(s.Stages) == 0 || slices.Contains(s.Stages, r.Stage))
	}
	out := func(r Ref) bool { return !in(r) }
	return slices.ContainsFunc(i.Refs, in) && (i.Class == Stale || !slices.ContainsFunc(i.Refs, out))
}

// refuses says why an item stays that was selected.
func (p *planner) refuses(i *Item) string {
	s := p.selection
	switch {
	case i.InUse:
		return "in use"
	case s.Everything:
		return ""
	case !i.Own:
		return cmp.Or(i.Why, "it may be of use to others")
	case i.Shared && !s.All && !s.Unshared:
		return "an image of the engine has the same data, so that no room would be gained"
	}
	return ""
}

// keep says why what was selected and not refused stays nonetheless.
func (p *planner) keep() {
	for i := range p.Items {
		for _, id := range p.Items[i].Parents {
			if parent, ok := p.byID[id]; ok && p.selected[parent] && !p.removed[i] && !p.removed[parent] {
				p.plan.Keep[id] = "a record that stays is built on it: " + p.Items[i].Description
			}
		}
	}
	for i := range p.selected {
		if !p.removed[i] && p.plan.Keep[p.Items[i].ID] == "" {
			p.plan.Keep[p.Items[i].ID] = "the rest is small enough without"
		}
	}
}

// sum adds up seconds. A step whose result another record still has would not run again.
func (p *planner) sum() {
	kept := map[string]bool{}
	for i := range p.Items {
		if !p.removed[i] {
			for key := range p.Items[i].cost {
				kept[key] = true
			}
		}
	}
	cost, lost := map[string]float64{}, map[string]*Loss{}
	theirs := map[[2]string]float64{}
	for i := range p.plan.Remove {
		item := &p.plan.Remove[i]
		for key, s := range item.cost {
			if !kept[key] {
				cost[key] = s
			}
		}
		for _, name := range item.Others {
			if lost[name] == nil {
				lost[name] = &Loss{Project: name}
			}
			l := lost[name]
			l.Records, l.Bytes = l.Records+1, l.Bytes+p.frees(item)
			for key, s := range item.theirs[name] {
				theirs[[2]string{name, key}] = s
			}
		}
	}
	p.plan.Seconds = sum(cost)
	for at, s := range theirs {
		lost[at[0]].Seconds += s
	}
	for _, l := range lost {
		p.plan.Lose = append(p.plan.Lose, *l)
	}
	slices.SortFunc(p.plan.Lose, func(a, b Loss) int { return cmp.Compare(a.Project, b.Project) })
}

// The methods of heap.Interface: what is stale goes first, and then what was not used for longest.

func (p *planner) Len() int      { return len(p.ready) }
func (p *planner) Swap(i, j int) { p.ready[i], p.ready[j] = p.ready[j], p.ready[i] }
func (p *planner) Push(x any)    { p.ready = append(p.ready, x.(int)) }
func (p *planner) Pop() any {
	last := p.ready[len(p.ready)-1]
	p.ready = p.ready[:len(p.ready)-1]
	return last
}

func (p *planner) Less(i, j int) bool {
	a, b := &p.Items[p.ready[i]], &p.Items[p.ready[j]]
	rank := func(i *Item) int { return slices.Index([]string{Stale, Unknown, Used, Shared}, i.Class) }
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.used().Compare(b.used()), cmp.Compare(a.ID, b.ID)) < 0
}
