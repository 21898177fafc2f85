package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/docker/cli/cli"
	"github.com/spf13/pflag"

	"github.com/docker-catmandu/docker-catmandu/pkg/report"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// Exit statuses of a session.
const (
	statusRegression    = 3
	statusOverBudget    = 4
	statusCannotTell    = 5
	statusNotComparable = 6
)

// gateFlags say what fails a session, beside confirmed regressions and budgets.
type gateFlags struct {
	strict, requireBaseline, trustBaseline bool
	// allow are differences to earlier sessions that don't count.
	allow []string
}

func (g *gateFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&g.strict, "strict", false, "Fail also when it cannot be told, and for budgets by the median")
	flags.BoolVar(&g.requireBaseline, "require-baseline", false, "Fail when there is nothing comparable")
	flags.BoolVar(&g.trustBaseline, "trust-baseline", false, "Fail also for what is slower than a single earlier session")
	flags.StringSliceVar(&g.allow, "allow", nil, "Differences to earlier sessions that don't count: "+strings.Join(differences, ", "))
}

// differences are those that may be allowed.
var differences = []string{session.AllowBuilder, session.AllowDirty}

// consent takes out of --allow what is for builds: it has both, as each of them is called that where it stands alone.
func (g *gateFlags) consent() consent {
	var c consent
	g.allow = slices.DeleteFunc(g.allow, func(v string) bool {
		if slices.Contains(differences, v) {
			return false
		}
		c.allow = append(c.allow, v)
		return true
	})
	return c
}

// checkDifferences says what --allow may be where nothing is built.
func checkDifferences(allow []string) error {
	for _, v := range allow {
		if !slices.Contains(differences, v) {
			return usageError("--allow %s: must be one of %s", v, strings.Join(differences, ", "))
		}
	}
	return nil
}

// verdict is the error of a session whose answer is no.
func (g *gateFlags) verdict(s *session.Session) error {
	fail := func(status int, text string) error {
		return cli.StatusError{StatusCode: status, Status: text}
	}
	if s.Compare != nil {
		if bad := s.Compare.Regressions(g.trustBaseline); len(bad) > 0 {
			return fail(statusRegression, regressions(bad))
		}
	}
	var over []string
	for _, b := range s.Budgets {
		if b.Fails(g.strict) {
			over = append(over, report.BudgetName(b))
		}
	}
	switch {
	case len(over) > 0:
		return fail(statusOverBudget, "over budget: "+strings.Join(over, ", "))
	case g.requireBaseline && (s.Compare == nil || !anyCompared(s.Compare)):
		return fail(statusNotComparable, "nothing comparable to compare with"+reasons(s.Compare))
	case g.strict && s.Compare != nil && g.unsure(s.Compare):
		return fail(statusCannotTell, report.Summary(s))
	}
	return g.proved(s)
}

// regressions names what got slower or bigger.
func regressions(bad []session.Result) string {
	var names []string
	for _, r := range bad {
		c := session.Case{Service: r.Service, Kind: r.Kind, Scenario: r.Scenario, Version: session.Head}
		names = append(names, c.Name()+" "+r.Metric)
	}
	return "regression: " + strings.Join(names, ", ")
}

// proved is an error when no run was what its scenario says; with --strict also when that holds for one of the cases.
func (g *gateFlags) proved(s *session.Session) error {
	cases := 0
	var without []string
	for _, x := range s.Series {
		if x.Metric != session.Wall {
			continue
		}
		cases++
		if len(x.Values) == 0 {
			without = append(without, x.Name())
		}
	}
	text := "no valid run: " + strings.Join(without, ", ")
	switch {
	case len(without) == 0:
		return nil
	case len(without) == cases:
		return errors.New(text)
	case g.strict:
		return cli.StatusError{StatusCode: statusCannotTell, Status: text}
	}
	return nil
}

// anyCompared tells whether anything was compared.
func anyCompared(c *session.Compare) bool {
	for _, r := range c.Results {
		if r.Verdict != session.New && r.Verdict != session.Gone && r.Verdict != session.Invalid {
			return true
		}
	}
	return false
}

func reasons(c *session.Compare) string {
	if c == nil || len(c.Why) == 0 {
		return ""
	}
	return ": " + strings.Join(c.Why, "; ")
}

func (g *gateFlags) unsure(c *session.Compare) bool {
	for _, r := range c.Results {
		if r.Gate && (r.Verdict == session.CannotTell || r.Verdict == session.Invalid) {
			return true
		}
	}
	return false
}
