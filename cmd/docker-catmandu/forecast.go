package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/forecast"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// printForecasts prints a line for each target: what runs, what that took before, and why.
func printForecasts(w io.Writer, all []forecast.Target, dir string) error {
	for _, t := range all {
		if _, err := fmt.Fprintln(w, titleOf(t)+": "+sentence(t, dir)); err != nil {
			return err
		}
	}
	return nil
}

// titleOf names a target: with its platform where that was asked for.
func titleOf(t forecast.Target) string {
	return strings.TrimSpace(t.Service + " " + t.Platform)
}

// sentence says what a build will do.
func sentence(t forecast.Target, dir string) string {
	total := t.Cached + t.Runs + t.Unpredictable
	switch {
	case t.Unknown != "":
		return "not predictable: " + t.Unknown
	case total == 0:
		return "no steps"
	case t.Runs+t.Unpredictable == 0:
		return fmt.Sprintf("all %d steps are cached", total)
	}
	text := fmt.Sprintf("%d of %d steps run", t.Runs, total)
	if t.Unpredictable > 0 {
		text += fmt.Sprintf(", %d can't be predicted", t.Unpredictable)
	}
	if t.Builds > 0 {
		text += fmt.Sprintf(", about %s (from %s)", seconds(t.Seconds), counted(t.Builds, "earlier build"))
	}
	for _, s := range t.Steps {
		if s.Cause != nil {
			return text + ": " + because(s, dir)
		}
	}
	return text
}

// because names a step and why it runs.
func because(s forecast.Step, dir string) string {
	return fmt.Sprintf("%s (%s): %s", shortName(s.Name), lineOf(s, dir), label(s.Cause))
}

// label is a cause in words; what is inferred says so.
func label(c *steps.Cause) string {
	if c.Exact {
		return c.Text
	}
	return c.Text + " (inferred)"
}

// lineOf is where a step stands.
func lineOf(s forecast.Step, dir string) string {
	if s.File == "" {
		return fmt.Sprintf("line %d", s.Line)
	}
	file := within(dir, s.File)
	if !filepath.IsLocal(file) {
		file = filepath.Base(file)
	}
	return fmt.Sprintf("%s:%d", file, s.Line)
}

// seconds is a time as a person would say it.
func seconds(s float64) string {
	switch {
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	}
	return fmt.Sprintf("%.0f min", s/60)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// printSteps prints a row for each step.
func printSteps(w io.Writer, all []forecast.Target, dir string) error {
	rows := [][]string{{"service", "step", "line", "forecast", "took", "why"}}
	for _, t := range all {
		if t.Unknown != "" {
			rows = append(rows, []string{titleOf(t), "", "", forecast.Unpredictable, "", t.Unknown})
		}
		for _, s := range t.Steps {
			took, why := "", ""
			if s.Seconds > 0 {
				took = seconds(s.Seconds)
			}
			if s.Cause != nil {
				why = label(s.Cause)
			}
			if s.Cause != nil && s.Cause.Root != "" {
				why = "after " + shortName(s.Cause.Root)
			}
			rows = append(rows, []string{titleOf(t), shortName(s.Name), lineOf(s, dir), s.Status, took, why})
		}
	}
	return table(w, dropEmpty(rows))
}

// nameWidth is how much of a step's name is shown.
const nameWidth = 70

// shortName is the name of a step in a line of text: of an image without its digest.
func shortName(name string) string {
	name = strings.Join(strings.Fields(name), " ")
	name, _, _ = strings.Cut(name, "@sha256:")
	if r := []rune(name); len(r) > nameWidth {
		return string(r[:nameWidth-1]) + "…"
	}
	return name
}

// whyLine says in a line why steps of a target ran; it is empty when none did.
func whyLine(t forecast.Target, dir string) string {
	for _, s := range t.Steps {
		if s.Status != forecast.Runs || s.Cause == nil {
			continue
		}
		text := fmt.Sprintf("%s: %d of %d steps ran: ", titleOf(t), t.Runs, t.Cached+t.Runs+t.Unpredictable)
		if s.Cause.Kind == steps.CauseNew {
			return text + label(s.Cause)
		}
		return text + because(s, dir)
	}
	return ""
}
