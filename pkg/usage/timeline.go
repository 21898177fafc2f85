package usage

import (
	"slices"
	"time"
)

// timeline are runs, to be found by when they may have made a record: an old BuildKit describes all files alike, so that thousands of
// records may be of any of thousands of runs, but for the time.
type timeline struct {
	runs []*run // by when they began
	// ends has the last end of the times of a run and of all before it.
	ends []time.Time
}

func newTimeline(runs []*run) *timeline {
	t := &timeline{runs: slices.Clone(runs)}
	slices.SortStableFunc(t.runs, func(a, b *run) int { return a.Started.Compare(b.Started) })
	var last time.Time
	for _, v := range t.runs {
		if _, end := v.atWork(); end.After(last) {
			last = end
		}
		t.ends = append(t.ends, last)
	}
	return t
}

// at are the runs that may have made a record at that time.
func (t *timeline) at(at time.Time) []*run {
	var out []*run
	n, _ := slices.BinarySearchFunc(t.runs, at, func(v *run, at time.Time) int {
		if start, _ := v.atWork(); start.After(at) {
			return 1
		}
		return -1
	})
	for i := n - 1; i >= 0 && !t.ends[i].Before(at); i-- {
		if _, end := t.runs[i].atWork(); !end.Before(at) {
			out = append(out, t.runs[i])
		}
	}
	return out
}

// near are the runs that may have made a record of that description at that time.
func (p *past) near(description string, at time.Time) []*run {
	runs := p.runs[description]
	if len(runs) == 0 {
		return nil
	}
	if p.lines[description] == nil {
		p.lines[description] = newTimeline(runs)
	}
	return p.lines[description].at(at)
}
