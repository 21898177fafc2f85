package buildx

import (
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// group is a set of targets that are one build under several names, such as a web server and its workers.
type group struct {
	// lead is the target that is built, with the tags of all.
	lead targets.Target
	// services are those of the group, the lead's first.
	services []string
}

// groups puts equal targets together. Docker's own tools build them one by one and send the same image to the engine
// each time: https://github.com/docker/compose/issues/963. place tells where the image of a target goes; it is empty
// where an image can't have several names.
func groups(p *targets.Plan, place func(targets.Target) string) []group {
	var out []group
	byKey := map[string]int{}
	for _, t := range p.Targets {
		where := place(t)
		key := where + targets.Definition(t)
		i, known := byKey[key]
		if !known || where == "" {
			byKey[key] = len(out)
			out = append(out, group{t, []string{t.Service}})
			continue
		}
		out[i].add(t)
	}
	return out
}

// add puts a target into the group. One that was asked for leads those that others are only built from.
func (g *group) add(t targets.Target) {
	if g.lead.Linked && !t.Linked {
		g.lead, t = t, g.lead
		g.services = slices.Insert(g.services, 0, g.lead.Service)
	} else {
		g.services = append(g.services, t.Service)
	}
	if t.Linked { // nothing is exported of it
		return
	}
	for _, tag := range t.Tags {
		if !slices.Contains(g.lead.Tags, tag) {
			g.lead.Tags = append(slices.Clone(g.lead.Tags), tag)
		}
	}
	for _, entry := range t.CacheTo {
		if !slices.Contains(g.lead.CacheTo, entry) {
			g.lead.CacheTo = append(slices.Clone(g.lead.CacheTo), entry)
		}
	}
	for _, tag := range t.Build.Tags {
		if !slices.Contains(g.lead.Build.Tags, tag) {
			g.lead.Build.Tags = append(slices.Clone(g.lead.Build.Tags), tag)
		}
	}
}
