package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

// currentPlans are what the files say now: what Docker Compose would build, production and development.
func (a *app) currentPlans(ctx context.Context, from *planFlags) ([]*targets.Plan, error) {
	type planned struct {
		*targets.Plan
		project *compose.Project
	}
	var waits []func() (planned, error)
	for _, target := range []string{"", string(targets.Prod), string(targets.Dev)} {
		one := *from
		if target != "" {
			one.targets = append(slices.Clone(from.targets), target)
		}
		waits = append(waits, ahead(func() (planned, error) {
			plan, project, err := one.plan(ctx, nil)
			return planned{plan, project}, err
		}))
	}
	var out []*targets.Plan
	for i, wait := range waits {
		p, err := wait()
		if err != nil {
			return nil, err
		}
		if i == 0 {
			a.warn(p.Plan, p.project)
		}
		out = append(out, p.Plan)
	}
	return out, nil
}

// graphs makes those of all plans, each target once, and adds what they say to a question.
func (h *holdings) graphs(ctx context.Context, q *usage.Question) ([]steps.Source, error) {
	var all []steps.Source
	seen := map[string]bool{}
	contents := steps.NewContents(steps.NewDisk(""))
	var made []func() ([]steps.Source, error)
	for _, plan := range h.plans {
		made = append(made, ahead(func() ([]steps.Source, error) { return h.live.Graphs(ctx, plan, buildx.Asking{}) }))
	}
	for i, plan := range h.plans {
		sources, err := made[i]()
		if err != nil {
			return nil, err
		}
		for _, s := range sources {
			key, err := json.Marshal(struct {
				Service, Platform, Stage, Dockerfile string
				Image                                []byte
			}{s.Service, s.Platform, s.Stage, s.Dockerfile, s.Image})
			if err != nil {
				return nil, err
			}
			if seen[string(key)] {
				continue
			}
			seen[string(key)] = true
			if err := contents.Know(s); err != nil {
				return nil, err
			}
			g, err := steps.New(ctx, s, contents, steps.Rules{Plain: h.live.Plain()})
			if err != nil {
				return nil, fmt.Errorf("service %q: %w", s.Service, err)
			}
			if g.Unknown != "" {
				h.unknown = append(h.unknown, fmt.Sprintf("service %q: %s", s.Service, g.Unknown))
			}
			q.Targets = append(q.Targets, usage.Target{Kind: string(plan.Kind), Graph: g})
			for _, dir := range s.Folders {
				q.Locals[buildx.FolderName(dir)] = true
			}
			all = append(all, s)
		}
	}
	return all, nil
}
