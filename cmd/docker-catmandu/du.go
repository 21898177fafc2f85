package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/refs"
	"github.com/docker-catmandu/docker-catmandu/pkg/retention"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

type duOptions struct {
	from    planFlags
	builder string
	format  format
	verbose bool
}

const duLong = `Show what the cache of a builder holds: for which service and stage of this project, and what of it is still of use.

  used      current targets need it: as declared, for production, for development
  stale     this project made it, and neither its targets nor anybody else that is known of needs it any more
  shared    another project has it too
  unknown   of other projects, or of no known origin

The builder is asked for every step of the current targets by itself, without running any, so "used" is exact. What this project
made before is known from its ledger: builds without it, as docker compose build makes them, are of unknown origin, and a RUN that
no build with it has made or found is not asked for, as that could break a build that comes to it just then.

Also shown is what builds left elsewhere on this machine: images in the Docker Engine, folders that caches are exported to and what
of them nothing leads to any more, OCI layouts, and what commands left that were killed. Where the builder's rules of garbage
collection are too small for the project, or not what was probably meant, that is said, with the steps that ran again for it.

docker catmandu prune removes what is stale.`

func newDuCommand(a *app, project *projectFlags) *cobra.Command {
	o := duOptions{from: planFlags{project: project}}
	cmd := &cobra.Command{
		Use:               "du [OPTIONS]",
		Short:             "Show what the build cache holds, by service and stage",
		Long:              duLong,
		Example:           "  docker catmandu du\n  docker catmandu du --verbose\n  docker catmandu du --format json | jq '.totals'",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDu(cmd.Context(), a, &o)
		},
	}
	o.from.addTargets(cmd.Flags())
	o.format.add(cmd.Flags(), "table", "json")
	cmd.Flags().StringVar(&o.builder, "builder", "", "Builder to ask")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "List every record")
	_ = cmd.RegisterFlagCompletionFunc("builder", completeBuilders(a))
	return cmd
}

// held is what du prints as JSON.
type held struct {
	Project string        `json:"project"`
	Builder string        `json:"builder"`
	Totals  []usage.Total `json:"totals"`
	Rows    []usage.Row   `json:"rows"`
	Records []usage.Item  `json:"records"`
	// Images are those of the project in the Docker Engine.
	Images []buildx.EngineImage `json:"images"`
	// Refs are build caches of the project in registries.
	Refs []refs.Ref `json:"cacheRefs"`
	*aside
	Advice []retention.Advice `json:"advice"`
	// Unknown says what of the current targets could not be learnt.
	Unknown []string `json:"notKnown"`
}

func runDu(ctx context.Context, a *app, o *duOptions) error {
	h, err := a.holdings(ctx, &o.from, o.builder)
	if err != nil {
		return err
	}
	exported, err := a.exportedRefs(ctx, &o.from, h, o.builder)
	if err != nil {
		return err
	}
	h.tell(a.err)
	if o.format.value == "json" {
		return printJSON(a.out, held{h.plan.Project, h.name, h.Totals(), h.Rows(), h.Items, append([]buildx.EngineImage{}, h.images...), exported, h.aside, h.advice, append([]string{}, h.unknown...)})
	}
	if o.verbose {
		return errors.Join(printRecords(a.out, h.Items), h.aside.print(a.out), printExported(a.out, exported, true), h.printAdvice(a.out))
	}
	return errors.Join(printRows(a.out, h.Rows()), printTotals(a.out, h.Totals()), h.printImages(a.out), h.aside.print(a.out), printExported(a.out, exported, false), h.printAdvice(a.out))
}

// tell says what is not known.
func (h *holdings) tell(w io.Writer) {
	for _, text := range h.unknown {
		fmt.Fprintln(w, "not known:", text)
	}
}

func printRows(w io.Writer, rows []usage.Row) error {
	out := [][]string{{"service", "kind", "stage", "what", "state", "records", "size"}}
	for _, r := range rows {
		if r.Class == usage.Unknown && r.Service == "" {
			continue // it is in the totals
		}
		out = append(out, []string{
			cmp.Or(r.Service, "-"), cmp.Or(r.Kind, "-"), cmp.Or(r.Stage, "-"), r.RecordKind, r.Class, fmt.Sprint(r.Records), units.HumanSize(float64(r.Bytes)),
		})
	}
	if len(out) == 1 {
		return nil
	}
	if err := table(w, out); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

func printTotals(w io.Writer, totals []usage.Total) error {
	out := [][]string{{"state", "records", "size"}}
	for _, t := range totals {
		out = append(out, []string{t.Class, fmt.Sprint(t.Records), units.HumanSize(float64(t.Bytes))})
	}
	return table(w, out)
}

// printImages prints what the Docker Engine has of the project.
func (h *holdings) printImages(w io.Writer) error {
	if len(h.images) == 0 {
		return nil
	}
	var named, without int64
	for _, i := range h.images {
		if len(i.Tags) > 0 {
			named += i.Size
		} else {
			without += i.Size
		}
	}
	n := len(h.superseded())
	_, err := fmt.Fprintf(w, "\nimages in the Docker Engine: %d, %s; superseded: %d, %s (layers that they share count in each)\n",
		len(h.images)-n, units.HumanSize(float64(named)), n, units.HumanSize(float64(without)))
	return err
}

// printRecords prints a row for each record, the greatest first.
func printRecords(w io.Writer, items []usage.Item) error {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b usage.Item) int { return cmp.Compare(b.Size, a.Size) })
	cwd, _ := os.Getwd()
	out := [][]string{{"id", "node", "state", "what", "size", "used", "rebuild", "for"}}
	for _, i := range items {
		out = append(out, []string{i.ID, i.Node, i.Class, i.Kind, units.HumanSize(float64(i.Size)), ago(i.Record), rebuild(i.Seconds), forWhat(cwd, i)})
	}
	return table(w, dropEmpty(out))
}

func ago(r usage.Record) string {
	t := r.LastUsed
	if t.IsZero() {
		t = r.Created
	}
	if t.IsZero() {
		return "-"
	}
	return units.HumanDuration(time.Since(t)) + " ago"
}

func rebuild(s float64) string {
	if s == 0 {
		return "-"
	}
	return seconds(s)
}

// forWhat names the step that a record is of, with its place as seen from a folder, or what BuildKit calls it.
func forWhat(cwd string, i usage.Item) string {
	if len(i.Refs) == 0 {
		return cut(i.Description)
	}
	r := i.Refs[0]
	var words []string
	if r.File != "" {
		words = append(words, fmt.Sprintf("%s:%d", within(cwd, r.File), r.Line))
	}
	words = append(words, cmp.Or(shortName(r.Step), i.Description))
	text := cut(strings.Join(words, " "))
	if n := len(i.Refs) - 1; n > 0 {
		text += fmt.Sprintf(" (+%d)", n)
	}
	return text
}

// maxText is how much of a description a row shows.
const maxText = 80

func cut(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxText {
		return string(r[:maxText-1]) + "…"
	}
	return s
}
