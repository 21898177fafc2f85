package page

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// few is a list in words, which ends after some.
func few(all []string) string {
	const most = 6
	if len(all) > most {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
	}
	return strings.Join(all, ", ")
}

// clip shortens a text in its middle of nowhere: at the end.
func clip(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

// compact is a time at the end of a bar, where there is little room: minutes as a clock shows them.
func compact(v float64) string {
	switch {
	case v < 119.5:
		return seconds(v)
	case v < 3599.5:
		return brief(v)
	}
	m := int(v/60 + 0.5)
	return fmt.Sprintf("%d:%02d%sh", m/60, m%60, nbsp)
}

// brief is a time in a cell of a chart.
func brief(v float64) string {
	switch {
	case v < 0.0995:
		return "<0.1"
	case v < 9.95:
		return fmt.Sprintf("%.1f", v)
	case v < 99.5:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%d:%02d", int(v+0.5)/60, int(v+0.5)%60)
}

// verdictWord is the verdict as one says it of a time or a size.
func verdictWord(r *session.Result) string {
	if r.Metric == session.Size {
		switch r.Verdict {
		case session.Slower:
			return "larger"
		case session.Faster:
			return "smaller"
		}
	}
	return r.Verdict
}

// subject is what a result is of.
func subject(r *session.Result) string {
	out := serviceName(r.Service, r.Kind)
	for _, s := range []string{r.Scenario, r.Stage} {
		if s != "" {
			out += " · " + s
		}
	}
	return out
}

func what(r *session.Result) string { return metricName(r.Metric) }

// movement is a result in numbers.
func movement(r *session.Result) string {
	if !(r.Base > 0) || !(r.Head > 0) {
		return amount(r.Metric, cmp.Or(r.Head, r.Base))
	}
	out := fmt.Sprintf("%s → %s, %s", amount(r.Metric, r.Base), amount(r.Metric, r.Head), change(r.Ratio))
	if r.Hi > r.Lo {
		level := ""
		if r.Level > 0 {
			level = percent(r.Level) + " "
		}
		out += fmt.Sprintf(" (%sinterval %s to %s)", level, change(r.Lo), change(r.Hi))
	}
	return out
}

// remark says how sure a verdict is.
func remark(r *session.Result) string {
	var out []string
	if r.Why != "" {
		out = append(out, r.Why)
	}
	if r.NeedRuns > 0 {
		out = append(out, fmt.Sprintf("about %d runs of each version would tell", r.NeedRuns))
	}
	if r.Verdict == session.Slower && r.Metric != session.Size && r.Gate {
		out = append(out, map[bool]string{true: "confirmed by fresh runs", false: "not confirmed by fresh runs"}[r.Confirmed])
	}
	return strings.Join(out, "; ")
}

// tone is the class and the sign of a verdict: colour alone says nothing.
func tone(r *session.Result) (class, glyph string) {
	switch r.Verdict {
	case session.Slower:
		if r.Confirmed || r.Metric == session.Size {
			return "bad", "▲"
		}
		return "warn", "▲"
	case session.Faster:
		return "good", "▼"
	case session.Same:
		return "", "="
	case session.CannotTell:
		return "warn", "?"
	case session.Invalid:
		return "bad", "!"
	case session.Gone:
		return "", "–"
	}
	return "", "+"
}

// line is a sentence with the class of its colour and a sign.
type line struct {
	Class, Glyph, Strong, Text, Small string
}

// headline says it all in one sentence.
func headline(s *session.Session) line {
	counts := map[string]int{}
	var order []string
	class := "good"
	worse := func(c string) {
		if c == "bad" || c == "warn" && class == "good" {
			class = c
		}
	}
	for _, r := range gated(s) {
		word := verdictWord(&r)
		if counts[word] == 0 {
			order = append(order, word)
		}
		counts[word]++
		c, _ := tone(&r)
		worse(c)
	}
	var parts []string
	for _, word := range order {
		parts = append(parts, fmt.Sprintf("%d %s", counts[word], word))
	}
	over := 0
	for _, b := range s.Budgets {
		if b.State == "over" {
			over++
			worse("bad")
		}
	}
	if over > 0 {
		parts = append(parts, fmt.Sprintf("%d over budget", over))
	}
	switch {
	case len(parts) > 0:
	case len(s.Series) == 0:
		return line{Text: "Nothing was measured"}
	default:
		return line{Text: medians(s)}
	}
	text := strings.Join(parts, ", ")
	return line{Class: class, Text: strings.ToUpper(text[:1]) + text[1:]}
}

// gated are the results that count: those that gate, or all if none does.
func gated(s *session.Session) []session.Result {
	all := results(s)
	var out []session.Result
	for _, r := range all {
		if r.Gate {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return all
	}
	return out
}

// verdicts are the results in words. What is the same shares a sentence.
func verdicts(s *session.Session) []line {
	const most = 12
	var out []line
	var same []string
	more := 0
	for _, r := range gated(s) {
		switch {
		case r.Verdict == session.Same:
			same = append(same, subject(&r))
		case len(out) == most:
			more++
		default:
			class, glyph := tone(&r)
			name := what(&r)
			out = append(out, line{class, glyph, subject(&r), verdictWord(&r) + ": " + name + " " + movement(&r), remark(&r)})
		}
	}
	if more > 0 {
		out = append(out, line{"", "…", fmt.Sprintf("%d more", more), "in the table below", ""})
	}
	if len(same) > 0 {
		out = append(out, line{"", "=", "Same", few(same), ""})
	}
	return out
}

// terms say which numbers may be compared.
func terms(s *session.Session) string {
	c := s.Compare
	if c == nil {
		return ""
	}
	var out []string
	for _, x := range []struct{ what, state string }{{"times", c.Times}, {"sizes", c.Sizes}} {
		switch x.state {
		case "no":
			out = append(out, x.what+" don't compare")
		case "flagged":
			out = append(out, x.what+" are shown and fail nothing")
		}
	}
	if len(out) == 0 {
		return ""
	}
	text := strings.Join(out, ", ")
	if len(c.Why) > 0 {
		text += ": " + strings.Join(c.Why, "; ")
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
