package main

import (
	"cmp"
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

type planOptions struct {
	from   planFlags
	format format
}

const planLong = `Print what a build would do, before anything runs: of every service the stage and why that one, the Dockerfile
and context, tags, platforms and caches. Needs no builder.

--format bake prints a file that docker buildx bake builds to the same images.`

const planExample = `  docker catmandu plan --target prod
  docker catmandu plan --target prod --target web=debug web api
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
	switch o.format.value {
	case "json":
		return printJSON(a.out, plan)
	case "bake":
		return printJSON(a.out, plan.Bake())
	}
	if len(plan.Targets) == 0 {
		return nil
	}
	return printPlan(a.out, plan)
}

// printPlan prints a row for each target; columns in which all rows are empty are left out.
func printPlan(w io.Writer, plan *targets.Plan) error {
	rows := [][]string{{"service", "target", "why", "dockerfile", "context", "platforms", "tags", "cache from", "cache to"}}
	for _, t := range plan.Targets {
		service := t.Service
		if t.Linked {
			service += " (linked)"
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
