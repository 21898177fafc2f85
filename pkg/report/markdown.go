package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// Limits of what GitHub takes, with some room: it refuses longer comments, and drops longer summaries without a word.
const (
	CommentLimit = 60_000
	SummaryLimit = 900_000
)

// Options bound a report.
type Options struct {
	// Limit is the greatest number of bytes; 0 is that of a comment.
	Limit int
}

// Marker is the first line of a comment, by which the next one finds it.
func Marker(project string) string { return "<!-- catmandu-bench:" + markerName(project) + " -->" }

// markerName keeps a name from ending the comment of HTML that it stands in.
func markerName(project string) string {
	var b strings.Builder
	for i, c := range []byte(project) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_'
		if letter || c == '-' && (i == 0 || project[i-1] != '-') {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// Markdown writes the report for a comment or the summary of a job. What doesn't fit is left out and counted: details first,
// then what did not change.
func Markdown(w io.Writer, s *session.Session, o Options) error {
	if o.Limit <= 0 {
		o.Limit = CommentLimit
	}
	head := Marker(s.Project.Name) + "\n### Build benchmark of " + markdown(cut(plain(s.Project.Name), 80)) + ": " + Summary(s) + "\n"
	if lead := lead(s); lead != "" {
		head += lead + "\n"
	}
	_, err := io.WriteString(w, fit(head, parts(s), o.Limit))
	return err
}

// lead says what was measured against what.
func lead(s *session.Session) string {
	var text []string
	if s.VCS != nil && s.VCS.Revision != "" {
		here := code(short(s.VCS.Revision))
		if s.VCS.Dirty {
			here += " with changes"
		}
		if s.Compare != nil {
			here = code(cut(baseName(s.Compare), 80)) + " → " + here
		}
		text = append(text, here)
	}
	if s.Compare != nil {
		switch {
		case s.Compare.Times == session.No:
			text = append(text, "times are **not comparable**"+whyNot(s.Compare))
		case s.Compare.Times == session.Flagged:
			text = append(text, "times are shown and do not gate"+whyNot(s.Compare))
		case s.Compare.Kind == session.KindAB:
			text = append(text, "both measured in turn on one builder")
		}
	}
	if s.Compare == nil {
		text = append(text, "medians of seconds, in brackets where they may lie")
	}
	return strings.Join(text, ", ")
}

func whyNot(c *session.Compare) string {
	if len(c.Why) == 0 {
		return ""
	}
	var why []string
	for _, w := range c.Why {
		why = append(why, withoutMeaning(w))
	}
	return ": " + markdown(cut(strings.Join(why, "; "), 300))
}

// parts are the report after its head, each with what it is worth.
func parts(s *session.Session) []part {
	var out []part
	add := func(p part) {
		if len(p.rows) > 0 {
			out = append(out, p)
		}
	}
	if s.Compare != nil {
		add(resultPart(s, true))
	} else {
		for _, g := range groups(s) {
			add(tablePart(stageTable(s, g), essential))
		}
	}
	add(budgetPart(s))
	add(whyPart(s))
	add(sizePart(s))
	add(listPart("Not valid, and in no number", invalidRuns(s)))
	add(listPart("", warnings(s)))
	if s.Compare != nil {
		add(folded("unchanged", resultPart(s, false), ordinary))
		for _, g := range groups(s) {
			add(folded("Stages of "+g.name()+", in seconds", tablePart(stageTable(s, g), detail), detail))
		}
	}
	add(folded("Cache", cachePart(s), detail))
	add(folded("Where the time goes: the median run of each", tablePart(phaseTable(s), detail), detail))
	add(folded("Images", tablePart(imageTable(s), detail), detail))
	add(folded("Outliers, which are in the numbers", listPart("", outliers(s)), detail))
	add(part{rows: []string{"<sub>" + markdown(environment(s)) + "</sub>\n"}, worth: essential})
	return out
}

func environment(s *session.Session) string {
	var text []string
	if s.CI != nil && s.CI.Runner != "" {
		text = append(text, plain(s.CI.Runner))
	}
	for _, x := range []string{machineText(s), builderText(s), quiet(s), fmt.Sprintf("seed %d", s.Settings.Seed)} {
		if x != "" {
			text = append(text, x)
		}
	}
	if e := edits(s); e != "" {
		text = append(text, "edited: "+cut(e, 400))
	}
	return strings.Join(text, " · ")
}

func warnings(s *session.Session) []string {
	var out []string
	for _, x := range s.Warnings {
		out = append(out, "⚠️ "+plain(x.Text))
	}
	return out
}
