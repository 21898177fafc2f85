package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/guptarohit/asciigraph"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// Of a chart in a terminal.
const (
	chartHeight = 8
	chartWidth  = 70
	// chartLeast is how many points make a line.
	chartLeast = 3
)

// History writes what became of series over the sessions of a project: a chart of those that compare with the last one, and a
// table of all.
func History(w io.Writer, trends []session.Trend) error {
	var b strings.Builder
	for i := range trends {
		if i > 0 {
			b.WriteString("\n")
		}
		trend(&b, &trends[i])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func trend(b *strings.Builder, t *session.Trend) {
	fmt.Fprintf(b, "%s, %s\n", caseName(t.Case), trendMetric(t.Metric))
	var line []float64
	for _, p := range t.Points {
		if p.Comparable {
			line = append(line, p.Median)
		}
	}
	if len(line) >= chartLeast {
		b.WriteString(asciigraph.Plot(line, asciigraph.Height(chartHeight), asciigraph.Width(min(chartWidth, 4*len(line))), asciigraph.Precision(2)))
		b.WriteString("\n")
	}
	rows := [][]string{{"STARTED", "COMMIT", "MEDIAN", "RANGE", "NOISE", "SAVED", "IMAGE", ""}}
	for _, p := range t.Points {
		rows = append(rows, pointRow(t, &p))
	}
	writeColumns(b, rows)
}

func trendMetric(metric string) string {
	switch metric {
	case session.CPU:
		return "CPU seconds"
	case session.Size:
		return "image size"
	}
	return "seconds"
}

func pointRow(t *session.Trend, p *session.Point) []string {
	median, interval := seconds(p.Median), bounds(p.Median, p.Lo, p.Hi)
	if t.Metric == session.Size {
		median, interval = bytesText(p.Median), absent
	}
	saved, bytes := absent, absent
	if p.Rate != nil {
		saved = share(*p.Rate)
	}
	if p.Bytes > 0 {
		bytes = bytesText(float64(p.Bytes))
	}
	return []string{
		p.Started.Local().Format("2006-01-02 15:04"), short(p.Revision), median, interval, share(p.Noise), saved, bytes, pointNote(p),
	}
}

func pointNote(p *session.Point) string {
	var notes []string
	if p.Change != nil {
		notes = append(notes, "← change: "+change(1+*p.Change))
	}
	if p.Accepted {
		notes = append(notes, "accepted from here on")
	}
	if !p.Comparable {
		notes = append(notes, "another machine or other settings")
	}
	return strings.Join(notes, ", ")
}

// writeColumns writes rows with their cells below each other. Columns that are empty but for their head are left out.
func writeColumns(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	used := make([]bool, len(rows[0]))
	for i, row := range rows {
		for c, text := range row {
			widths[c] = max(widths[c], len([]rune(text)))
			used[c] = used[c] || i > 0 && text != "" && text != absent
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for c, text := range row {
			if used[c] {
				line.WriteString(text + strings.Repeat(" ", widths[c]-len([]rune(text))+2))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// BudgetName is what a budget is for: "api prod source time".
func BudgetName(b session.Budget) string { return budgetName(&b) }
