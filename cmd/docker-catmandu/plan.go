package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/cache"
	"github.com/docker-catmandu/docker-catmandu/pkg/forecast"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

type planOptions struct {
	from    planFlags
	format  format
	builder string
	steps   bool
	cache   cacheFlag
}

const planLong = `Print what a build would do, before anything runs: of every service the stage and why that one, the Dockerfile
and context, tags, platforms and caches. Needs no builder. Each cache that is imported or exported has its reason; --cache chooses as in
build.

Where this project was built before, it also says which steps will run and why, and what they took. A builder that runs is
asked which base images there are now and what its cache still has; none is started. --steps lists all steps, and what
services could share.

--format bake prints a file that docker buildx bake builds to the same images.`

const planExample = `  docker catmandu plan --target prod
  docker catmandu plan --target prod --target web=debug web api
  docker catmandu plan --steps web
  docker catmandu plan --format json | jq '.targets[].stage'
  docker catmandu plan --format bake | docker buildx bake -f -`

func newPlanCommand(a *app, project *projectFlags) *cobra.Command {
	o := planOptions{from: planFlags{project: project}}
	cmd := &cobra.Command{
		Use:               "plan [OPTIONS] [SERVICE...]",
		Short:             "Print what a build would do",
		Long:              planLong,
		Example:           planExample,
		ValidArgsFunction: completeServices(project),
		RunE: func(cmd *cobra.Command, services []string) error {
			return runPlan(cmd.Context(), a, &o, services)
		},
	}
	o.from.add(cmd.Flags())
	o.format.add(cmd.Flags(), "table", "json", "bake")
	cmd.Flags().StringVar(&o.builder, "builder", "", "Builder to make the forecast for")
	o.cache.add(cmd.Flags())
	cmd.Flags().BoolVar(&o.steps, "steps", false, "List all steps, and what they will do")
	_ = cmd.RegisterFlagCompletionFunc("builder", completeBuilders(a))
	completeTargets(cmd, &o.from)
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(o.format.choices, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runPlan(ctx context.Context, a *app, o *planOptions, services []string) error {
	plan, project, err := o.from.plan(ctx, services)
	if err != nil {
		return err
	}
	a.warn(plan, project)
	caches, err := a.cacheSettings(ctx, cacheAsk{
		from: &o.from, flag: o.cache, plan: plan, project: project, pushes: true,
		elsewhere: o.format.value == "bake",
		live:      func(ctx context.Context) (*buildx.Live, error) { return a.peekFor(ctx, o.builder, plan) },
	})
	if err != nil {
		return err
	}
	a.noteCaches(caches)
	if o.format.value == "bake" {
		caches.Apply(plan)
		return printJSON(a.out, plan.Bake())
	}
	look, err := a.forecast(ctx, o, plan)
	if err != nil {
		return err
	}
	if o.format.value == "json" {
		caches.Apply(plan)
		return printJSON(a.out, planned{plan, caches, look.targets, look.advice()})
	}
	if len(plan.Targets) == 0 {
		return nil
	}
	if note := look.note(); note != "" && len(look.targets) > 0 {
		fmt.Fprintln(a.err, note)
	}
	if o.steps {
		return errors.Join(printSteps(a.out, look.targets, plan.Dir), printAdvice(a.out, look.advice()))
	}
	if err := errors.Join(printPlan(a.out, plan, caches), a.printCaches(caches)); err != nil || len(look.targets) == 0 {
		return err
	}
	fmt.Fprintln(a.out)
	return printForecasts(a.out, look.targets, plan.Dir)
}

// planned is a plan with what it will do.
type planned struct {
	*targets.Plan
	Caches      *cache.Settings   `json:"caches"`
	Predictions []forecast.Target `json:"predictions"`
	Advice      []forecast.Advice `json:"advice"`
}

// forecast looks at the next build where there is something to say of it: a table without steps needs earlier builds.
func (a *app) forecast(ctx context.Context, o *planOptions, plan *targets.Plan) (*outlook, error) {
	none := &outlook{targets: []forecast.Target{}}
	if len(plan.Targets) == 0 {
		return none, nil
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	if o.format.value == "table" && !o.steps && !ledgerOf(cache, plan).Exists() {
		return none, nil
	}
	return a.look(ctx, plan, o.builder, false)
}

// peekFor connects to the builder of a plan if it runs, and if it can be asked.
func (a *app) peekFor(ctx context.Context, builder string, plan *targets.Plan) (*buildx.Live, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	live, err := a.peek(ctx, cmp.Or(builder, os.Getenv("BUILDX_BUILDER")), plan.Dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", buildx.ErrNotRunning, err)
	}
	return live, nil
}

// printPlan prints a row for each target; columns in which all rows are empty are left out. Caches have a table of their own where
// there is more to say of them.
func printPlan(w io.Writer, plan *targets.Plan, caches *cache.Settings) error {
	rows := [][]string{{"service", "target", "why", "dockerfile", "context", "platforms", "tags", "cache from", "cache to"}}
	for _, t := range plan.Targets {
		service := t.Service
		if t.Linked {
			service += " (linked)"
		}
		if caches.Active() {
			t.CacheFrom, t.CacheTo = nil, nil
		}
		rows = append(rows, []string{
			service, stageName(t.Stage), t.Reason, cmp.Or(within(t.Context, t.Dockerfile), "(inline)"), within(plan.Dir, t.Context),
			strings.Join(t.Platforms, ","), strings.Join(t.Tags, ","), shortCaches(t.CacheFrom), shortCaches(t.CacheTo),
		})
	}
	return table(w, dropEmpty(rows))
}

// stageName names the stage that is built; the last one has no name if its Dockerfile gives it none.
func stageName(stage string) string { return cmp.Or(stage, "(last)") }

// shortCaches writes caches in a registry as their image names.
func shortCaches(entries []string) string {
	var out []string
	for _, e := range entries {
		if ref, ok := strings.CutPrefix(e, "type=registry,ref="); ok && !strings.Contains(ref, ",") {
			e = ref
		}
		out = append(out, e)
	}
	return strings.Join(out, " ")
}

// within shortens a path that lies in dir.
func within(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsAbs(path) && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

// dropEmpty leaves out the columns that have nothing below their head.
func dropEmpty(rows [][]string) [][]string {
	out := make([][]string, len(rows))
	for c := range rows[0] {
		empty := true
		for _, row := range rows[1:] {
			empty = empty && row[c] == ""
		}
		if empty && len(rows) > 1 {
			continue
		}
		for r, row := range rows {
			out[r] = append(out[r], cmp.Or(row[c], "-"))
		}
	}
	return out
}
