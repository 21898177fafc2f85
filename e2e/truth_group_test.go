//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// group are the predicted steps that are one to BuildKit: those with one name in a service, or with one key.
type group struct {
	steps    []predictedStep
	services []string
	vertexes []*vertex
}

// grouped joins predictions with what they predict.
func grouped(predictions []prediction, seen *observation) []*group {
	var all []*group
	byLabel := map[string]*group{}
	for _, p := range predictions {
		for _, step := range p.Steps {
			g := &group{}
			labels := []string{"name " + p.Service + " " + step.Name}
			if step.Key != "" {
				labels = append(labels, "key "+step.Key)
			}
			for _, label := range labels {
				if old := byLabel[label]; old != nil && old != g {
					old.steps = append(old.steps, g.steps...)
					old.services = append(old.services, g.services...)
					for l, other := range byLabel {
						if other == g {
							byLabel[l] = old
						}
					}
					all = slices.DeleteFunc(all, func(other *group) bool { return other == g })
					g = old
				}
				byLabel[label] = g
			}
			g.steps, g.services = append(g.steps, step), append(g.services, p.Service)
			if !slices.Contains(all, g) {
				all = append(all, g)
			}
		}
	}
	for _, g := range all {
		g.find(seen)
	}
	return all
}

var platformName = regexp.MustCompile(`^\[[a-z0-9]+/[a-z0-9/]+ `)

// find looks for the vertexes of a group. One that is the same for several platforms or services bears the name that it
// has for only one of them.
func (g *group) find(seen *observation) {
	for i, step := range g.steps {
		for _, v := range seen.find(g.services[i], step.Name) {
			if !slices.Contains(g.vertexes, v) {
				g.vertexes = append(g.vertexes, v)
			}
		}
	}
	if len(g.vertexes) > 0 {
		return
	}
	name := g.steps[0].Name
	for _, v := range seen.vertexes {
		other := v.names[0]
		switch p, q := platformName.FindString(name), platformName.FindString(other); {
		case p != "" && q != "" && name[len(p):] == other[len(q):]:
			g.vertexes = append(g.vertexes, v)
		case v.more > 0 && textOf(name) == textOf(other):
			g.vertexes = append(g.vertexes, v)
		}
	}
}

// textOf is the instruction alone.
func textOf(name string) string {
	_, text, _ := strings.Cut(name, "] ")
	return text
}

// predicted is what the steps of a group do together: it runs if one of them does.
func (g *group) predicted() string {
	statuses := map[string]bool{}
	for _, step := range g.steps {
		statuses[step.Status] = true
	}
	for _, status := range []string{runs, unpredictable, cached} {
		if statuses[status] {
			return status
		}
	}
	return fmt.Sprintf("%q", g.steps[0].Status)
}

func actually(vertexes []*vertex) string {
	actual := notReached
	for _, v := range vertexes {
		switch {
		case v.ran && !v.cached || v.downloaded():
			actual = ran
		case v.cached && actual == notReached:
			actual = cached
		}
	}
	return actual
}
