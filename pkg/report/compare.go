package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// compareText has a row for every verdict, and below those of a case what the cache did.
func compareText(s *session.Session) string {
	c := s.Compare
	if c == nil {
		return ""
	}
	name := plain(c.To.Name)
	if name == "" {
		name = "before"
	}
	t := grid{{"SERVICE", "KIND", "SCENARIO", "METRIC", strings.ToUpper(cut(name, 10)), "HERE", "N", "CHANGE", levelName(c), "VERDICT"}}
	shown := shownResults(c)
	for i := range shown {
		r := &shown[i]
		t.add(inTable(r.Service), plain(r.Kind), join(plain(r.Scenario), plain(r.Stage), platformOf(s, r)), metricWord(r.Metric), side(s, r, session.Base, ""), side(s, r, session.Head, ""),
			runsOf(s, r), ratio(r), interval(r), verdict(c, r))
		if i+1 == len(shown) || caseOf(r, "") != caseOf(&shown[i+1], "") {
			if row := cacheRow(s, r); row != nil {
				t.add(row...)
			}
		}
	}
	if len(t) == 1 {
		return ""
	}
	return titled(compareTitle(c), t.quietly(3).text(""))
}

// shownResults are without the sizes of stages that are what they were: the table of images has those.
func shownResults(c *session.Compare) []session.Result {
	return slices.DeleteFunc(slices.Clone(c.Results), func(r session.Result) bool { return r.Metric == session.Size && !r.Gate && !notable(&r) })
}

func compareTitle(c *session.Compare) string {
	how := map[string]string{
		session.KindAB:       "both measured in turn, in random order",
		session.KindHistory:  "from earlier sessions",
		session.KindBaseline: "a hint only",
	}[c.Kind]
	text := "Compared with " + baseName(c)
	if how != "" {
		text += ", " + how
	}
	text += "; a verdict in brackets does not gate"
	var differs []string
	for _, w := range c.Why {
		differs = append(differs, withoutMeaning(w))
	}
	why := ""
	if len(differs) > 0 {
		why = ": " + strings.Join(differs, "; ")
	}
	switch {
	case c.Times == session.No:
		text += "\nTimes are not comparable" + why
	case c.Times == session.Flagged:
		text += "\nTimes are shown and do not gate" + why
	case c.Sizes == session.No:
		text += "\nSizes are not comparable" + why
	case why != "":
		text += "\nDiffers" + why
	}
	return strings.Join(wrapLines(text), "\n")
}

func wrapLines(text string) []string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		out = append(out, wrap(line, width)...)
	}
	return out
}

// levelName heads the column of intervals.
func levelName(c *session.Compare) string {
	level := 0.0
	for _, r := range c.Results {
		level = max(level, r.Level)
	}
	return fmt.Sprintf("%.0f %% INTERVAL", 100*level)
}

// cacheRow is what came from the cache in both versions, where that differs.
func cacheRow(s *session.Session, r *session.Result) []string {
	head, base := cacheBefore(s, caseOf(r, ""), session.Head), cacheBefore(s, caseOf(r, ""), session.Base)
	if r.Metric == session.Size || head == nil || base == nil {
		return nil
	}
	was, is, of := base.Rate, head.Rate, "of the steps"
	if head.TimeRate != nil && base.TimeRate != nil {
		was, is, of = *base.TimeRate, *head.TimeRate, "of cold seconds"
	}
	if share(was) == share(is) {
		return nil
	}
	return []string{inTable(r.Service), plain(r.Kind), plain(r.Scenario), "cache", share(was), share(is), "", "", "", of}
}

// whyText explains what became slower by its steps.
func whyText(s *session.Session) string {
	var parts []string
	for _, r := range results(s) {
		if r.Verdict != session.Slower || len(r.Because) == 0 {
			continue
		}
		head := fmt.Sprintf("Why %s is %s: %s", resultName(s, &r), slowerWord(&r), join(difference(&r), unitWord(&r)))
		t := grid{{"", "", "", ""}}
		for _, b := range r.Because {
			t.add(place(b.File, b.Line), step(b.Step), amount(&r, b.Seconds), plain(b.Text))
			if b.Cause != nil {
				t.add("", "because of "+join(place(b.Cause.File, b.Cause.Line), step(b.Cause.Step)), "", plain(b.Cause.Why))
			}
		}
		parts = append(parts, head+"\n"+strings.TrimLeft(t.text("  "), "\n"))
	}
	return strings.Join(parts, "\n")
}

// difference is that of the two medians, as a number of steps explains it.
func difference(r *session.Result) string { return amount(r, r.Head-r.Base) }

func amount(r *session.Result, v float64) string {
	if r.Metric == session.Size {
		return moreBytes(v)
	}
	return moreSeconds(v)
}

func unitWord(r *session.Result) string {
	if r.Metric == session.CPU {
		return "of CPU"
	}
	return ""
}

// withoutMeaning is a difference without what it means, where that stands before it.
func withoutMeaning(why string) string {
	for _, meaning := range []string{": times are not comparable", ": times are a hint", ": sizes are not comparable"} {
		why = strings.TrimSuffix(why, meaning)
	}
	return plain(why)
}
