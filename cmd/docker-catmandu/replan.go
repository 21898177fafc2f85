package main

import (
	"context"
	"errors"
	"maps"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// maxMissed is how often a load is tried again with files that it missed.
const maxMissed = 20

// plan loads the project and decides what a build of services does. Services that can't be built are told apart.
func (r *replica) plan(ctx context.Context, from *planFlags, services []string) (*targets.Plan, map[string]error, error) {
	for range maxMissed {
		plan, broken, err := r.tryPlan(ctx, from, services)
		text := errorText(err)
		for _, one := range broken {
			text += "\n" + one.Error()
		}
		if plan != nil {
			for _, w := range plan.Warnings {
				text += "\n" + w.Message
			}
		}
		more, supplyErr := r.supply(ctx, text)
		if supplyErr != nil {
			return nil, nil, supplyErr
		}
		if !more {
			return plan, broken, err
		}
	}
	return nil, nil, errors.New("more and more files are missing")
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (r *replica) tryPlan(ctx context.Context, from *planFlags, services []string) (*targets.Plan, map[string]error, error) {
	request, err := parseTargets(from.targets)
	if err != nil {
		return nil, nil, err
	}
	options, err := from.project.optionsIn(r)
	if err != nil {
		return nil, nil, err
	}
	options.Variants, options.Services = request.NeedsVariants(), services
	project, err := compose.Load(ctx, options)
	if err != nil && len(services) > 0 && !errors.Is(err, compose.ErrNoFile) { // not all of them may be there
		options.Services = nil
		project, err = compose.Load(ctx, options)
	}
	if err != nil {
		return nil, nil, err
	}
	maps.DeleteFunc(request.Services, func(name, _ string) bool {
		_, there := compose.Find(project.Services, name)
		return !there
	})
	plan, broken, err := newPlan(project, request)
	if err != nil {
		return nil, broken, err
	}
	overrides, err := from.overrides(project.Environment)
	if err == nil {
		plan.Override(overrides)
	}
	return plan, broken, err
}

// newPlan makes a plan of the services that can be built.
func newPlan(project *compose.Project, request targets.Request) (*targets.Plan, map[string]error, error) {
	plan, err := targets.New(project, request)
	if err == nil {
		return plan, nil, nil
	}
	broken := map[string]error{}
	some := *project
	some.Services = nil
	for _, s := range project.Services {
		alone := *project
		alone.Services = []compose.Service{s}
		own := targets.Request{Target: request.Target, Services: map[string]string{}}
		if stage, named := request.Services[s.Name]; named {
			own.Services[s.Name] = stage
		}
		if _, err := targets.New(&alone, own); err != nil {
			broken[s.Name] = err
			continue
		}
		some.Services = append(some.Services, s)
	}
	if len(some.Services) == 0 {
		return nil, broken, err
	}
	maps.DeleteFunc(request.Services, func(name, _ string) bool { return broken[name] != nil })
	plan, err = targets.New(&some, request)
	return plan, broken, err
}
