package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// historyPoints are the latest of one chart
const historyPoints = 60

// histories are charts of past sessions: the median of each, its interval as a band, and where it changed.
func histories(trends []session.Trend, room int) section {
	out := section{
		room: room,
		ID:   "history", Title: "Over time", Grid: true, Front: 6,
		Lead: "The median of each session, with its interval. The latest is on the right; axes need not begin at zero.",
		Key:  []swatch{{"hd", "session"}, {"hi", "interval of the median"}, {"cut", "change"}, {"away", "other machine, builder or settings: not comparable"}},
	}
	trends = slices.Clone(trends)
	slices.SortStableFunc(trends, func(a, b session.Trend) int { return compareKeys(keyOf(a.Case), keyOf(b.Case)) })
	var single []string
	for _, t := range trends {
		if t.Version == session.Base {
			continue
		}
		name := keyOf(t.Case).String() + ", " + metricName(t.Metric)
		points := t.Points[max(0, len(t.Points)-historyPoints):]
		if len(points) < 2 {
			single = append(single, name)
			continue
		}
		out.add(history(t, points))
	}
	switch {
	case len(trends) == 0:
		out.Absent = "No history: no earlier session is in the store."
	case len(single) > 0:
		out.Notes = append(out.Notes, "One session makes no line: "+few(single)+".")
	}
	out.close()
	return out
}

func history(t session.Trend, points []session.Point) figure {
	const top, bottom, left, right, height = 34.0, 150.0, 0.15, 0.79, 172.0
	var all []float64
	for _, p := range points {
		all = append(all, p.Median, p.Lo, p.Hi)
	}
	lo, hi := around(all)
	y := func(v float64) float64 { return bottom - (bottom-top)*(v-lo)/(hi-lo) }
	x := scale{0, float64(len(points) - 1), left, right}
	var c canvas
	text := axisTime(hi)
	if t.Metric == session.Size {
		text = roundSize
	}
	for _, v := range ticks(lo, hi, 3, t.Metric != session.Size) {
		c.line("grid", 0, y(v), right+0.02, y(v))
		c.label("t", 0, y(v)-3, 0, text(v))
	}
	c.curve(points, x, y, height)
	changes := 0
	for i, p := range points {
		at := fmt.Sprintf("%s, %s: %s", p.Started.UTC().Format("2 Jan 2006"), shortRevision(p.Revision), amount(t.Metric, p.Median))
		at += fmt.Sprintf(", %s to %s", amount(t.Metric, p.Lo), amount(t.Metric, p.Hi))
		if !p.Comparable {
			c.dot("away", x.at(float64(i)), y(p.Median), 3, at+", not comparable")
			continue
		}
		if p.Rate != nil {
			at += ", cache saved " + percent(*p.Rate)
		}
		if p.Accepted {
			c.tick("epoch", x.at(float64(i)), top, bottom-top, "accepted at "+shortRevision(p.Revision)+": what is older is no measure any more")
			c.label("t c", x.at(float64(i)), top-4, 0, "accepted")
		}
		if p.Change != nil {
			changes++
			c.tick("cut", x.at(float64(i)), top-14, bottom-top+14, fmt.Sprintf("change of %s at %s", change(1+*p.Change), shortRevision(p.Revision)))
			class := "v cutl"
			if i > len(points)/2 {
				class += " e"
			}
			c.label(class, x.at(float64(i)), 12, 0, change(1+*p.Change)+" "+shortRevision(p.Revision))
		}
		c.dot("hd", x.at(float64(i)), y(p.Median), 3, at)
	}
	first, last := points[0], points[len(points)-1]
	latest := compact(last.Median)
	if t.Metric == session.Size {
		latest = size(last.Median)
	}
	c.label("v e", 1, y(last.Median)+4, 0, latest)
	c.label("t", 0, height-4, 0, first.Started.UTC().Format("2 Jan 2006"))
	c.label("t e", right+0.02, height-4, 0, last.Started.UTC().Format("2 Jan 2006"))
	words := fmt.Sprintf("%d sessions, from %s to %s, %d changes", len(points), amount(t.Metric, first.Median), amount(t.Metric, last.Median), changes)
	fig := figure{Title: keyOf(t.Case).String(), Tag: metricName(t.Metric), SVG: c.svg(height, "History of "+keyOf(t.Case).String()+", "+metricName(t.Metric)+": "+words)}
	if n := len(t.Points) - len(points); n > 0 {
		fig.More = fmt.Sprintf("%d older sessions are not drawn.", n)
	}
	return fig
}

// curve draws band and line of what compares. Paths know no shares of a width, so they have a coordinate system of their own,
// which is stretched to it.
func (c *canvas) curve(points []session.Point, x scale, y func(float64) float64, height float64) {
	var upper, lower []string
	var line strings.Builder
	for i, p := range points {
		if !p.Comparable {
			continue
		}
		at := num(float64(i) / x.hi * 1000)
		upper = append(upper, at+" "+fmt.Sprintf("%.1f", y(p.Hi)))
		lower = append(lower, at+" "+fmt.Sprintf("%.1f", y(p.Lo)))
		fmt.Fprintf(&line, "%s%s %.1f", map[bool]string{true: "M", false: "L"}[line.Len() == 0], at, y(p.Median))
	}
	if len(upper) < 2 {
		return
	}
	slices.Reverse(lower)
	c.b.WriteString("<svg")
	c.attr("x", share(x.left), "width", share(x.right-x.left), "height", num(height), "viewBox", "0 0 1000 "+num(height), "preserveAspectRatio", "none")
	c.b.WriteString("><path")
	c.attr("class", "m hi", "d", "M"+strings.Join(append(upper, lower...), "L")+"Z")
	c.mark("path", "intervals of the medians")
	c.b.WriteString("<path")
	c.attr("class", "curve", "d", line.String())
	c.b.WriteString("/></svg>")
}

func shortRevision(r string) string {
	if r == "" {
		return "no revision"
	}
	return r[:min(len(r), 7)]
}
