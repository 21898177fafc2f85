package main

import (
	"context"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/cache"
	"github.com/docker-catmandu/docker-catmandu/pkg/refs"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// automaticRefs adds to plans the caches in a registry that builds of them import and export by themselves, and returns what the names
// of these have in common on all branches. Where automatic caches are elsewhere, or nowhere, plans stay as they are.
func (a *app) automaticRefs(ctx context.Context, from *planFlags, plans []*targets.Plan) ([]*targets.Plan, []refs.Scope, error) {
	project, err := from.project.load(ctx, nil, false)
	if err != nil {
		return nil, nil, err
	}
	ask := cacheAsk{from: from, flag: cacheFlag{string(cache.Auto)}, plan: plans[0], project: project}
	in, err := ask.surroundings(a.job)
	if err != nil {
		return nil, nil, err
	}
	if !in.Automatic() {
		return plans, nil, nil
	}
	in.Git = gitState(ctx, plans[0].Dir)
	var variants []cache.Variant
	for _, plan := range plans {
		request := in.Request
		request.Target = string(plan.Kind)
		variants = append(variants, cache.Variant{Request: request, Plan: plan})
	}
	out, scopes := withAutomatic(variants, in)
	return out, scopes, nil
}

// usualPlatforms are those of the builders that a project's caches may be of: another machine's as well as this one's.
var usualPlatforms = []string{nativePlatform, "linux/amd64", "linux/arm64"}

// withAutomatic are copies of plans with their automatic caches in a registry, on each of the usual platforms.
func withAutomatic(variants []cache.Variant, in cache.Surroundings) (plans []*targets.Plan, scopes []refs.Scope) {
	in.Project = variants
	for _, v := range variants {
		in.Request = v.Request
		for _, platform := range usualPlatforms {
			in.Builder.Platform = platform
			plan := *v.Plan
			plan.Targets = slices.Clone(plan.Targets)
			plans = append(plans, &plan)
			s := cache.New(&plan, in)
			if s.Backend != cache.Registry {
				continue
			}
			for _, b := range s.Builds {
				for _, prefix := range []string{b.Scope.Prefix(), b.Scope.JointPrefix()} {
					if scope, ok := automaticScope(s.Place, b.Scope, prefix); ok && !slices.ContainsFunc(scopes, func(o refs.Scope) bool { return o.Prefix == prefix }) {
						scopes = append(scopes, scope)
					}
				}
			}
			s.Apply(&plan)
		}
	}
	return plans, scopes
}

func automaticScope(place string, s cache.Scope, prefix string) (refs.Scope, bool) {
	repository, _, _, err := refs.Split(s.Ref(place))
	return refs.Scope{Repository: repository, Prefix: prefix, Service: s.Service, Slug: cache.BranchSlug}, err == nil
}
