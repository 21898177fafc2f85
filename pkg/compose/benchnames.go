package compose

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mergeBench adds what services say themselves to what the project says of them, and finds names that nothing has.
func (m *model) mergeBench() error {
	at := m.reader.topPositions()
	s := section{name: extension, at: func(path string) Position { return Service{Positions: at}.At(path) }}
	b := &m.config.Bench
	b.Positions = below(at, "bench")
	for _, svc := range m.all {
		over, set, said := ownBench(svc, lookUp(m.project, svc.Name))
		if said {
			b.Services[svc.Name] = merged(b.Services[svc.Name], over, set)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Services)) {
		if s.isService(m, "bench.services."+name, name) {
			s.checkBudgets(b.Services[name].Budgets, b.scenarios(name))
		}
	}
	s.checkBudgets(b.Total, b.scenarios(""))
	for i, name := range b.Scenarios {
		s.isScenario(fmt.Sprintf("bench.scenarios.%d", i), name, b.scenarios(""))
	}
	for _, key := range slices.Sorted(maps.Keys(b.Epochs)) {
		service, scenario, _ := strings.Cut(key, "/")
		path := "bench.epochs." + key
		if _, named := Find(m.all, Total); service == Total && !named {
			s.isScenario(path, scenario, b.scenarios(""))
		} else if s.isService(m, path, service) && scenario != ImageBudget {
			s.isScenario(path, scenario, b.scenarios(service))
		}
	}
	return errors.Join(s.errs...)
}

// below are the positions below a path.
func below(at map[string]Position, path string) map[string]Position {
	out := map[string]Position{}
	for p, position := range at {
		if rest, ok := strings.CutPrefix(p, path+"."); ok {
			out[rest] = position
		}
	}
	return out
}

// merged is a with what b says over it.
func merged(a, b BenchService, set bool) BenchService {
	if set {
		a.Erratic = b.Erratic
	}
	edits := maps.Clone(a.Edits)
	if edits == nil {
		edits = map[string]BenchEdit{}
	}
	maps.Copy(edits, b.Edits)
	budgets := slices.DeleteFunc(slices.Clone(a.Budgets), func(old BenchBudget) bool {
		return slices.ContainsFunc(b.Budgets, func(other BenchBudget) bool { return old.Key == other.Key })
	})
	budgets = append(budgets, b.Budgets...)
	slices.SortFunc(budgets, func(x, y BenchBudget) int { return strings.Compare(x.Key, y.Key) })
	return BenchService{Edits: edits, Budgets: budgets, Erratic: a.Erratic, Position: b.Position}
}

// scenarios are those of a service, or of any.
func (b *Bench) scenarios(service string) []string {
	out := slices.Clone(BenchScenarios)
	for _, name := range slices.Sorted(maps.Keys(b.Services)) {
		if service == "" || name == service {
			out = joined(out, slices.Sorted(maps.Keys(b.Services[name].Edits)))
		}
	}
	return out
}

func (s *section) isService(m *model, path, name string) bool {
	if _, known := Find(m.all, name); known {
		return true
	}
	if lookUp(m.project, name).Name != "" {
		s.fail(path, "service %q has no build section", name)
		return false
	}
	var known []string
	for _, svc := range m.all {
		known = append(known, svc.Name)
	}
	s.fail(path, "no such service: %s%s", name, didYouMean(name, known))
	return false
}

func (s *section) isScenario(path, name string, known []string) {
	if !slices.Contains(known, name) {
		s.fail(path, "unknown scenario %q%s", name, didYouMean(name, known))
	}
}

func (s *section) checkBudgets(budgets []BenchBudget, known []string) {
	for _, b := range budgets {
		if b.What != BudgetSize && !slices.Contains(known, b.Scenario) {
			hint := didYouMean(b.Scenario, slices.Concat(known, []string{ImageBudget}))
			s.errs = append(s.errs, fmt.Errorf("%s: budget %s: unknown scenario %q%s", b.Position, b.Key, b.Scenario, hint))
		}
	}
}
