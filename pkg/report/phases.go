package report

import (
	"fmt"
	"math"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// phaseTable says where the time of the median run of each case went. The phases overlap.
func phaseTable(s *session.Session) grid {
	t := grid{{
		"SERVICE", "KIND", "SCENARIO", "RUN", "WALL", "CONTEXT", "PULL", "IMPORT", "STEPS", "EXPORT", "CACHE-TO", "CHAIN", "PARALLEL", "SENT",
		"MEMORY",
	}}
	for _, g := range groups(s) {
		for _, sc := range g.scenarios(s) {
			r := medianRun(s, g.in(sc))
			if r == nil {
				continue
			}
			p := &r.Phases
			t.add(inTable(r.Service), plain(r.Kind), plain(sc), fmt.Sprint(r.Index), phase(r.Wall), phase(p.Context), phase(p.Pull), phase(p.CacheImport),
				phase(p.Steps), phase(p.Export), phase(p.CacheExport), phase(r.CriticalPath), factor(r.Parallelism), memory(r.ContextBytes),
				memory(r.PeakMemory))
		}
	}
	if len(t) == 1 {
		return nil
	}
	return t
}

// medianRun is the run nearest to the median.
func medianRun(s *session.Session, c session.Case) *session.Run {
	x := series(s, c, session.Wall)
	if x == nil {
		return nil
	}
	var found *session.Run
	for i := range s.Runs {
		r := &s.Runs[i]
		if r.Case == c && counts(r) && (found == nil || math.Abs(r.Wall-x.Median) < math.Abs(found.Wall-x.Median)) {
			found = r
		}
	}
	return found
}

// phase is empty for what was not measured or not there.
func phase(v float64) string {
	if v == 0 {
		return ""
	}
	return number(v, decimals(v))
}

func factor(v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f×", v)
}

func memory(n int64) string {
	if n == 0 {
		return ""
	}
	return bytesText(float64(n))
}
