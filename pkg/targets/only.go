package targets

import (
	"slices"
	"strings"
)

// Only is the part of a plan that some services and what they are built from need.
func (p *Plan) Only(services ...string) *Plan {
	wanted := map[string]bool{}
	var want func(service string)
	want = func(service string) {
		if wanted[service] {
			return
		}
		wanted[service] = true
		for _, t := range p.Targets {
			if t.Service != service {
				continue
			}
			for _, from := range t.Build.AdditionalContexts {
				if linked, ok := strings.CutPrefix(from, "service:"); ok {
					want(linked)
				}
			}
		}
	}
	for _, service := range services {
		want(service)
	}
	out := *p
	out.Targets = []Target{}
	for _, t := range p.Targets {
		if wanted[t.Service] {
			t.Linked = t.Linked || !slices.Contains(services, t.Service)
			out.Targets = append(out.Targets, t)
		}
	}
	return &out
}
