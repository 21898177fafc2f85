package report

import (
	"fmt"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// cacheRows are the cache numbers that say something: of a cold build nothing is expected to be cached.
func cacheRows(s *session.Session) []*session.Cache {
	var out []*session.Cache
	for i := range s.Cache {
		x := &s.Cache[i]
		if x.Version == session.Base || x.Hits == 0 && (x.Scenario == "cold" || x.Scenario == "cold-builder") {
			continue
		}
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(a, b *session.Cache) int {
		if a.Service != b.Service || a.Kind != b.Kind {
			return 0
		}
		return rank(a.Scenario) - rank(b.Scenario)
	})
	return out
}

func cacheText(s *session.Session) string {
	t := grid{{"SERVICE", "KIND", "SCENARIO", "STEPS", "RATE", "BY TIME", "SAVED", "FIRST STEP THAT RAN"}}
	for _, x := range cacheRows(s) {
		byTime, saved, first := "", "", "none"
		if x.TimeRate != nil {
			byTime, saved = share(*x.TimeRate), seconds(x.SavedSeconds)
		}
		if x.FirstMiss != nil {
			first = missText(x.FirstMiss)
		}
		t.add(inTable(x.Service), plain(x.Kind), plain(x.Scenario), fmt.Sprintf("%d/%d", x.Hits, x.Steps), share(x.Rate), byTime, saved, first)
	}
	if len(t) == 1 {
		return ""
	}
	text := titled("Cache: what came from it, by steps and by the seconds that they take cold, in the median run", t.quietly(2).text("  "))
	for _, x := range cacheRows(s) {
		for i := range x.Wasted {
			for n, line := range wrap(fmt.Sprintf("! %s: ran though nothing of it changed: %s", caseName(x.Case), missPlace(&x.Wasted[i])), width-4) {
				text += indentOf(n) + line + "\n"
			}
		}
	}
	return text
}

// missPlace is a step and its line without the reason, which is given beside it.
func missPlace(m *session.Miss) string {
	text := join(place(m.File, m.Line), step(m.Step))
	if m.Why != "" {
		text += " (" + plain(m.Why) + ")"
	}
	return text
}

// indentOf is that of the first line of a remark, and of what it goes on with.
func indentOf(n int) string {
	if n == 0 {
		return "  "
	}
	return "    "
}

// cacheBefore finds the numbers of the other version.
func cacheBefore(s *session.Session, c session.Case, version string) *session.Cache {
	c.Version = version
	for i := range s.Cache {
		if s.Cache[i].Case == c {
			return &s.Cache[i]
		}
	}
	return nil
}
