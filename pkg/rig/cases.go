package rig

import (
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Cases are all that can be measured, the services one by one and the project as a whole.
func (r *Rig) Cases() []session.Case {
	out := []session.Case{}
	head := r.versions[session.Head]
	for _, kind := range sortedKinds(head.Plans) {
		services := wanted(head.Plans[kind])
		for _, scenario := range r.Scenarios {
			for _, service := range r.measured(kind, services) {
				for _, v := range r.Versions {
					c := session.Case{Service: service, Kind: kind, Scenario: scenario, Version: v.Name}
					if r.versions[v.Name].has(c) && head.has(session.Case{Service: service, Kind: kind, Scenario: scenario}) {
						out = append(out, c)
					}
				}
			}
		}
	}
	return out
}

// measured are the services one by one, and empty for all of them.
func (r *Rig) measured(kind string, services []string) []string {
	if r.Whole || len(services) == 1 && r.SameServices(kind) {
		return []string{""}
	}
	return append(slices.Clone(services), "")
}

// MeasuredAs is the service of the cases in which a service is measured by itself: one that is the whole project is measured as
// that. Not ok is that it is measured with others only.
func (r *Rig) MeasuredAs(kind, service string) (as string, ok bool) {
	services := r.Services(session.Head, kind)
	cases := r.measured(kind, services)
	if !slices.Contains(cases, service) && slices.Equal(services, []string{service}) {
		service = ""
	}
	return service, slices.Contains(cases, service)
}

// SameServices tells whether all versions have the same services.
func (r *Rig) SameServices(kind string) bool {
	for _, v := range r.versions {
		if !slices.Equal(r.Services(v.Name, kind), r.Services(session.Head, kind)) {
			return false
		}
	}
	return true
}

// Services are those of a version that are measured; sorted.
func (r *Rig) Services(version, kind string) []string {
	v := r.versions[version]
	if v == nil || v.Plans[kind] == nil {
		return nil
	}
	return slices.Sorted(slices.Values(wanted(v.Plans[kind])))
}

// has tells whether a version can be built for a case.
func (v *version) has(c session.Case) bool {
	plan := v.Plans[c.Kind]
	if plan == nil || c.Service != "" && !slices.Contains(wanted(plan), c.Service) {
		return false
	}
	return !IsEdit(c.Scenario) || len(v.editsOf(c)) > 0
}

// wanted are the services of a plan that were asked for.
func wanted(plan *targets.Plan) []string {
	var out []string
	for _, t := range plan.Targets {
		if !t.Linked {
			out = append(out, t.Service)
		}
	}
	return out
}

func sortedKinds(plans map[string]*targets.Plan) []string {
	var out []string
	for _, kind := range []string{"", string(targets.Prod), string(targets.Dev)} {
		if plans[kind] != nil {
			out = append(out, kind)
		}
	}
	return out
}
