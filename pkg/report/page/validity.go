package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// validity tells which runs are data, and why.
func validity(s *session.Session) section {
	return section{ID: "validity", Title: "What makes a run count", Lead: validityWords(s), Tables: proofs(s)}
}

func validityWords(s *session.Session) string {
	if len(s.Runs) == 0 {
		return "This session has no single runs with it."
	}
	warm, bad, busy := 0, 0, 0
	for _, r := range s.Runs {
		switch {
		case r.Round == 0 && !r.Fresh:
			warm++
			continue
		case !r.Valid:
			bad++
		}
		if r.Busy {
			busy++
		}
	}
	text := fmt.Sprintf("%d runs, %d of a warm-up that counts nowhere; %d did not do what the scenario says and are no data", len(s.Runs), warm, bad)
	if busy > 0 {
		text += fmt.Sprintf("; %d on a busy machine", busy)
	}
	return text + "."
}

// proofs tell how each case proved its premise, and how often it did not.
func proofs(s *session.Session) []table {
	type row struct {
		session.Case
		text  string
		valid bool
	}
	counts := map[row]int{}
	var rows []row
	for _, r := range s.Runs {
		if r.Round == 0 && !r.Fresh {
			continue
		}
		x := row{r.Case, cmp.Or(r.Proof, "–"), r.Valid}
		if !r.Valid {
			x.text = cmp.Or(r.Why, "–")
		}
		if counts[x] == 0 {
			rows = append(rows, x)
		}
		counts[x]++
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		if a.valid != b.valid {
			return map[bool]int{true: 1, false: -1}[a.valid]
		}
		return cmp.Or(compareKeys(keyOf(a.Case), keyOf(b.Case)), -cmp.Compare(a.Version, b.Version), strings.Compare(a.text, b.text))
	})
	if len(rows) == 0 {
		return nil
	}
	t := table{Caption: "How each run proved that it did what its scenario says", Head: []string{"Of", "Version", "Runs", "Valid", "Proof, or what was wrong"}, Numbers: 2, Words: 3}
	for _, x := range rows {
		t.Rows = append(t.Rows, []string{keyOf(x.Case).String(), versionName(s, x.Version), fmt.Sprint(counts[x]), map[bool]string{true: "yes", false: "✕ no"}[x.valid], x.text})
	}
	return []table{t}
}
