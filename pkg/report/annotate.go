package report

import (
	"fmt"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// Levels of an annotation, as GitHub calls them.
const (
	LevelError   = "error"
	LevelWarning = "warning"
)

// Annotation is a remark on a line of a file.
type Annotation struct {
	// File is empty where there is no place for it.
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Title   string `json:"title"`
	Message string `json:"message"`
	Level   string `json:"level"`
}

// Annotations are what a review should show beside the lines: regressions, budgets and steps that run for nothing.
func Annotations(s *session.Session) []Annotation {
	out := []Annotation{}
	for _, r := range results(s) {
		if regressed(s.Compare, &r) {
			out = append(out, regression(s, &r))
		}
	}
	for _, b := range broken(s) {
		switch b.State {
		case session.Over:
			out = append(out, budget(s, &b, LevelError, "is "+stateText(&b)+" its budget"))
		case session.Borderline:
			out = append(out, budget(s, &b, LevelWarning, "may be over its budget"))
		}
	}
	return append(out, wasted(s)...)
}

// regression stands at the root cause of the costliest step: that is the line to change.
func regression(s *session.Session, r *session.Result) Annotation {
	a := Annotation{Title: resultName(s, r) + " is " + slowerWord(r), Level: LevelError}
	a.Message = fmt.Sprintf("%s, %s", ratio(r), difference(r))
	if in := interval(r); in != "" {
		a.Message = fmt.Sprintf("%s (%s), %s", ratio(r), in, join(difference(r), unitWord(r)))
	}
	for i, b := range r.Because {
		if i == 0 {
			a.File, a.Line = b.File, b.Line
			if b.Cause != nil && b.Cause.File != "" {
				a.File, a.Line = b.Cause.File, b.Cause.Line
			}
		}
		a.Message += fmt.Sprintf("\n%s %s: %s", join(place(b.File, b.Line), step(b.Step)), amount(r, b.Seconds), plain(b.Text))
		if b.Cause != nil {
			a.Message += ", because of " + missText(b.Cause)
		}
	}
	return a
}

// budget stands at the first step that ran, where a scenario has one: time and hit rate come from there.
func budget(s *session.Session, b *session.Budget, level, what string) Annotation {
	a := Annotation{Title: budgetName(b), Level: level}
	a.Message = join(budgetName(b), what+":", budgetValue(b, b.Value), budgetSpread(s, b)) + ", it should be " + limitText(b)
	c := session.Case{Service: b.Service, Kind: b.Kind, Scenario: b.Scenario}
	if x := cacheBefore(s, c, session.Head); b.What == session.OfCache && x != nil && x.FirstMiss != nil {
		a.File, a.Line = x.FirstMiss.File, x.FirstMiss.Line
		a.Message += "; the first step that ran is " + missText(x.FirstMiss)
	}
	return a
}

// wasted names each step once, with all scenarios.
func wasted(s *session.Session) []Annotation {
	var out []Annotation
	var seen []session.Miss
	for i := range s.Cache {
		c := &s.Cache[i]
		if c.Version == session.Base {
			continue
		}
		for _, m := range c.Wasted {
			n := slices.Index(seen, m)
			if n < 0 {
				seen, n = append(seen, m), len(seen)
				text := step(m.Step) + " ran though nothing of it changed"
				if m.Why != "" {
					text += " (" + plain(m.Why) + ")"
				}
				out = append(out, Annotation{File: m.File, Line: m.Line, Title: "a step runs for nothing", Message: text + ":", Level: LevelWarning})
			} else {
				out[n].Message += ","
			}
			out[n].Message += " " + caseName(c.Case)
		}
	}
	return out
}
