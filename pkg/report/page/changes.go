package page

import (
	"fmt"
	"math"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

const changesRows = 24

// changes shows every ratio with its interval around the line of no change, the most urgent first.
func changes(s *session.Session) section {
	out := section{
		ID: "changes", Title: "What changed",
		Lead: "Each dot is the change against " + baseName(s) + ", the bar its interval. Left of the line is less, right of it more.",
		Key:  []swatch{{"up", "slower or larger"}, {"down", "faster or smaller"}, {"level", "same"}, {"open", "cannot tell"}},
	}
	all := results(s)
	var rows []session.Result
	far := math.Log(1.1)
	for _, r := range gated(s) {
		if r.Ratio > 0 && r.Base > 0 && r.Head > 0 && len(rows) < changesRows {
			rows = append(rows, r)
			for _, v := range []float64{r.Ratio, r.Lo, r.Hi} {
				far = max(far, min(math.Abs(math.Log(positive(v))), 3))
			}
		}
	}
	if len(rows) == 0 {
		out.Absent = "No changes: " + map[bool]string{true: "nothing here has a counterpart in " + baseName(s) + ".", false: "there is nothing to compare with."}[s.Compare != nil]
		return out
	}
	const top, pitch = 24.0, 37.0
	// On a scale of logarithms a doubling is as far from the middle as a halving.
	x := scale{-far * 1.04, far * 1.04, 0.02, 0.98}
	height := top + pitch*float64(len(rows)) + 2
	var c canvas
	for _, ratio := range ratios(far) {
		class, text := "grid", change(ratio)
		if ratio == 1 {
			class, text = "zero", "0"+nbsp+"%"
		}
		c.line(class, x.at(math.Log(ratio)), top-6, x.at(math.Log(ratio)), height)
		c.label("t c", x.at(math.Log(ratio)), top-11, 0, text)
	}
	y := top
	for i, r := range rows {
		if i > 0 {
			c.line("grid", 0, y, 1, y)
		}
		c.row("over", 0.78, y+1, 18, subject(&r)+", "+what(&r))
		title := subject(&r) + ", " + what(&r) + ": " + verdictWord(&r) + ", " + movement(&r)
		class := map[string]string{session.Slower: "up", session.Faster: "down", session.Same: "level"}[r.Verdict]
		if class == "" {
			class = "open"
		}
		_, glyph := tone(&r)
		c.label("v e "+class+"t", 1, y+14, 0, glyph+" "+change(r.Ratio))
		if r.Hi > r.Lo && r.Lo > 0 {
			c.bar(class+" iv", x.at(math.Log(r.Lo)), x.at(math.Log(r.Hi)), y+23, 5, "interval: "+change(r.Lo)+" to "+change(r.Hi))
		}
		c.dot(class, x.at(math.Log(r.Ratio)), y+25.5, 4.5, title)
		y += pitch
	}
	fig := figure{SVG: c.svg(height, fmt.Sprintf("Changes of %d results against %s. %s", len(rows), baseName(s), headline(s).Text))}
	if len(all) > len(rows) {
		fig.More = fmt.Sprintf("%d more results are in the table.", len(all)-len(rows))
	}
	out.Figures = []figure{fig}
	out.Tables = []table{changesTable(s, all)}
	return out
}

// ratios are the lines of a scale that goes far to both sides: fewer the farther it goes.
func ratios(far float64) []float64 {
	up := []float64{1.25, 1.5, 2, 3, 4, 8, 16}
	switch {
	case far < 0.2:
		up = []float64{1.05, 1.1, 1.15}
	case far < 0.45:
		up = []float64{1.1, 1.25, 1.4}
	case far > 1.6:
		up = []float64{2, 4, 8, 16}
	case far > 0.8:
		up = []float64{2, 4}
	}
	out := []float64{1}
	for _, r := range up {
		if math.Log(r) <= far {
			out = append(out, r, 1/r)
		}
	}
	return out
}

func changesTable(s *session.Session, all []session.Result) table {
	t := table{Caption: "Every result against " + baseName(s), Numbers: 2, Words: 6}
	t.Head = []string{"Of", "Metric", baseName(s), "Here", "Change", "Interval", "Verdict", "Remark"}
	for _, r := range all {
		row := []string{subject(&r), what(&r), "–", "–", "–", "–", verdictWord(&r), remark(&r)}
		if r.Base > 0 {
			row[2] = amount(r.Metric, r.Base)
		}
		if r.Head > 0 {
			row[3] = amount(r.Metric, r.Head)
		}
		if r.Base > 0 && r.Head > 0 {
			row[4] = change(r.Ratio)
		}
		if r.Hi > r.Lo {
			row[5] = change(r.Lo) + " to " + change(r.Hi)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
