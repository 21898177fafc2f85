package report

import (
	"fmt"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// mdRow is a line of a table. The cells are Markdown already, but for the bars.
func mdRow(cells ...string) string {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// mdHead has names and alignments: a colon for each column that is of numbers.
func mdHead(names []string, numbers int) string {
	var under []string
	for i := range names {
		if i >= numbers {
			under = append(under, "--:")
		} else {
			under = append(under, ":--")
		}
	}
	return mdRow(names...) + "|" + strings.Join(under, "|") + "|\n"
}

// tablePart is a table of the terminal as Markdown.
func tablePart(t grid, w worth) part {
	t = t.dense()
	if len(t) < 2 {
		return part{}
	}
	p := part{worth: w}
	for n, row := range t {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = markdown(c)
		}
		if n == 0 {
			p.head = mdHead(lower(cells), 1)
			continue
		}
		p.rows = append(p.rows, mdRow(cells...))
	}
	return p
}

// lower is for headers in capitals; names of services stay what they are.
func lower(cells []string) []string {
	for i, c := range cells {
		if c == strings.ToUpper(c) {
			cells[i] = strings.ToLower(c)
		}
	}
	return cells
}

// resultPart has the results that say something, or the others.
func resultPart(s *session.Session, say bool) part {
	name := plain(s.Compare.To.Name)
	if name == "" {
		name = "before"
	}
	level := strings.ToLower(levelName(s.Compare))
	p := part{worth: essential, head: mdHead([]string{
		"service", "kind", "scenario", "metric", markdown(cut(name, 40)), "here", "runs", "change (" + level + ")", "verdict",
	}, 4)}
	p.head = strings.TrimSuffix(p.head, "--:|\n") + ":--|\n"
	for _, r := range shownResults(s.Compare) {
		if notable(&r) != say {
			continue
		}
		service, changed := markdown(inTable(r.Service)), ratio(&r)
		if regressed(s.Compare, &r) {
			service, changed = "**"+service+"**", "**"+changed+"**"
		}
		if in := interval(&r); in != "" {
			changed += " (" + in + ")"
		}
		p.rows = append(p.rows, mdRow(service, markdown(r.Kind), markdown(join(plain(r.Scenario), plain(r.Stage), platformOf(s, &r))), metricWord(r.Metric),
			side(s, &r, session.Base, " s"), side(s, &r, session.Head, " s"), runsOf(s, &r), changed, mark(s.Compare, &r)+" "+markdown(quietVerdict(cut(verdict(s.Compare, &r), 200)))))
	}
	return p
}

// quietVerdict is without capitals: there is a mark.
func quietVerdict(text string) string {
	for _, word := range []string{"SLOWER", "LARGER", "NOT VALID"} {
		text = strings.Replace(text, word, strings.ToLower(word), 1)
	}
	return text
}

// mark is what an eye finds first.
func mark(c *session.Compare, r *session.Result) string {
	switch {
	case regressed(c, r):
		return "❌"
	case r.Verdict == session.Faster:
		return "✅"
	case r.Verdict == session.CannotTell:
		return "❔"
	case r.Verdict == session.Same:
		return "➖"
	}
	return "⚠️"
}

func budgetPart(s *session.Session) part {
	p := part{worth: essential, head: mdHead([]string{"budget", "limit", "here", ""}, 1)}
	p.head = strings.TrimSuffix(p.head, "--:|\n") + ":--|\n"
	for _, b := range broken(s) {
		sign, here := map[string]string{session.Over: "❌", session.Borderline: "⚠️"}[b.State], join(budgetValue(&b, b.Value), budgetSpread(s, &b))
		if sign == "" {
			sign, here = "❔", absent
		}
		p.rows = append(p.rows, mdRow(markdown(cut(budgetName(&b), 120)), limitText(&b), here, sign+" "+markdown(stateText(&b))))
	}
	return p
}

func whyPart(s *session.Session) part {
	p := part{worth: essential}
	for _, r := range results(s) {
		if r.Verdict != session.Slower || len(r.Because) == 0 {
			continue
		}
		text := fmt.Sprintf("**Why %s is %s** (%s)\n\n", markdown(resultName(s, &r)), slowerWord(&r), join(difference(&r), unitWord(&r)))
		for _, b := range r.Because {
			text += fmt.Sprintf("- %s **%s** %s\n", stepCode(b.File, b.Line, b.Step), amount(&r, b.Seconds), markdown(b.Text))
			if b.Cause != nil {
				text += fmt.Sprintf("  because of %s: %s\n", stepCode(b.Cause.File, b.Cause.Line, b.Cause.Step), markdown(b.Cause.Why))
			}
		}
		p.rows = append(p.rows, text+"\n")
	}
	return p
}

func stepCode(file string, line int, name string) string {
	return join(optionalCode(place(file, line)), optionalCode(step(name)))
}

func optionalCode(s string) string {
	if s == "" {
		return ""
	}
	return code(s)
}

// sizePart has the images of services; those of stages are a detail.
func sizePart(s *session.Session) part {
	names := []string{"image", "before", "here", "change", "unpacked"}
	if !hasBase(s) {
		names = []string{"image", "pull", "unpacked"}
	}
	p := part{worth: essential, head: mdHead(names, 1)}
	for i := range s.Images {
		x := &s.Images[i]
		if x.Version == session.Base || !x.Final {
			continue
		}
		before, more := absent, absent
		if was := imageBefore(s, x); was != nil {
			before, more = bytesText(float64(was.Bytes)), moreBytes(float64(x.Bytes-was.Bytes))
		}
		name := join(plain(x.Service), plain(x.Kind))
		if severalPlatforms(s) {
			name = join(name, plain(x.Platform))
		}
		pull, unpacked := bytesText(float64(x.Bytes)), bytesText(float64(x.Unpacked))
		if hasBase(s) {
			p.rows = append(p.rows, mdRow(markdown(name), before, pull, more, unpacked))
		} else {
			p.rows = append(p.rows, mdRow(markdown(name), pull, unpacked))
		}
	}
	return p
}

func cachePart(s *session.Session) part {
	p := part{head: mdHead([]string{"service", "kind", "scenario", "steps", "rate", "by time", "saved", "first step that ran"}, 3)}
	p.head = strings.TrimSuffix(p.head, "--:|\n") + ":--|\n"
	for _, x := range cacheRows(s) {
		byTime, saved, first := absent, absent, "none"
		if x.TimeRate != nil {
			byTime, saved = share(*x.TimeRate), seconds(x.SavedSeconds)
		}
		if m := x.FirstMiss; m != nil {
			first = join(stepCode(m.File, m.Line, m.Step), markdown(m.Why))
		}
		p.rows = append(p.rows, mdRow(markdown(inTable(x.Service)), markdown(x.Kind), markdown(x.Scenario), fmt.Sprintf("%d/%d", x.Hits, x.Steps),
			share(x.Rate), byTime, saved, first))
	}
	return p
}

func listPart(title string, items []string) part {
	p := part{worth: essential}
	if title != "" {
		p.head = "**" + markdown(title) + "**\n\n"
	}
	for _, item := range items {
		p.rows = append(p.rows, "- "+markdown(cut(item, 400))+"\n")
	}
	return p
}
