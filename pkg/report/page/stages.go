package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// stages is the table of what each stage takes. Where nothing was compared it is what one came for, and open.
func stages(s *session.Session) section {
	out := section{ID: "stages", Title: "What each stage takes", Tables: stageTable(s), Open: s.Compare == nil}
	if len(out.Tables) == 0 {
		out.Absent = "No steps were recorded."
	}
	return out
}

// medians are those of the whole project in words.
func medians(s *session.Session) string {
	var of *session.Series
	var parts []string
	for _, scenario := range slices.Backward(scenarioOrder) {
		for i := range s.Series {
			x := &s.Series[i]
			if x.Scenario != scenario || x.Metric != session.Wall || x.Version != session.Head || len(x.Values) == 0 || x.Service != "" {
				continue
			}
			if of == nil {
				of = x
			}
			if x.Kind == of.Kind {
				parts = append(parts, scenario+" "+seconds(x.Median))
			}
		}
	}
	if of == nil {
		return "Measured; there was nothing to compare with"
	}
	name := serviceName("", of.Kind)
	return strings.ToUpper(name[:1]) + name[1:] + ": " + strings.Join(parts, ", ")
}

// stageTable has a row for each stage and a column for each scenario.
func stageTable(s *session.Session) []table {
	var scenarios []string
	type row struct{ service, kind, stage, version string }
	var rows []row
	cells := map[row]map[string]session.Stage{}
	for _, x := range s.Stages {
		r := row{x.Service, x.Kind, x.Stage, x.Version}
		if cells[r] == nil {
			rows = append(rows, r)
			cells[r] = map[string]session.Stage{}
		}
		cells[r][x.Scenario] = x
		if !slices.Contains(scenarios, x.Scenario) {
			scenarios = append(scenarios, x.Scenario)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	slices.SortFunc(scenarios, byScenario)
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(byService(a.service, b.service), byKind(a.kind, b.kind))
	})
	t := table{Caption: "Time at work in each stage (median), and how many of its steps were cached", Head: append([]string{"Stage", "Version"}, scenarios...), Numbers: 2, Words: 99}
	for _, r := range rows {
		line := []string{serviceName(r.service, r.kind) + " / " + r.stage, versionName(s, r.version)}
		for _, scenario := range slices.Backward(scenarioOrder) {
			x, ok := cells[r][scenario]
			switch {
			case !ok:
				line = append(line, "–")
			case x.Steps > 0 && x.Cached == x.Steps:
				line = append(line, "cached")
			case x.Cached > 0:
				line = append(line, fmt.Sprintf("%s (%d/%d)", seconds(x.Seconds), x.Cached, x.Steps))
			default:
				line = append(line, seconds(x.Seconds))
			}
		}
		t.Rows = append(t.Rows, line)
	}
	return []table{t}
}
