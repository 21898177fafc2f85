package session

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/sample"
)

const (
	// Enough is how many comparable sessions tell how much sessions vary.
	Enough = 5
	// window is how many of the latest count: what was long ago is another program on another network.
	window = 20
	// limit is the share of new sessions without change that are below the limit: one in twenty is above it by chance.
	limit = 0.95
)

// History compares a session with those before it that are comparable. A series is slower when its median is above what a new
// session may have by chance, given how they varied, and the difference counts. With less than Enough sessions it is a hint.
func (r Rules) History(head *Session, past []*Session) *Compare {
	c := &Compare{Kind: KindBaseline, Times: No, Sizes: No, Why: []string{}, Results: []Result{}}
	past = before(head, past)
	earlier := len(past)
	if past = r.committed(past); len(past) == 0 {
		why := "there is no earlier session"
		if earlier > 0 {
			why = "earlier sessions are of trees with changes that no commit has"
		}
		c.Why = append(c.Why, why)
		return r.nothing(c, head)
	}
	times, sizes := r.usable(c, head, past)
	newest := past[len(past)-1]
	for _, usable := range [][]*Session{sizes, times} {
		if len(usable) > 0 {
			newest = usable[len(usable)-1]
		}
	}
	c.To = other(newest)
	if len(times) > 0 {
		c.To.Name = fmt.Sprintf("%d earlier sessions", len(times))
		if len(times) == 1 {
			c.To.Name = newest.ID
		}
		r.timesOf(c, head, times)
	}
	if len(sizes) > 0 {
		c.Results = append(c.Results, r.sizes(head, sizes)...)
	}
	return c
}

// before returns the sessions that began earlier, by their start.
func before(head *Session, past []*Session) []*Session {
	var all []*Session
	for _, p := range past {
		if p.ID != head.ID && !p.Started.After(head.Started) {
			all = append(all, p)
		}
	}
	sortByStart(all)
	return all
}

// committed leaves out what is nobody's baseline unless that is allowed: changes that no commit has.
func (r Rules) committed(past []*Session) []*Session {
	if slices.Contains(r.Allow, AllowDirty) {
		return past
	}
	return slices.DeleteFunc(past, func(p *Session) bool { return p.VCS != nil && p.VCS.Dirty })
}

func sortByStart(all []*Session) {
	slices.SortStableFunc(all, func(a, b *Session) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
}

// usable returns the sessions with which times, and those with which sizes compare. Flagged ones serve where there are no others.
func (r Rules) usable(c *Compare, head *Session, past []*Session) (times, sizes []*Session) {
	var flagged []*Session
	var last Comparability
	for _, p := range past {
		last = Comparable(head, p, r.Allow)
		switch last.Times {
		case Yes:
			times = append(times, p)
		case Flagged:
			flagged = append(flagged, p)
		}
		if last.Sizes == Yes {
			sizes = append(sizes, p)
		}
	}
	if c.Times = Yes; len(times) == 0 {
		if c.Times = Flagged; len(flagged) == 0 {
			c.Times = No
		}
		times = flagged
	}
	if len(sizes) > 0 {
		c.Sizes = Yes
	}
	// What differs is told of the latest one that is compared with, or could have been.
	if len(times) > 0 {
		last = Comparable(head, times[len(times)-1], r.Allow)
	}
	c.Why = append(c.Why, last.Why...)
	return times, sizes
}

func (r Rules) nothing(c *Compare, head *Session) *Compare {
	for _, s := range head.heads() {
		c.Results = append(c.Results, r.against(s, nil, false))
	}
	c.Results = append(c.Results, r.Effects.Sizes(head.ImagesOf(Head), nil)...)
	return c
}

func (r Rules) timesOf(c *Compare, head *Session, past []*Session) {
	for _, s := range head.heads() {
		medians, why := r.medians(head, past, s)
		if len(medians) >= Enough {
			c.Kind = KindHistory
		}
		result := r.against(s, medians, c.Times == Yes)
		if result.Verdict == New {
			result.Why = why
		}
		c.Results = append(c.Results, result)
	}
	if c.Kind == KindHistory { // a series with too few sessions stays a hint among others that are more
		for i, result := range c.Results {
			c.Results[i].Gate = result.Gate && result.Level > 0
		}
	}
	c.Results = append(c.Results, gone(head, past[len(past)-1])...)
}

// medians returns those of the sessions that are baselines of a series, and why the last of them is not.
func (r Rules) medians(head *Session, past []*Session, s Series) (medians []float64, why string) {
	accepted := r.since(past, s.Case)
	if len(accepted) < len(past) {
		why = "no session since " + r.Epochs[EpochKey(s.Case)] + " was accepted"
	}
	for _, p := range accepted {
		if a := apart(head, p, s.Case, s.Metric); a != "" {
			why = a
			continue
		}
		if b, ok := p.find(s.Case, s.Metric); ok && len(b.Values) > 0 {
			medians = append(medians, b.Median)
		}
	}
	return medians[max(0, len(medians)-window):], why
}

// EpochKey is how a configuration names a series: "api/source", or "total/source" for all services in one build.
func EpochKey(c Case) string { return cmp.Or(c.Service, "total") + "/" + c.Scenario }

// since leaves out the sessions before the accepted change of a series. They are sorted by their start.
func (r Rules) since(past []*Session, c Case) []*Session {
	epoch := r.Epochs[EpochKey(c)]
	if epoch == "" {
		return past
	}
	if r.Since != nil {
		var all []*Session
		for _, p := range past {
			if r.Since(epoch, p) {
				all = append(all, p)
			}
		}
		return all
	}
	i := slices.IndexFunc(past, func(p *Session) bool { return strings.HasPrefix(revision(p), epoch) })
	if i < 0 {
		return nil
	}
	return past[i:]
}

// against compares a series with the medians of earlier sessions.
func (r Rules) against(s Series, medians []float64, gates bool) Result {
	result := result(s)
	if len(s.Values) == 0 {
		result.Verdict, result.Why = Invalid, fmt.Sprintf("no valid run, %d invalid", s.Invalid)
		return result
	}
	if len(medians) == 0 {
		result.Verdict = New
		return result
	}
	result.Base, result.Gate = sample.Median(medians), s.Gate && gates
	result.Ratio = quotient(s.Median, result.Base)
	result.Lo, result.Hi = result.Ratio, result.Ratio
	result.Verdict = map[int]string{-1: Faster, 0: Same, 1: Slower}[r.Effects.sign(s.Metric, s.Median, result.Base)]
	if len(medians) < Enough {
		result.Why = fmt.Sprintf("%d comparable sessions, needs %d: hint only", len(medians), Enough)
		if len(medians) == 1 {
			result.Why = "one baseline: hint only"
		}
		return result
	}
	lower, upper, ok := usual(medians)
	result.Level = 1 - 2*(1-limit)
	if ok {
		result.Lo, result.Hi = min(result.Ratio, s.Median/upper), max(result.Ratio, s.Median/lower)
	}
	chance := !ok || s.Median >= lower && s.Median <= upper
	if result.Verdict != Same && chance {
		result.Verdict = CannotTell
		result.Why = fmt.Sprintf("sessions vary by %.0f %%", 100*sample.Noise(medians))
	}
	return result
}

// usual bounds the median of a new session in which nothing changed, by the limit on each side. Of medians of 0 it can't be said.
func usual(medians []float64) (lower, upper float64, ok bool) {
	inverse := make([]float64, len(medians))
	for i, m := range medians {
		if m <= 0 {
			return 0, 0, false
		}
		inverse[i] = 1 / m
	}
	upper, lower = sample.Limit(medians, limit), 1/sample.Limit(inverse, limit)
	return lower, upper, lower > 0 && upper > 0 && !math.IsInf(upper, 0) && !math.IsInf(1/lower, 0)
}

// quotient is 0 where there is none.
func quotient(head, base float64) float64 {
	if head <= 0 || base <= 0 {
		return 0
	}
	return head / base
}
