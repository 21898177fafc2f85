package page

import (
	"cmp"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// timelineRows are the steps of one chart.
const timelineRows = 24

// timelines are charts of when which step of a case was at work, those that differ first.
func timelines(s *session.Session, room int) section {
	out := section{
		ID: "timelines", Title: "Where the time goes", Front: 4, room: room,
		Lead: "The run in the middle of each case, step by step. Times count from the start of the build.", Key: timelineKey(s),
	}
	order, runs := pairs(medianRuns(s), func(r *session.Run) (key, string) { return keyOf(r.Case), r.Version })
	if len(order) == 0 {
		out.Absent = "No timelines: this session has no valid runs with their steps."
		return out
	}
	rank := ranks(s)
	slices.SortStableFunc(order, func(a, b key) int {
		return cmp.Or(cmp.Compare(rank[a], rank[b]), -cmp.Compare(wall(runs[a]), wall(runs[b])), compareKeys(a, b))
	})
	var idle []string
	for _, k := range order {
		rows, more := lanes(runs[k])
		if !slices.ContainsFunc(rows, func(l lane) bool { return l.ran() }) {
			idle = append(idle, k.String())
			continue
		}
		out.add(timeline(s, k, runs[k], rows, more))
	}
	if len(idle) > 0 {
		out.Notes = append(out.Notes, "No step ran, so there is nothing to draw: "+few(idle)+".")
	}
	out.close()
	return out
}

func timelineKey(s *session.Session) []swatch {
	out := []swatch{{"hc", "critical path"}, {"hr", "beside it"}, {"ca", "cached"}}
	if s.Compare != nil && s.Compare.Kind == "ab" {
		out = append(out, swatch{"bc", baseName(s)})
	}
	return out
}

func wall(p pair[session.Run]) float64 {
	out := 0.0
	for _, v := range p.versions() {
		if v.of != nil {
			out = max(out, v.of.Wall)
		}
	}
	return out
}

// timeline draws one case: a row for each step, the base under the head.
func timeline(s *session.Session, k key, p pair[session.Run], rows []lane, more string) figure {
	const top, head = 26.0, 22.0
	x := scale{0, wall(p), 0.40, 0.83} // the rest is for the words at the last bar
	for _, l := range rows {           // a clock may be off: nothing is drawn outside
		for _, v := range l.versions() {
			if v.of != nil {
				x.hi = max(x.hi, v.of.End)
			}
		}
	}
	pitch := 19.0
	if p.head != nil && p.base != nil {
		pitch = 24
	}
	height := top + float64(len(rows))*pitch + 6
	for i := range rows {
		if i == 0 || rows[i].stage != rows[i-1].stage {
			height += head
		}
	}
	var c canvas
	c.axis(x, ticks(0, x.hi, 4, true), axisTime(x.hi), top-6, height)
	y := top
	for i, l := range rows {
		if i == 0 || l.stage != rows[i-1].stage {
			c.row("st", 0.39, y+2, head, l.stage)
			y += head
		}
		c.row("", 0.39, y, pitch, instruction(l.any().Name))
		c.steps(x, y+3, l, s)
		y += pitch
	}
	fig := figure{Title: k.String(), SVG: c.svg(height, "Timeline of "+k.String()+": "+timelineWords(s, p)), Note: timelineWords(s, p)}
	fig.More = more
	return fig
}

// steps draws a step of both versions, and says how long it took at the end of the bar.
func (c *canvas) steps(x scale, y float64, l lane, s *session.Session) {
	told := false
	for _, v := range l.versions() {
		if v.of == nil {
			continue
		}
		class, height, name := "h", 9.0, "here"
		if v.version == session.Base {
			class, height, name = "b", 6, baseName(s)
		}
		from, to := x.at(v.of.Start), x.at(v.of.End)
		if v.of.Cached { // the class of the base moves it beside the head's
			c.box(class+"o", from, y, 7, name+": "+stepTitle(v.of))
			continue
		}
		class += map[bool]string{true: "c", false: "r"}[v.of.Critical]
		c.bar(class, from, to, y, height, name+": "+stepTitle(v.of))
		if !told && to-from > 0.012 {
			c.label("v", to, y+8, 4, compact(v.of.Seconds))
			told = true
		}
		y += height + 1
	}
}

// stepTitle is what a mark of a step says.
func stepTitle(step *session.Step) string {
	out := clip(instruction(step.Name), 72)
	if p := place(step.File, step.Line); p != "" {
		out = p + " " + out
	}
	if step.Cached {
		return out + ", cached"
	}
	out += ", " + seconds(step.Seconds)
	if step.CPU > 0 {
		out += ", CPU " + seconds(step.CPU)
	}
	if step.PeakMemory > 0 {
		out += ", memory " + size(float64(step.PeakMemory))
	}
	if step.Critical {
		out += ", on the critical path"
	}
	return out
}

func timelineWords(s *session.Session, p pair[session.Run]) string {
	var out []string
	for _, v := range p.versions() {
		if v.of == nil {
			continue
		}
		name := "here"
		if v.version == session.Base {
			name = baseName(s)
		}
		words := name + " " + seconds(v.of.Wall)
		if v.of.CriticalPath > 0 {
			words += ", critical path " + seconds(v.of.CriticalPath)
		}
		out = append(out, words)
	}
	return strings.Join(out, "; ")
}
