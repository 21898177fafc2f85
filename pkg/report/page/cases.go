package page

import (
	"cmp"
	"math"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// key is a case without its version: what stands in one chart.
type key struct{ service, kind, scenario string }

func keyOf(c session.Case) key { return key{c.Service, c.Kind, c.Scenario} }

// whole is how the build of all services is called.
const whole = "whole project"

func serviceName(service, kind string) string {
	if service == "" {
		service = whole
	}
	if kind != "" {
		service += " (" + kind + ")"
	}
	return service
}

func (k key) String() string {
	if k.scenario == "" {
		return serviceName(k.service, k.kind)
	}
	return serviceName(k.service, k.kind) + " · " + k.scenario
}

// scenarioOrder is from the quickest to the slowest; the user's own follow by name.
var scenarioOrder = []string{"warm", "source", "deps", "cold", "cold-builder", "ci"}

func byScenario(a, b string) int {
	place := func(s string) int {
		if i := slices.Index(scenarioOrder, s); i >= 0 {
			return i
		}
		return len(scenarioOrder)
	}
	return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
}

// compareKeys sorts by service, the whole project last.
func compareKeys(a, b key) int {
	return cmp.Or(byService(a.service, b.service), byKind(a.kind, b.kind), byScenario(a.scenario, b.scenario))
}

// byKind puts production first.
func byKind(a, b string) int { return -cmp.Compare(a, b) }

func byService(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "":
		return 1
	case b == "":
		return -1
	}
	return cmp.Compare(a, b)
}

// pair are the two versions of something; either may be absent.
type pair[T any] struct{ head, base *T }

// versions are both in the order in which they are drawn.
func (p pair[T]) versions() []struct {
	of      *T
	version string
} {
	return []struct {
		of      *T
		version string
	}{{p.head, session.Head}, {p.base, session.Base}}
}

// pairs groups values by what they are of, and tells the keys in the order in which they first come.
func pairs[T any, K comparable](all []T, of func(*T) (K, string)) ([]K, map[K]pair[T]) {
	var order []K
	out := map[K]pair[T]{}
	for i := range all {
		k, version := of(&all[i])
		p, ok := out[k]
		if !ok {
			order = append(order, k)
		}
		if version == session.Base {
			p.base = &all[i]
		} else {
			p.head = &all[i]
		}
		out[k] = p
	}
	return order, out
}

// medianRuns are the valid runs, without the warm-up, in the middle of each case.
func medianRuns(s *session.Session) []session.Run {
	byCase := map[session.Case][]session.Run{}
	var order []session.Case
	for _, r := range s.Runs {
		if !r.Valid || r.Round == 0 && !r.Fresh {
			continue
		}
		if _, ok := byCase[r.Case]; !ok {
			order = append(order, r.Case)
		}
		byCase[r.Case] = append(byCase[r.Case], r)
	}
	var out []session.Run
	for _, c := range order {
		runs := byCase[c]
		slices.SortStableFunc(runs, func(a, b session.Run) int { return cmp.Compare(a.Wall, b.Wall) })
		out = append(out, runs[(len(runs)-1)/2])
	}
	return out
}

// urgency sorts results: first what somebody has to look at.
func urgency(r *session.Result) int {
	switch {
	case r.Verdict == session.Slower && r.Confirmed:
		return 0
	case r.Verdict == session.Slower:
		return 1
	case r.Verdict == session.Invalid:
		return 2
	case r.Verdict == session.CannotTell:
		return 3
	case r.Verdict == session.Faster:
		return 4
	case r.Verdict == session.Same:
		return 6
	}
	return 5
}

// results are those of the comparison, the most urgent first.
func results(s *session.Session) []session.Result {
	if s.Compare == nil {
		return nil
	}
	out := slices.Clone(s.Compare.Results)
	slices.SortStableFunc(out, func(a, b session.Result) int {
		return cmp.Or(
			cmp.Compare(urgency(&a), urgency(&b)),
			-cmp.Compare(math.Abs(math.Log(positive(a.Ratio))), math.Abs(math.Log(positive(b.Ratio)))),
			compareKeys(key{a.Service, a.Kind, a.Scenario}, key{b.Service, b.Kind, b.Scenario}),
			cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Metric, b.Metric))
	})
	return out
}

// ranks are below zero for what is not the same, the lower the more urgent.
func ranks(s *session.Session) map[key]int {
	out := map[key]int{}
	all := results(s)
	for i, r := range all {
		if k := (key{r.Service, r.Kind, r.Scenario}); r.Verdict != session.Same && out[k] == 0 {
			out[k] = i - len(all)
		}
	}
	return out
}

func positive(v float64) float64 {
	if v > 0 {
		return v
	}
	return 1
}

// metricName is how a sentence calls a metric.
func metricName(m string) string {
	if m == session.CPU {
		return "CPU"
	}
	return m
}

// baseName is what the base is called where there is little room.
func baseName(s *session.Session) string {
	if s.Compare != nil && s.Compare.To.Name != "" {
		return s.Compare.To.Name
	}
	return "base"
}

func versionName(s *session.Session, version string) string {
	if version == session.Base {
		return baseName(s)
	}
	return "here"
}
