package session

import (
	"cmp"
	"slices"
)

// What a budget is of.
const (
	OfTime  = "time"  // seconds of wall time
	OfSize  = "size"  // bytes that a pull brings
	OfCache = "cache" // the least share that the cache saves, 0 to 1
)

// States of a budget.
const (
	OK         = "ok"
	Borderline = "borderline" // the interval has values on both sides of the limit
	Over       = "over"
	Unknown    = "unknown" // nothing was measured
)

// Bound is a limit that a project sets itself.
type Bound struct {
	// Service is empty for the whole project: of sizes the sum of the images of services.
	Service string
	// Kind is empty for each that was measured.
	Kind     string
	Scenario string // of times and the cache
	// Stage is empty for the build of the whole target, or its image.
	Stage string
	What  string
	// Limit is in seconds, in bytes, or a share from 0 to 1.
	Limit float64
}

// Judge says of each bound whether the session keeps to it, once for each kind. A time is over when even the lower end of its
// interval is: with less than five runs, the fastest of them. Sizes and the cache have no interval.
func Judge(bounds []Bound, s *Session) []Budget {
	all := []Budget{}
	for _, b := range bounds {
		found := b.measured(s)
		slices.SortStableFunc(found, func(a, b measured) int { return cmp.Compare(a.kind, b.kind) })
		for _, m := range found {
			budget := b.budget(m.kind)
			budget.Value, budget.State = m.value, b.state(m)
			all = append(all, budget)
		}
		if len(found) == 0 {
			all = append(all, b.budget(b.Kind))
		}
	}
	return all
}

func (b Bound) budget(kind string) Budget {
	return Budget{
		Service: b.Service, Kind: kind, Scenario: b.Scenario, Stage: b.Stage, What: b.What, Limit: b.Limit, State: Unknown,
	}
}

// Fails tells whether the session fails for it. Strictly, a median above the limit is enough.
func (b Budget) Fails(strict bool) bool {
	return b.State == Over || strict && b.State == Borderline && b.Value > b.Limit
}

// measured is what a bound is held against.
type measured struct {
	kind          string
	value, lo, hi float64
}

func (b Bound) state(m measured) string {
	switch {
	case b.What == OfCache && m.value < b.Limit, b.What != OfCache && m.lo > b.Limit:
		return Over
	case b.What != OfCache && m.hi > b.Limit:
		return Borderline
	}
	return OK
}

func (b Bound) measured(s *Session) []measured {
	switch b.What {
	case OfTime:
		return b.times(s)
	case OfSize:
		return b.sizes(s)
	case OfCache:
		return b.rates(s)
	}
	return nil
}

func (b Bound) is(c Case) bool {
	return c.Version == Head && c.Service == b.Service && c.Scenario == b.Scenario && (b.Kind == "" || c.Kind == b.Kind)
}

func (b Bound) times(s *Session) []measured {
	var all []measured
	if b.Stage != "" {
		for _, t := range s.Stages {
			if b.is(t.Case) && t.Stage == b.Stage {
				m := measured{t.Kind, t.Seconds, t.Lo, t.Hi}
				if t.Hi == 0 { // without an interval
					m.lo, m.hi = t.Seconds, t.Seconds
				}
				all = append(all, m)
			}
		}
		return all
	}
	for _, t := range s.Series {
		if !b.is(t.Case) || t.Metric != Wall || len(t.Values) == 0 {
			continue
		}
		m := measured{t.Kind, t.Median, t.Lo, t.Hi}
		if len(t.Values) < 5 {
			m.lo, m.hi = slices.Min(t.Values), slices.Max(t.Values)
		}
		all = append(all, m)
	}
	return all
}

// sizes takes the biggest platform. Of a project it is the sum for one platform: what somebody pulls who pulls all.
func (b Bound) sizes(s *Session) []measured {
	type group struct{ kind, platform string }
	sums, biggest := map[group]float64{}, map[string]float64{}
	for _, i := range s.ImagesOf(Head) {
		of := i.Final
		if b.Stage != "" {
			of = i.Stage == b.Stage
		}
		if of && (b.Service == "" || i.Service == b.Service) && (b.Kind == "" || i.Kind == b.Kind) {
			g := group{i.Kind, i.Platform}
			sums[g] += float64(i.Bytes)
			biggest[i.Kind] = max(biggest[i.Kind], sums[g])
		}
	}
	var all []measured
	for kind, v := range biggest {
		all = append(all, measured{kind, v, v, v})
	}
	return all
}

func (b Bound) rates(s *Session) []measured {
	var all []measured
	for _, c := range s.Cache {
		if b.is(c.Case) {
			all = append(all, measured{kind: c.Kind, value: c.saved()})
		}
	}
	return all
}

// saved is the share of time that the cache saves; of steps, where no cold build tells what they take.
func (c Cache) saved() float64 {
	if c.TimeRate != nil {
		return *c.TimeRate
	}
	return c.Rate
}
