package usage

import "slices"

// match is what a ledger says of who made a record: the steps that made one of that description when it was made.
type match struct {
	runs []*run
	// certain is false where more records than steps come into question: then some are of somebody else.
	certain bool
}

// matches joins records with the steps that ran. A step makes one record; two that ran at the same time and are described
// alike can't be told apart, nor can their records, so these are looked at together.
func matches(records []Record, p *past, unnamed string, d *descent) map[string]match {
	out := map[string]match{}
	byDescription := map[string][]*Record{}
	for i := range records {
		r := &records[i]
		if len(p.runs[r.Description]) > 0 {
			byDescription[r.Description] = append(byDescription[r.Description], r)
		}
	}
	for description, alike := range byDescription {
		groups := groupsOf(alike, func(r *Record) []*run {
			return slices.DeleteFunc(p.near(description, r.Created), func(v *run) bool { return !d.fits(r, v) })
		})
		for _, g := range groups {
			ran := len(g.runs)
			if d != nil {
				ran = g.ranOnce()
			}
			certain := len(g.records) <= ran
			if description == unnamed { // it says nothing of the step: all must be there, or another's may be in the place of one
				certain = len(g.records) == ran
			}
			for r, runs := range g.records {
				slices.SortFunc(runs, compareRuns)
				out[r.ID] = match{runs, certain}
			}
		}
	}
	return out
}

func compareRuns(a, b *run) int {
	if c := a.Started.Compare(b.Started); c != 0 {
		return c
	}
	return slices.Compare([]string{a.Step.Key, a.Step.Digest}, []string{b.Step.Key, b.Step.Digest})
}

// group is what can't be told apart.
type group struct {
	// records have the runs that each may be of, which together are runs.
	records map[*Record][]*run
	runs    map[*run]bool
}

// ranOnce is how many of the runs were one by itself: a step of several targets that are built by themselves ran once for all of them.
func (g *group) ranOnce() int {
	type once struct {
		key, self string
		started   int64
		seconds   float64
	}
	all := map[once]bool{}
	for v := range g.runs {
		all[once{v.Step.Key, v.Step.Self, v.Started.UnixNano(), v.Seconds}] = true
	}
	return len(all)
}

// groupsOf puts records into one group that may be of the same run, directly or by others in between. may are the runs that a
// record may be of; those without any are in no group.
func groupsOf(records []*Record, may func(*Record) []*run) []*group {
	into := make([]int, len(records)) // a record of the same group, until that is the record itself
	root := func(i int) int {
		for into[i] != i {
			into[i] = into[into[i]]
			i = into[i]
		}
		return i
	}
	runs, first := make([][]*run, len(records)), map[*run]int{}
	for i, r := range records {
		into[i], runs[i] = i, may(r)
		for _, v := range runs[i] {
			if other, ok := first[v]; ok {
				into[root(i)] = root(other)
			} else {
				first[v] = i
			}
		}
	}
	var out []*group
	byRoot := map[int]*group{}
	for i, r := range records {
		if len(runs[i]) == 0 {
			continue
		}
		g := byRoot[root(i)]
		if g == nil {
			g = &group{map[*Record][]*run{}, map[*run]bool{}}
			byRoot[root(i)], out = g, append(out, g)
		}
		g.records[r] = runs[i]
		for _, v := range runs[i] {
			g.runs[v] = true
		}
	}
	return out
}
