package page

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// spreads are strip plots: every value of every series.
func spreads(s *session.Session, room int) section {
	out := section{
		room: room,
		ID:   "values", Title: "Every value", Grid: true, Front: 8,
		Lead: "Each dot is one valid run; the tick is the median, the bar behind it its interval. Axes differ from chart to chart and need not begin at zero.",
		Key:  []swatch{{"hd", "run"}, {"hi", "interval of the median"}, {"ring", "outlier, kept"}},
	}
	type metricKey struct {
		key
		metric string
	}
	order, series := pairs(s.Series, func(r *session.Series) (metricKey, string) {
		return metricKey{keyOf(r.Case), r.Metric}, r.Version
	})
	gate := func(k metricKey) int {
		for _, v := range series[k].versions() {
			if v.of != nil && v.of.Gate {
				return 0
			}
		}
		return 1
	}
	rank := ranks(s)
	slices.SortStableFunc(order, func(a, b metricKey) int {
		return cmp.Or(cmp.Compare(rank[a.key], rank[b.key]), compareKeys(a.key, b.key), cmp.Compare(gate(a), gate(b)), cmp.Compare(a.metric, b.metric))
	})
	var empty []string
	for _, k := range order {
		if f := spread(s, k.String(), k.metric, series[k]); f.SVG != "" {
			out.add(f)
		} else {
			empty = append(empty, k.String()+", "+metricName(k.metric))
		}
	}
	if len(order) == 0 {
		out.Absent = "No values: nothing was measured."
	}
	if len(empty) > 0 {
		out.Notes = append(out.Notes, "No valid run, so no value: "+few(empty)+".")
	}
	out.close()
	return out
}

// scatter moves dots of one row apart, in the order of their runs, where they would lie on each other.
var scatter = []float64{0, -5, 5, -2.5, 2.5}

func spread(s *session.Session, name, metric string, p pair[session.Series]) figure {
	const top, pitch = 24.0, 30.0
	var all []float64
	rows := 0.0
	for _, v := range p.versions() {
		if v.of != nil && len(v.of.Values) > 0 {
			all = append(append(all, v.of.Values...), v.of.Median)
			rows++
		}
	}
	x := scale{left: 0.17, right: 0.77}
	x.lo, x.hi = around(all)
	height := top + rows*pitch + 2
	var c canvas
	c.axis(x, ticks(x.lo, x.hi, 3, true), axisTime(x.hi), top-6, height)
	y := top + pitch/2
	words := ""
	for _, v := range p.versions() {
		if v.of == nil || len(v.of.Values) == 0 {
			continue
		}
		version, class := "here", "h"
		if v.version == session.Base {
			version, class = baseName(s), "b"
		}
		c.row("", 0.16, y-9, 18, version)
		interval := fmt.Sprintf("%s to %s", seconds(v.of.Lo), seconds(v.of.Hi))
		c.bar(class+"i", x.at(v.of.Lo), x.at(v.of.Hi), y-8, 16, version+": interval of the median "+interval)
		for i, value := range v.of.Values {
			outlier := slices.Contains(v.of.Outliers, i)
			title := fmt.Sprintf("%s, run %d: %s", version, i+1, seconds(value))
			if outlier {
				title += ", an outlier"
				c.dot("ring", x.at(value), y+scatter[i%len(scatter)], 6.5, title)
			}
			c.dot(class+"d", x.at(value), y+scatter[i%len(scatter)], 3.5, title)
		}
		c.tick(class+"m", x.at(v.of.Median), y-10, 20, version+": median "+seconds(v.of.Median))
		c.label("v e", 1, y+4, 0, compact(v.of.Median))
		if words != "" {
			words += "; "
		}
		words += fmt.Sprintf("%s: median %s of %d runs, %s", version, seconds(v.of.Median), len(v.of.Values), interval)
		y += pitch
	}
	return figure{Title: name, Tag: metricName(metric), SVG: c.svg(height, "Values of "+name+", "+metricName(metric)+". "+words)}
}

func seriesTable(s *session.Session) []table {
	if len(s.Series) == 0 {
		return nil
	}
	t := table{Caption: "Every series", Head: []string{"Of", "Metric", "Version", "Median", "Interval", "Level", "Noise", "Runs", "Not valid", "Outliers"}, Numbers: 3, Words: 99}
	all := slices.Clone(s.Series)
	slices.SortStableFunc(all, func(a, b session.Series) int {
		return cmp.Or(compareKeys(keyOf(a.Case), keyOf(b.Case)), cmp.Compare(a.Metric, b.Metric), -cmp.Compare(a.Version, b.Version))
	})
	for _, x := range all {
		row := []string{keyOf(x.Case).String(), metricName(x.Metric), versionName(s, x.Version), "–", "–", "–", "–", fmt.Sprint(len(x.Values)), fmt.Sprint(x.Invalid), fmt.Sprint(len(x.Outliers))}
		if len(x.Values) > 0 {
			row[3], row[4] = seconds(x.Median), seconds(x.Lo)+" to "+seconds(x.Hi)
			row[5], row[6] = percent(x.Level), percent(x.Noise)
		}
		t.Rows = append(t.Rows, row)
	}
	return []table{t}
}
