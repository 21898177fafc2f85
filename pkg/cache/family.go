package cache

import (
	"cmp"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// member is one build of a variant of the project: the services of a group, and what they are called in scopes.
type member struct {
	services []string
	target   string
	// platform is empty for the builder's own.
	platform string
	// file is the Dockerfile with its context; builds of one share its stages.
	file string
	lead targets.Target
}

// membersOf groups the targets of a plan as buildx builds them.
func membersOf(v Variant) []member {
	var out []member
	byKey := map[string]int{}
	for _, t := range v.Plan.Targets {
		label := labelOf(t, v.Request)
		key := label + "\x00" + targets.Definition(t)
		if i, known := byKey[key]; known {
			out[i].services = append(out[i].services, t.Service)
			continue
		}
		byKey[key] = len(out)
		out = append(out, member{
			services: []string{t.Service}, target: label, platform: strings.Join(t.Platforms, ","), lead: t,
			file: t.Context + "\x00" + t.Dockerfile + "\x00" + t.Build.DockerfileInline,
		})
	}
	return out
}

// labelOf is what a target is called in a scope. It is what was asked for, as a project may choose any stage for a kind.
func labelOf(t targets.Target, r targets.Request) string {
	wanted := cmp.Or(r.Services[t.Service], r.Target)
	switch {
	case wanted == string(targets.Prod) || wanted == string(targets.Dev):
		return wanted
	case wanted != "" && strings.EqualFold(wanted, t.Stage):
		return "stage-" + strings.ToLower(wanted)
	}
	return asDeclared
}

// asDeclared is the label of what Docker Compose would build.
const asDeclared = "default"

// family knows the scopes of all builds of a project.
type family struct {
	project, native string
	// all are the members of all variants; those of the plan itself come last, and name what the others don't have.
	all []member
}

func newFamily(plan *targets.Plan, in Surroundings) family {
	f := family{project: plan.Project, native: cmp.Or(in.Builder.Platform, "linux/amd64")}
	for _, v := range append(slices.Clone(in.Project), Variant{in.Request, plan}) {
		for _, m := range membersOf(v) {
			if !slices.ContainsFunc(f.all, func(known member) bool { return known.covers(m) }) {
				f.all = append(f.all, m)
			}
		}
	}
	return f
}

// covers tells that all services of another member are in this one.
func (m member) covers(other member) bool {
	if m.target != other.target || m.platform != other.platform {
		return false
	}
	for _, s := range other.services {
		if !slices.Contains(m.services, s) {
			return false
		}
	}
	return true
}

// scope is that of a member, without its branch. A part of a group has the group's.
func (f family) scope(m member) Scope {
	for _, known := range f.all {
		if known.covers(m) {
			m = known
			break
		}
	}
	return Scope{Project: f.project, Service: m.services[0], Target: m.target, Platform: cmp.Or(m.platform, f.native)}
}

// kin are the scopes that have steps in common with a member: the same services at other targets, then other services of the
// same Dockerfile.
func (f family) kin(m member) []link {
	var out []link
	own := f.scope(m)
	add := func(other member, why string) {
		s := f.scope(other)
		if s != own && s.Platform == own.Platform && !slices.ContainsFunc(out, func(l link) bool { return l.scope == s }) {
			out = append(out, link{s, why})
		}
	}
	for _, other := range f.all {
		if i := slices.IndexFunc(other.services, func(s string) bool { return slices.Contains(m.services, s) }); i >= 0 {
			add(other, other.services[i]+words(other.target))
		}
	}
	for _, sameTarget := range []bool{true, false} {
		for _, other := range f.all {
			if other.file == m.file && (other.target == m.target) == sameTarget {
				add(other, other.services[0]+" has the same Dockerfile")
			}
		}
	}
	return out
}

// words says which target of a service is meant.
func words(label string) string {
	if label == asDeclared {
		return " as Compose builds it"
	}
	return " at " + strings.TrimPrefix(label, "stage-")
}
