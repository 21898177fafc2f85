package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// regressed tells whether a result fails the session, as Compare.Regressions does. That the user may trust one baseline is not
// known here.
func regressed(c *session.Compare, r *session.Result) bool {
	return r.Gate && r.Verdict == session.Slower && (r.Confirmed || c.Kind == session.KindHistory)
}

// notable tells whether a result is more than that nothing changed.
func notable(r *session.Result) bool { return r.Verdict != session.Same }

// Summary is the session in one line: "2 slower, 1 over budget, 3 cannot tell".
func Summary(s *session.Session) string {
	t := tallyOf(s)
	var parts []string
	for _, x := range []struct {
		n    int
		text string
	}{
		{t.slower, "slower"},
		{t.larger, "larger"},
		{t.over, "over budget"},
		{t.borderline, "close to a budget"},
		{t.unconfirmed, "slower but not confirmed"},
		{t.cannotTell, "cannot tell"},
		{t.invalid, "not valid"},
		{t.faster, "faster"},
		{t.smaller, "smaller"},
	} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.text))
		}
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case t.same > 0:
		return fmt.Sprintf("%d the same", t.same)
	case t.kept > 0:
		return counted(t.kept, "budget") + " kept"
	}
	return fmt.Sprintf("%d series measured", len(s.Series))
}

// tally counts verdicts. A result that doesn't gate is shown, not counted.
type tally struct {
	slower, unconfirmed, larger, faster, smaller, cannotTell, invalid, same int
	over, borderline, kept                                                  int
}

func tallyOf(s *session.Session) tally {
	var t tally
	for _, b := range s.Budgets {
		switch b.State {
		case session.Over:
			t.over++
		case session.Borderline:
			t.borderline++
		case session.OK:
			t.kept++
		}
	}
	for _, r := range results(s) {
		if r.Gate {
			t.add(s.Compare, &r)
		}
	}
	return t
}

func (t *tally) add(c *session.Compare, r *session.Result) {
	switch r.Verdict {
	case session.Slower:
		switch {
		case !regressed(c, r):
			t.unconfirmed++
		case r.Metric == session.Size:
			t.larger++
		default:
			t.slower++
		}
	case session.Faster:
		if r.Metric == session.Size {
			t.smaller++
		} else {
			t.faster++
		}
	case session.CannotTell:
		t.cannotTell++
	case session.Invalid:
		t.invalid++
	case session.Same:
		t.same++
	}
}

func results(s *session.Session) []session.Result {
	if s.Compare == nil {
		return nil
	}
	return s.Compare.Results
}

// verdict is a result in words: capitals are what fails.
func verdict(c *session.Compare, r *session.Result) string {
	text := r.Verdict
	switch r.Verdict {
	case session.Slower, session.Faster:
		text = slowerWord(r)
	case session.Invalid:
		text = "NOT VALID"
	}
	switch {
	case regressed(c, r) && r.Metric != session.Size && r.Confirmed:
		text = strings.ToUpper(text) + " (confirmed)"
	case regressed(c, r):
		text = strings.ToUpper(text)
	case r.Gate && r.Verdict == session.Slower:
		text += " (not confirmed)"
	}
	if !r.Gate && r.Verdict != session.Same {
		text = "(" + text + ")"
	}
	var why []string
	if r.Why != "" {
		why = append(why, plain(r.Why))
	}
	if r.NeedRuns > 0 && !strings.Contains(r.Why, "needs") {
		why = append(why, fmt.Sprintf("needs about %s", counted(r.NeedRuns, "run")))
	}
	if len(why) > 0 {
		text += ": " + strings.Join(why, ", ")
	}
	return text
}

func slowerWord(r *session.Result) string {
	switch {
	case r.Metric == session.Size && r.Verdict == session.Slower:
		return "larger"
	case r.Metric == session.Size:
		return "smaller"
	}
	return r.Verdict
}

// resultName says whose it is.
func resultName(s *session.Session, r *session.Result) string {
	return join(serviceName(r.Service), plain(r.Kind), plain(r.Scenario), plain(r.Stage), platformOf(s, r))
}

// platformOf is empty where all images are of one platform.
func platformOf(s *session.Session, r *session.Result) string {
	if !severalPlatforms(s) {
		return ""
	}
	return plain(r.Platform)
}

// side is the value of one version, with the spread of its runs.
func side(s *session.Session, r *session.Result, version, unit string) string {
	v := r.Head
	if version == session.Base {
		v = r.Base
	}
	if v == 0 {
		return absent
	}
	if r.Metric == session.Size {
		return bytesText(v)
	}
	text := number(v, decimals(v)) + unit
	if x := series(s, caseOf(r, version), r.Metric); x != nil {
		return join(text, spread(x.Values))
	}
	return text
}

func caseOf(r *session.Result, version string) session.Case {
	return session.Case{Service: r.Service, Kind: r.Kind, Scenario: r.Scenario, Version: version}
}

// ratio is the change of a result, nothing where there are not two.
func ratio(r *session.Result) string {
	if r.Verdict == session.New || r.Verdict == session.Gone || r.Ratio == 0 {
		return ""
	}
	return change(r.Ratio)
}

// runsOf are the counts of both versions: "5+5".
func runsOf(s *session.Session, r *session.Result) string {
	head, base := series(s, caseOf(r, session.Head), r.Metric), series(s, caseOf(r, session.Base), r.Metric)
	switch {
	case head == nil:
		return ""
	case base == nil:
		return fmt.Sprint(len(head.Values))
	}
	return fmt.Sprintf("%d+%d", len(base.Values), len(head.Values))
}

// budgetName is what a budget is for: "api prod source time".
func budgetName(b *session.Budget) string {
	return join(serviceName(b.Service), b.Kind, plain(b.Scenario), plain(b.Stage), plain(b.What))
}

// budgetValue is a value in the unit of a budget.
func budgetValue(b *session.Budget, v float64) string {
	switch b.What {
	case session.OfSize:
		return bytesText(v)
	case session.OfCache:
		return share(v)
	}
	return seconds(v)
}

// limitText has the side that a value must be on: of what the cache saves, a budget is the least.
func limitText(b *session.Budget) string {
	if b.What == session.OfCache {
		return "≥ " + budgetValue(b, b.Limit)
	}
	return "≤ " + budgetValue(b, b.Limit)
}

// stateText is the state of a budget in words.
func stateText(b *session.Budget) string {
	if b.State == session.Over && b.What == session.OfCache {
		return "under"
	}
	return plain(b.State)
}

// broken are the budgets that are not kept, the worst first.
func broken(s *session.Session) []session.Budget {
	states := []string{session.Over, session.Borderline}
	var out []session.Budget
	for _, b := range s.Budgets {
		if b.State != session.OK {
			out = append(out, b)
		}
	}
	place := func(b session.Budget) int {
		if i := slices.Index(states, b.State); i >= 0 {
			return i
		}
		return len(states)
	}
	slices.SortStableFunc(out, func(a, b session.Budget) int { return place(a) - place(b) })
	return out
}

// budgetSpread is what a value of time may as well be.
func budgetSpread(s *session.Session, b *session.Budget) string {
	if b.What != session.OfTime {
		return ""
	}
	x := series(s, session.Case{Service: b.Service, Kind: b.Kind, Scenario: b.Scenario, Version: session.Head}, session.Wall)
	if x == nil || b.Stage != "" || len(x.Values) < 2 {
		return ""
	}
	return fmt.Sprintf("(%s, %s)", bounds(x.Median, x.Lo, x.Hi), counted(len(x.Values), "run"))
}
