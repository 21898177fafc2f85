package page

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// budgets are the bounds that the project set itself, what is over them first.
func budgets(s *session.Session) section {
	out := section{ID: "budgets", Title: "Budgets", Tables: budgetTable(s)}
	out.Open = slices.ContainsFunc(s.Budgets, func(b session.Budget) bool { return b.State != session.OK })
	switch {
	case len(out.Tables) == 0:
		out.Absent = "The project sets no budgets."
	case !out.Open:
		out.Notes = append(out.Notes, fmt.Sprintf("All %d are kept.", len(s.Budgets)))
	}
	return out
}

func budgetTable(s *session.Session) []table {
	if len(s.Budgets) == 0 {
		return nil
	}
	t := table{Caption: "Budgets of the project", Head: []string{"Of", "What", "Limit", "Value", "State"}, Numbers: 2, Words: 4}
	rank := []string{"over", "borderline", "unknown", "ok"}
	all := slices.Clone(s.Budgets)
	slices.SortStableFunc(all, func(a, b session.Budget) int {
		return cmp.Compare(slices.Index(rank, a.State), slices.Index(rank, b.State))
	})
	for _, b := range all {
		of := subject(&session.Result{Service: b.Service, Kind: b.Kind, Scenario: b.Scenario, Stage: b.Stage})
		write := seconds
		switch b.What {
		case "size":
			write = size
		case "cache":
			write = percent
		}
		row := []string{of, b.What, bound(write(b.Limit)), write(b.Value), b.State}
		if b.State == "unknown" {
			row[3] = "–"
		}
		switch b.State {
		case "over":
			row[4] = "▲ over"
		case "borderline":
			row[4] = "? borderline"
		}
		t.Rows = append(t.Rows, row)
	}
	return []table{t}
}
