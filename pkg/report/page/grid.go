package page

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// gridRows are the steps of one service that are drawn.
const gridRows = 24

// grids tell for each step and scenario whether it ran.
func grids(s *session.Session, room int) section {
	out := section{
		room: room,
		ID:   "cache", Title: "What the cache keeps", Grid: true, Front: 8,
		Lead: "Steps of each service in the run in the middle of each scenario, in this version. Numbers are seconds, from 100 on minutes and seconds.",
		Key:  []swatch{{"ran", "ran"}, {"hit", "cached"}, {"none", "not part of the build"}},
	}
	type service struct{ name, kind string }
	var services []service
	runs := map[service]map[string]session.Run{}
	base := map[key]session.Run{}
	for _, r := range medianRuns(s) {
		sv := service{r.Service, r.Kind}
		switch {
		case r.Version == session.Base:
			base[keyOf(r.Case)] = r
		case len(r.Steps) > 0:
			if runs[sv] == nil {
				services = append(services, sv)
				runs[sv] = map[string]session.Run{}
			}
			runs[sv][r.Scenario] = r
		}
	}
	if len(services) == 0 {
		out.Absent = "No grid: this session has no valid runs with their steps."
		return out
	}
	if s.Compare != nil && len(base) > 0 {
		out.Key = append(out.Key, swatch{"ran was", "ran here, was cached in " + baseName(s)})
	}
	slices.SortStableFunc(services, func(a, b service) int {
		return cmp.Or(byService(a.name, b.name), byKind(a.kind, b.kind))
	})
	for _, sv := range services {
		g := newGrid(runs[sv], sv.name == "")
		for _, scenario := range g.scenarios {
			if b, ok := base[key{sv.name, sv.kind, scenario}]; ok {
				g.was[scenario] = stepsByName(&b)
			}
		}
		out.add(g.figure(serviceName(sv.name, sv.kind), baseName(s)))
	}
	out.close()
	return out
}

// gridStep is a row.
type gridStep struct{ stage, name string }

type grid struct {
	scenarios []string
	rows      []gridStep
	cells     map[string]map[gridStep]*session.Step
	was       map[string]map[gridStep]*session.Step
	omitted   int
}

// stepsByName are those of a run; of equal ones in a stage, the first.
func stepsByName(r *session.Run) map[gridStep]*session.Step {
	out := map[gridStep]*session.Step{}
	for i := range r.Steps {
		k := gridStep{stageOf(&r.Steps[i], r.Service == ""), instruction(r.Steps[i].Name)}
		if out[k] == nil {
			out[k] = &r.Steps[i]
		}
	}
	return out
}

func newGrid(runs map[string]session.Run, whole bool) *grid {
	g := &grid{cells: map[string]map[gridStep]*session.Step{}, was: map[string]map[gridStep]*session.Step{}}
	for scenario := range runs {
		g.scenarios = append(g.scenarios, scenario)
	}
	slices.SortFunc(g.scenarios, byScenario)
	var stages []string
	for _, scenario := range g.scenarios {
		r := runs[scenario]
		g.cells[scenario] = stepsByName(&r)
		for i := range r.Steps {
			k := gridStep{stageOf(&r.Steps[i], whole), instruction(r.Steps[i].Name)}
			if !slices.Contains(stages, k.stage) {
				stages = append(stages, k.stage)
			}
			if !slices.Contains(g.rows, k) {
				g.rows = append(g.rows, k)
			}
		}
	}
	slices.SortStableFunc(g.rows, func(a, b gridStep) int {
		return cmp.Compare(slices.Index(stages, a.stage), slices.Index(stages, b.stage))
	})
	if len(g.rows) > gridRows {
		g.omitted = len(g.rows) - gridRows
		g.rows = g.rows[:gridRows]
	}
	return g
}

func (g *grid) figure(name, baseName string) figure {
	const pitch, left = 22.0, 0.46
	top := 22.0
	column := (1 - left) / float64(max(len(g.scenarios), 3))
	longest := 0
	for _, scenario := range g.scenarios {
		longest = max(longest, len(scenario))
	}
	turned := float64(longest)*6.4 > column*340 // names that would meet on a phone
	if turned {
		top = 20 + min(float64(longest), 14)*4.4
	}
	var c canvas
	for i, scenario := range g.scenarios {
		x := left + (float64(i)+0.5)*column
		if !turned {
			c.label("t c", x, top-8, 0, scenario)
			continue
		}
		c.b.WriteString(`<svg x="` + share(x) + `" y="` + num(top-8) + `" overflow="visible"><text class="t" transform="rotate(-40)">`)
		c.text(clip(scenario, 14))
		c.b.WriteString("</text></svg>")
	}
	y, ran, hits := top, 0, 0
	for i, row := range g.rows {
		if i == 0 || row.stage != g.rows[i-1].stage {
			c.row("st", left-0.02, y+2, 20, row.stage)
			y += 22
		}
		c.row("", left-0.02, y+1, 18, row.name)
		for i, scenario := range g.scenarios {
			x := left + float64(i)*column
			step := g.cells[scenario][row]
			switch {
			case step == nil:
				c.dot("none", x+column/2, y+pitch/2, 1.5, scenario+": not part of the build")
			case step.Cached:
				hits++
				c.bar("hit", x+0.008, x+column-0.008, y+2, pitch-4, scenario+": cached")
			default:
				ran++
				class, title, sign := "ran", scenario+": "+stepTitle(step), ""
				if was := g.was[scenario][row]; was != nil && was.Cached {
					class, title, sign = "ran was", title+"; was cached in "+baseName, "▲"
				}
				c.bar(class, x+0.008, x+column-0.008, y+2, pitch-4, title)
				c.label("on c", x+column/2, y+15, 0, sign+brief(step.Seconds))
			}
		}
		y += pitch
	}
	fig := figure{Title: name, SVG: c.svg(y+2, fmt.Sprintf("Cache of %s: of %d steps in %d scenarios, %d ran and %d were cached.", name, len(g.rows), len(g.scenarios), ran, hits))}
	if g.omitted > 0 {
		fig.More = fmt.Sprintf("%d more steps are not drawn.", g.omitted)
	}
	return fig
}

func cacheTable(s *session.Session) []table {
	if len(s.Cache) == 0 {
		return nil
	}
	t := table{Caption: "Cached steps", Head: []string{"Of", "Version", "Cached", "By steps", "By cold time", "Saved", "First that ran", "Ran for nothing"}, Numbers: 2, Words: 6}
	all := slices.Clone(s.Cache)
	slices.SortStableFunc(all, func(a, b session.Cache) int {
		return cmp.Or(compareKeys(keyOf(a.Case), keyOf(b.Case)), -cmp.Compare(a.Version, b.Version))
	})
	for _, x := range all {
		row := []string{keyOf(x.Case).String(), versionName(s, x.Version), fmt.Sprintf("%d/%d", x.Hits, x.Steps), percent(x.Rate), "–", "–", "–", "–"}
		if x.TimeRate != nil {
			row[4], row[5] = percent(*x.TimeRate), seconds(x.SavedSeconds)
		}
		if x.FirstMiss != nil {
			row[6] = miss(x.FirstMiss)
		}
		var wasted []string
		for _, w := range x.Wasted {
			wasted = append(wasted, miss(&w))
		}
		if len(wasted) > 0 {
			row[7] = few(wasted)
		}
		t.Rows = append(t.Rows, row)
	}
	return []table{t}
}
