package session

import (
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/sample"
)

// Kinds of comparisons.
const (
	KindAB       = "ab"       // two versions in one session
	KindHistory  = "history"  // enough earlier sessions to know how they vary
	KindBaseline = "baseline" // too few: what differs is a hint
)

// Effects are the least differences that count, by metric; what is absent is as in DefaultEffects.
type Effects map[string]sample.Effect

// DefaultEffects are for builds that take seconds and images of many megabytes.
var DefaultEffects = Effects{
	Wall: {Ratio: 0.10, Absolute: 1},
	CPU:  {Ratio: 0.05, Absolute: 0.5},
	Size: {Ratio: 0.01, Absolute: 1e6},
}

func (e Effects) of(metric string) sample.Effect {
	if effect, ok := e[metric]; ok {
		return effect
	}
	return DefaultEffects[metric]
}

// sign is 1 when head is so much more than base that it counts, and -1 when it is so much less. Of 0 there is no ratio.
func (e Effects) sign(metric string, head, base float64) int {
	more := func(a, b float64) bool {
		effect := e.of(metric)
		return a > b && a-b >= effect.Absolute && (b <= 0 || a >= b*(1+effect.Ratio))
	}
	switch {
	case more(head, base):
		return 1
	case more(base, head):
		return -1
	}
	return 0
}

// Rules are what a project decides about comparisons. Without any, the defaults are used.
type Rules struct {
	Effects Effects
	// Allow are differences that don't count: AllowBuilder, AllowDirty.
	Allow []string
	// Epochs are accepted changes: by EpochKey the revision from which on sessions are baselines of a series.
	Epochs map[string]string
	// Since tells whether a session measured that revision or a later one. Without it, the sessions are searched for one of the
	// revision; then those that started earlier are not.
	Since func(revision string, s *Session) bool
}

// Sessions compares a session with one baseline. Times of two sessions differ for many reasons, so that verdicts on them are
// hints; sizes are exact.
func (r Rules) Sessions(head, base *Session) *Compare {
	with := Comparable(head, base, r.Allow)
	c := &Compare{Kind: KindBaseline, To: other(base), Times: with.Times, Sizes: with.Sizes, Why: with.Why, Results: []Result{}}
	if base.VCS != nil && base.VCS.Dirty {
		c.Why = append(c.Why, "the baseline is of a tree with changes that no commit has")
	}
	if c.Times != No {
		r.times(c, head, base)
	}
	if c.Sizes != No {
		c.Results = append(c.Results, r.sizes(head, []*Session{base})...)
	}
	return c
}

func (r Rules) times(c *Compare, head, base *Session) {
	for _, s := range head.heads() {
		c.Results = append(c.Results, r.hint(head, base, s, c.Times == Yes))
	}
	c.Results = append(c.Results, gone(head, base)...)
}

func other(s *Session) Other { return Other{ID: s.ID, Revision: revision(s), Name: s.ID} }

func revision(s *Session) string {
	if s.VCS == nil {
		return ""
	}
	return s.VCS.Revision
}

// hint compares medians with those of one session.
func (r Rules) hint(head, base *Session, s Series, gates bool) Result {
	if why := apart(head, base, s.Case, s.Metric); why != "" {
		result := result(s)
		result.Verdict, result.Why = CannotTell, why
		return result
	}
	b, ok := base.find(s.Case, s.Metric)
	if !ok {
		return r.against(s, nil, false)
	}
	if len(b.Values) == 0 {
		result := result(s)
		result.Verdict, result.Why = CannotTell, "the baseline has no valid run"
		return result
	}
	return r.against(s, []float64{b.Median}, gates)
}

func result(s Series) Result {
	return Result{Service: s.Service, Kind: s.Kind, Scenario: s.Scenario, Metric: s.Metric, Head: s.Median}
}

// gone are the series that the base has, and the head has not although it was asked for them.
func gone(head, base *Session) []Result {
	var all []Result
	for _, s := range base.heads() {
		if _, ok := head.find(s.Case, s.Metric); ok || !head.Settings.ask(s.Service, s.Kind, s.Scenario) {
			continue
		}
		if s.Metric == CPU && base.Builder.CPU != head.Builder.CPU {
			continue
		}
		r := result(s)
		r.Base, r.Head, r.Verdict = s.Median, 0, Gone
		all = append(all, r)
	}
	return all
}

// ask tells whether settings ask for something; an empty list asks for all.
func (s Settings) ask(service, kind, scenario string) bool {
	in := func(list []string, value string) bool {
		return len(list) == 0 || value == "" || slices.Contains(list, value)
	}
	return in(s.Services, service) && in(s.Kinds, kind) && in(s.Scenarios, scenario)
}

// heads are the series of what a session is about.
func (s *Session) heads() []Series {
	var all []Series
	for _, series := range s.Series {
		if series.Version == Head {
			all = append(all, series)
		}
	}
	return all
}

func (s *Session) find(c Case, metric string) (Series, bool) {
	i := slices.IndexFunc(s.Series, func(s Series) bool { return s.Case == c && s.Metric == metric })
	if i < 0 {
		return Series{}, false
	}
	return s.Series[i], true
}

// Regressions are the results for which a session fails. One baseline makes none of times, unless the user trusts it.
func (c *Compare) Regressions(trustBaseline bool) []Result {
	var all []Result
	for _, r := range c.Results {
		enough := r.Confirmed || c.Kind == KindHistory || c.Kind == KindBaseline && trustBaseline
		if r.Gate && r.Verdict == Slower && enough {
			all = append(all, r)
		}
	}
	return all
}
