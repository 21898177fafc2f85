package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/forecast"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// printWhy prints causes, and below each the steps that followed from it.
func printWhy(w io.Writer, e *explanation, dir string) error {
	var b strings.Builder
	if e.Build != nil {
		fmt.Fprintf(&b, "build of %s on builder %q, %s\n", e.Build.Started.Local().Format(time.DateTime), e.Build.Builder.Name, seconds(e.Build.Seconds))
	}
	verb := "runs"
	if e.Build != nil {
		verb = "ran"
	}
	for _, t := range e.Targets {
		writeWhy(&b, t, dir, verb)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeWhy explains one target.
func writeWhy(b *strings.Builder, t forecast.Target, dir, verb string) {
	fmt.Fprintf(b, "%s: %d of %d steps cached\n", titleOf(t), t.Cached, t.Cached+t.Runs+t.Unpredictable)
	if t.Unknown != "" {
		fmt.Fprintf(b, "  not predictable: %s\n  hint: docker catmandu build %s, then docker catmandu why %[2]s\n", t.Unknown, t.Service)
	}
	roots, followed := byRoot(t.Steps)
	for _, s := range roots {
		does := verb
		if s.Status == forecast.Unpredictable {
			does = "can't be predicted"
		}
		fmt.Fprintf(b, "  %s (%s) %s: %s\n", shortName(s.Name), lineOf(s, dir), does, label(s.Cause))
		if hint := hintFor(s.Cause, t.Service); hint != "" {
			fmt.Fprintf(b, "    hint: %s\n", hint)
		}
		for _, f := range followed[s.Name] {
			fmt.Fprintf(b, "    then %s (%s)%s\n", shortName(f.Name), lineOf(f, dir), took(f))
		}
		delete(followed, s.Name)
	}
	for _, s := range t.Steps {
		switch {
		case len(s.Touched) > 0:
			fmt.Fprintf(b, "  %s (%s) stays cached: of %s only the time changed, which BuildKit doesn't compare\n",
				shortName(s.Name), lineOf(s, dir), some(s.Touched))
		case s.Cause != nil && len(followed[s.Cause.Root]) > 0: // its root is not among the steps that were asked for
			fmt.Fprintf(b, "  %s (%s) %s after %s: %s\n", shortName(s.Name), lineOf(s, dir), verb, shortName(s.Cause.Root), label(s.Cause))
		}
	}
}

// byRoot returns the steps where causes lie, and by their names those that followed. A line that is several steps counts
// once.
func byRoot(all []forecast.Step) (roots []forecast.Step, followed map[string][]forecast.Step) {
	followed = map[string][]forecast.Step{}
	seen := map[string]bool{}
	for _, s := range all {
		if s.Cause == nil || seen[s.Name] {
			continue
		}
		seen[s.Name] = true
		if s.Cause.Root == "" {
			roots = append(roots, s)
		} else {
			followed[s.Cause.Root] = append(followed[s.Cause.Root], s)
		}
	}
	return roots, followed
}

// some names the first of many.
func some(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

func took(s forecast.Step) string {
	if s.Seconds < 0.05 {
		return ""
	}
	return ", " + seconds(s.Seconds)
}

// hintFor is the next command to run where a cause doesn't say all.
func hintFor(c *steps.Cause, service string) string {
	switch c.Kind {
	case steps.CauseGone:
		return "docker buildx du lists what a builder has; pruning, its garbage collection or a new builder removed the rest"
	case steps.CauseUnknown:
		return fmt.Sprintf("docker catmandu build %s, then docker catmandu why %[1]s", service)
	}
	return ""
}
