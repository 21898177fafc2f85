package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// remarks are what a reader should know of the numbers: what is not in them, what is odd, how busy the machine was.
func remarks(s *session.Session) string {
	var b strings.Builder
	for _, list := range []struct {
		title string
		items []string
	}{
		{"Not valid, and in no number:", invalidRuns(s)},
		{"Outliers, which are in the numbers:", outliers(s)},
	} {
		if len(list.items) > 0 {
			b.WriteString(list.title + "\n")
		}
		for _, item := range list.items {
			for n, line := range wrap(item, width-4) {
				b.WriteString(indentOf(n) + line + "\n")
			}
		}
	}
	if q := quiet(s); q != "" {
		b.WriteString(wrapped(q))
	}
	for _, x := range s.Warnings {
		b.WriteString(wrapped("! " + plain(x.Text)))
	}
	return b.String()
}

// invalidRuns counts runs by case and reason.
func invalidRuns(s *session.Session) []string {
	counts := map[string]int{}
	var names []string
	add := func(name string, n int) {
		if counts[name] == 0 {
			names = append(names, name)
		}
		counts[name] += n
	}
	for i := range s.Runs {
		if r := &s.Runs[i]; !r.Valid && r.Round > 0 {
			add(join(caseName(r.Case), versionName(s, r.Version))+": "+plain(r.Why), 1)
		}
	}
	if len(s.Runs) == 0 { // a line of the history
		seen := map[session.Case]bool{}
		for i := range s.Series {
			if x := &s.Series[i]; x.Invalid > 0 && !seen[x.Case] {
				seen[x.Case] = true
				add(join(caseName(x.Case), versionName(s, x.Version)), x.Invalid)
			}
		}
	}
	for i, name := range names {
		names[i] = counted(counts[name], "run") + " of " + name
	}
	return names
}

// versionName is empty where there is only one.
func versionName(s *session.Session, version string) string {
	switch {
	case s.Compare == nil || s.Compare.Kind != session.KindAB:
		return ""
	case version == session.Base:
		return "(" + baseLabel(s) + ")"
	}
	return "(here)"
}

// outliers names runs that took much longer or shorter than the others of their case.
func outliers(s *session.Session) []string {
	var out []string
	for i := range s.Series {
		x := &s.Series[i]
		runs := runsOfCase(s, x)
		for _, n := range x.Outliers {
			if n < 0 || n >= len(x.Values) || x.Median == 0 {
				continue
			}
			name, busy := fmt.Sprintf("value %d", n+1), ""
			if runs != nil {
				name = fmt.Sprintf("run %d", runs[n].Index)
				if runs[n].Busy {
					busy = " (the machine was busy)"
				}
			}
			off, where := x.Values[n]/x.Median-1, "over"
			if off < 0 {
				where = "under"
			}
			out = append(out, fmt.Sprintf("%s: %s: %s, %s %s the median%s", join(caseName(x.Case), metricWord(x.Metric), versionName(s, x.Version)), name,
				seconds(x.Values[n]), share(math.Abs(off)), where, busy))
		}
	}
	return out
}

// runsOfCase are the runs that the values of a series are of, nil when that can't be told.
func runsOfCase(s *session.Session, x *session.Series) []*session.Run {
	var out []*session.Run
	for i := range s.Runs {
		if r := &s.Runs[i]; r.Case == x.Case && counts(r) {
			out = append(out, r)
		}
	}
	if len(out) != len(x.Values) {
		return nil
	}
	return out
}

// quiet says how busy the machine was with other things.
func quiet(s *session.Session) string {
	q := &s.Quiet
	var parts []string
	if len(q.Pressure) > 0 {
		parts = append(parts, fmt.Sprintf("CPU pressure %.0f %% (median), %.0f %% at most", middleOf(q.Pressure), slices.Max(q.Pressure)))
	}
	if len(q.Load) > 0 {
		parts = append(parts, fmt.Sprintf("load %.1f, %.1f at most", middleOf(q.Load), slices.Max(q.Load)))
	}
	if q.BusyRuns > 0 {
		parts = append(parts, counted(q.BusyRuns, "run")+" while it was busy")
	}
	if len(parts) == 0 {
		return ""
	}
	return "The machine before the runs: " + strings.Join(parts, "; ")
}
