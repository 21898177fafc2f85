package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/forecast"
	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

type whyOptions struct {
	from    planFlags
	builder string
	next    bool
	format  format
}

const whyLong = `Explain why steps ran in the last build, or will run in the next: a sentence for each cause, and below it the steps that
followed from it.

STEP is a line of the Dockerfile, the name of a stage, or a part of the instruction. What is inferred says so; all else was
compared. The last build is one that docker catmandu build made.`

const whyExample = `  docker catmandu why
  docker catmandu why web
  docker catmandu why web:27
  docker catmandu why --next --target prod web:deps`

func newWhyCommand(a *app, project *projectFlags) *cobra.Command {
	o := whyOptions{from: planFlags{project: project}}
	cmd := &cobra.Command{
		Use:               "why [OPTIONS] [SERVICE[:STEP]]",
		Short:             "Explain why steps ran in the last build, or will in the next",
		Long:              whyLong,
		Example:           whyExample,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeServices(project),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runWhy(cmd.Context(), a, &o, strings.Join(args, ""))
		},
	}
	o.from.add(cmd.Flags())
	cmd.Flags().BoolVar(&o.next, "next", false, "Explain the next build, not the last")
	cmd.Flags().StringVar(&o.builder, "builder", "", "Builder of the next build")
	o.format.add(cmd.Flags(), "text", "json")
	completeTargets(cmd, &o.from)
	_ = cmd.RegisterFlagCompletionFunc("builder", completeBuilders(a))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(o.format.choices, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// explanation is what why prints.
type explanation struct {
	// Build is the one that is explained, nil for the next.
	Build   *ledger.Build     `json:"build,omitempty"`
	Targets []forecast.Target `json:"targets"`
}

func runWhy(ctx context.Context, a *app, o *whyOptions, arg string) error {
	service, step, _ := strings.Cut(arg, ":")
	var services []string
	if service != "" {
		services = []string{service}
	}
	plan, _, err := o.from.plan(ctx, services)
	if err != nil {
		return err
	}
	var e *explanation
	if o.next {
		e, err = a.explainNext(ctx, plan, o.builder)
	} else {
		e, err = explainLast(plan, service)
	}
	if err != nil {
		return err
	}
	if service != "" {
		e.Targets = slices.DeleteFunc(e.Targets, func(t forecast.Target) bool { return t.Service != service })
	}
	if step != "" {
		if err := e.only(step); err != nil {
			return err
		}
	}
	if o.format.value == "json" {
		return printJSON(a.out, e)
	}
	return printWhy(a.out, e, plan.Dir)
}

func (a *app) explainNext(ctx context.Context, plan *targets.Plan, builder string) (*explanation, error) {
	look, err := a.look(ctx, plan, builder, true)
	if err != nil {
		return nil, err
	}
	if note := look.note(); note != "" {
		fmt.Fprintln(a.err, note)
	}
	return &explanation{Targets: look.targets}, nil
}

// explainLast explains the last build of a service, or of the project.
func explainLast(plan *targets.Plan, service string) (*explanation, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	l := ledgerOf(cache, plan)
	history, err := l.Read()
	if err != nil {
		return nil, err
	}
	i := len(history.Builds) - 1
	for ; i >= 0 && service != ""; i-- {
		has := func(t ledger.Target) bool { return t.Service == service }
		if slices.ContainsFunc(history.Builds[i].Targets, has) {
			break
		}
	}
	if i < 0 {
		return nil, fmt.Errorf("no build of %s is known\nhint: docker catmandu build makes one, and why --next explains it before", orProject(service))
	}
	return explainBuild(l, history, i)
}

func orProject(service string) string {
	if service == "" {
		return "this project"
	}
	return fmt.Sprintf("service %q", service)
}

// explainBuild explains a build with what was known before it.
func explainBuild(l *ledger.Ledger, all *ledger.History, i int) (*explanation, error) {
	b := &all.Builds[i]
	past := forecast.Past{History: &ledger.History{Builds: all.Builds[:i]}, Builder: b.Builder.ID, Files: l.Files}
	e := &explanation{Build: &b.Build, Targets: []forecast.Target{}}
	for _, t := range b.Targets {
		g := &steps.Graph{Service: t.Service, Platform: t.Platform, Stage: t.Stage, Steps: []steps.Step{}}
		ran := map[string]bool{}
		for _, r := range b.Of(t.Service, t.Platform) {
			s := r.Step
			if ran[s.Digest] = r.Status != ledger.Cached; ran[s.Digest] {
				files, err := l.Files(*r)
				if err != nil {
					return nil, err
				}
				s.Takes = files
			}
			g.Steps = append(g.Steps, s)
		}
		e.Targets = append(e.Targets, forecast.Explain(g, past, ran))
	}
	return e, nil
}

// only leaves the steps that a word means: a line, a stage, or a part of the instruction.
func (e *explanation) only(word string) error {
	line, err := strconv.Atoi(word)
	isLine := err == nil
	found := false
	for i := range e.Targets {
		t := &e.Targets[i]
		t.Steps = slices.DeleteFunc(t.Steps, func(s forecast.Step) bool {
			if isLine {
				return line < s.Line || line > max(s.Line, s.EndLine)
			}
			return !strings.EqualFold(s.Stage, word) && !strings.Contains(strings.ToLower(s.Name), strings.ToLower(word))
		})
		found = found || len(t.Steps) > 0
	}
	if !found {
		return fmt.Errorf("no step %q\nhint: a line of the Dockerfile, a stage or a part of the instruction; docker catmandu plan --steps lists all", word)
	}
	return nil
}
