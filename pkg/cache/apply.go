package cache

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Look leaves out imports of folders that hold no cache: BuildKit's client would make them.
func (s *Settings) Look(has func(dir string) bool) {
	for _, b := range s.Builds {
		for i, e := range b.Imports {
			if dir := LocalSource(e.Spec); dir != "" {
				b.Imports[i].Absent = !has(dir)
			}
		}
	}
}

// Probe leaves out automatic exports to folders that can't be written: they would fail the build before it begins.
func (s *Settings) Probe(write func(dir string) error) {
	for i := range s.Builds {
		b := &s.Builds[i]
		b.Exports = slices.DeleteFunc(b.Exports, func(e Entry) bool {
			parsed, ok := parse(e.Spec)
			if e.Declared || !ok || parsed.kind != Local {
				return false
			}
			err := write(parsed.attrs["dest"])
			if err != nil {
				b.NotExported = err.Error()
				s.Notes = append(s.Notes, fmt.Sprintf("service %q: no cache is exported: %v", b.Services[0], err))
			}
			return err != nil
		})
	}
}

// Apply writes the settings into a plan. Services that are one build all import, so that they stay one, and one of them exports.
func (s *Settings) Apply(plan *targets.Plan) {
	for _, b := range s.Builds {
		exporter := lead(plan, b)
		for i := range plan.Targets {
			t := &plan.Targets[i]
			if !slices.Contains(b.Services, t.Service) {
				continue
			}
			t.CacheFrom, t.CacheTo = []string{}, []string{}
			for _, e := range b.Imports {
				if !e.Absent {
					t.CacheFrom = append(t.CacheFrom, e.Spec)
				}
			}
			for _, e := range b.Exports {
				// An inline cache makes another image, so it is of all services.
				if parsed, ok := parse(e.Spec); t.Service == exporter || ok && parsed.kind == Inline {
					t.CacheTo = append(t.CacheTo, e.Spec)
				}
			}
		}
	}
}

// lead is the service of a build that exports: the first one that is not only there for others.
func lead(plan *targets.Plan, b Build) string {
	for _, t := range plan.Targets {
		if !t.Linked && slices.Contains(b.Services, t.Service) {
			return t.Service
		}
	}
	return b.Services[0]
}

// Active tells that there is something to say that the plan alone doesn't: an automatic cache, a repair, or a reason for none.
func (s *Settings) Active() bool {
	if s.Backend != None {
		return true
	}
	for _, b := range s.Builds {
		for _, e := range slices.Concat(b.Imports, b.Exports) {
			if !e.Declared || e.Absent || e.Reason != "cache_from" && e.Reason != "cache_to" {
				return true
			}
		}
	}
	return false
}

// Short is what the user knows an import by: BuildKit calls it by its reference, or by its type and a number. What all caches of
// the settings begin with is left out.
func (s *Settings) Short(b Build, name string) string {
	kind, number, _ := strings.Cut(name, ":")
	if number != "" && strings.Trim(number, "0123456789") == "" {
		name = kind
		var there []Entry
		for _, e := range b.Imports {
			if parsed, ok := parse(e.Spec); ok && string(parsed.kind) == kind && !e.Absent {
				there = append(there, e)
			}
		}
		if len(there) == 1 {
			parsed, _ := parse(there[0].Spec)
			name = cmp.Or(parsed.attrs["src"], parsed.attrs["scope"], parsed.attrs["name"], kind)
		}
	}
	if s.Place != "" {
		for _, separator := range []string{":", "/", `\`} {
			name = strings.TrimPrefix(name, s.Place+separator)
		}
	}
	return strings.TrimPrefix(name, marker+"."+b.Scope.Slugs().Project+".")
}
