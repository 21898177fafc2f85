// Package report writes a benchmark as text: for a terminal, for a pull request, and in the formats of other tools.
//
// Everything here is a function of a session.Session, so a stored one reads like one that was just measured. Nothing is
// measured, judged or looked up; what a session doesn't have is left out.
package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// order is that of the scenarios, from the coldest to the warmest. Those of the user come after them.
var order = []string{"cold-builder", "ci", "cold", "deps", "source", "warm"}

// group is what a table of stages is about: the builds of a service, or of all, for one kind.
type group struct{ service, kind string }

// groups are those that were measured, in the order of the session, the whole project last.
func groups(s *session.Session) []group {
	var out []group
	add := func(c session.Case) {
		if g := (group{c.Service, c.Kind}); c.Version != session.Base && !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	for i := range s.Series {
		add(s.Series[i].Case)
	}
	for i := range s.Stages {
		add(s.Stages[i].Case)
	}
	slices.SortStableFunc(out, func(a, b group) int { return compareBool(a.service == "", b.service == "") })
	return out
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// scenarios are those measured of a group, in the fixed order.
func (g group) scenarios(s *session.Session) []string {
	var found []string
	add := func(c session.Case) {
		if g.has(c) && !slices.Contains(found, c.Scenario) {
			found = append(found, c.Scenario)
		}
	}
	for i := range s.Series {
		add(s.Series[i].Case)
	}
	for i := range s.Stages {
		add(s.Stages[i].Case)
	}
	slices.SortStableFunc(found, func(a, b string) int { return rank(a) - rank(b) })
	return found
}

func rank(scenario string) int {
	if i := slices.Index(order, scenario); i >= 0 {
		return i
	}
	return len(order)
}

// has tells whether a case is of the group, in the version that was asked about.
func (g group) has(c session.Case) bool {
	return c.Version != session.Base && c.Service == g.service && c.Kind == g.kind
}

func (g group) in(scenario string) session.Case {
	return session.Case{Service: g.service, Kind: g.kind, Scenario: scenario, Version: session.Head}
}

// name is a group in words.
func (g group) name() string { return join(serviceName(g.service), plain(g.kind)) }

// series finds the values of a case, nil when they were not measured.
func series(s *session.Session, c session.Case, metric string) *session.Series {
	for i := range s.Series {
		if s.Series[i].Case == c && s.Series[i].Metric == metric {
			return &s.Series[i]
		}
	}
	return nil
}

// inTable is a service in a column of services.
func inTable(service string) string {
	if service == "" {
		return "(project)"
	}
	return plain(service)
}

func serviceName(service string) string {
	if service == "" {
		return "whole project"
	}
	return plain(service)
}

// caseName has no version: it is said where there are two.
func caseName(c session.Case) string {
	return join(serviceName(c.Service), plain(c.Kind), plain(c.Scenario))
}

func join(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// place is a line of a Dockerfile, or nothing.
func place(file string, line int) string {
	switch {
	case file == "" && line == 0:
		return ""
	case file == "":
		return fmt.Sprintf("line %d", line)
	case line == 0:
		return plain(file)
	}
	return fmt.Sprintf("%s:%d", plain(file), line)
}

// missText is a step that ran, with its place and the reason.
func missText(m *session.Miss) string {
	text := join(place(m.File, m.Line), step(m.Step))
	if m.Why != "" {
		text += ": " + plain(m.Why)
	}
	return text
}

// baseName is what the session was compared with, as short as the user knows it.
func baseName(c *session.Compare) string {
	name, revision := plain(c.To.Name), short(c.To.Revision)
	switch {
	case name == "" && revision == "":
		return plain(c.To.ID)
	case name == "":
		return revision
	case revision == "" || strings.HasPrefix(c.To.Revision, c.To.Name):
		return name
	}
	return name + "@" + revision
}

// short is a revision as git shortens it.
func short(revision string) string { return plain(revision[:min(len(revision), 7)]) }
