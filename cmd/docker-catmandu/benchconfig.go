package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
	"github.com/docker-catmandu/docker-catmandu/pkg/rig"
	"github.com/docker-catmandu/docker-catmandu/pkg/sample"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

var defaultScenarios = []string{rig.Warm, rig.Source, rig.Deps, rig.Cold}

// configure takes what the project says of its benchmarks.
func (s *subject) configure(o *benchOptions) error {
	s.config = s.project.Config.Bench
	switch {
	case len(o.scenarios) > 0:
		s.scenarios = slices.Compact(slices.Clone(o.scenarios))
	case len(s.config.Scenarios) > 0:
		s.scenarios = s.config.Scenarios
	default:
		s.scenarios = defaultScenarios
	}
	s.edits = map[string]map[string][]rig.Change{}
	own := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(s.config.Services)) {
		service := s.config.Services[name]
		if service.Erratic {
			s.erratic = append(s.erratic, name)
		}
		s.edits[name] = map[string][]rig.Change{}
		for scenario, e := range service.Edits {
			own[scenario] = true
			s.edits[name][scenario] = changes(e)
		}
	}
	for _, scenario := range s.scenarios {
		if known := append(slices.Clone(rig.Known), slices.Sorted(maps.Keys(own))...); !slices.Contains(known, scenario) {
			return usageError("--scenario %s: there is no such scenario (there are %s)\nhint: x-catmandu.bench.services.NAME.edits.%s makes one",
				scenario, strings.Join(slices.Compact(known), ", "), scenario)
		}
	}
	s.effects = effectsOf(s.project)
	return nil
}

func changes(e compose.BenchEdit) []rig.Change {
	if e.Run != "" {
		return []rig.Change{{Run: e.Run}}
	}
	var out []rig.Change
	for _, path := range e.Paths {
		out = append(out, rig.Change{Path: path})
	}
	return out
}

// bounds are the budgets of what is measured: one of a kind stands over one of both.
func (s *subject) bounds() []session.Bound {
	var out []session.Bound
	for _, name := range slices.Sorted(maps.Keys(s.config.Services)) {
		if len(s.services) > 0 && !slices.Contains(s.services, name) {
			continue
		}
		out = append(out, s.bound(name, s.config.Services[name].Budgets)...)
	}
	if len(s.services) == 0 {
		out = append(out, s.bound("", s.config.Total)...)
	}
	return out
}

func (s *subject) bound(service string, budgets []compose.BenchBudget) []session.Bound {
	var out []session.Bound
	for _, b := range budgets {
		if b.Scenario != "" && !slices.Contains(s.scenarios, b.Scenario) {
			continue // it was not asked for
		}
		kinds := []string{b.Kind}
		if b.Kind == "" {
			kinds = kinds[:0]
			for kind := range s.versions[0].Plans {
				if !slices.ContainsFunc(budgets, func(other compose.BenchBudget) bool {
					return other.Kind != "" && other.Kind == kind && strings.TrimPrefix(other.Key, kind+".") == b.Key
				}) {
					kinds = append(kinds, kind)
				}
			}
			slices.Sort(kinds)
		} else if s.versions[0].Plans[b.Kind] == nil {
			continue
		}
		for _, kind := range kinds {
			out = append(out, session.Bound{Service: service, Kind: kind, Scenario: b.Scenario, Stage: b.Stage, What: b.What, Limit: b.Limit})
		}
	}
	return out
}

// rules are what the project decides about comparisons.
func (s *subject) rules(ctx context.Context, allow []string) session.Rules {
	return rulesOf(ctx, s.project, s.effects, allow)
}

// rulesOf are those of a project. A session is after an accepted change when its revision has that as an ancestor.
func rulesOf(ctx context.Context, project *compose.Project, effects session.Effects, allow []string) session.Rules {
	since := func(epoch string, past *session.Session) bool {
		if past.VCS == nil || past.VCS.Revision == "" {
			return false
		}
		accepted, err := revision.MergeBase(ctx, project.Dir, epoch, epoch)
		if err != nil {
			return false
		}
		parted, err := revision.MergeBase(ctx, project.Dir, epoch, past.VCS.Revision)
		return err == nil && parted == accepted
	}
	return session.Rules{Effects: effects, Allow: allow, Epochs: project.Config.Bench.Epochs, Since: since}
}

// effectsOf are the least differences that count for a project.
func effectsOf(project *compose.Project) session.Effects {
	out := session.Effects{}
	for metric, own := range map[string]*compose.Effect{
		session.Wall: project.Config.Bench.MinEffect.Wall, session.CPU: project.Config.Bench.MinEffect.CPU,
		session.Size: project.Config.Bench.MinEffect.Size,
	} {
		out[metric] = session.DefaultEffects[metric]
		if own != nil {
			out[metric] = sample.Effect{Ratio: own.Ratio, Absolute: own.Least}
		}
	}
	return out
}

// estimateWords says how long the session took the last time.
func (s *subject) estimateWords() string {
	if s.estimate == 0 {
		return ""
	}
	return fmt.Sprintf("about %s as the last time", shortDuration(s.estimate))
}
