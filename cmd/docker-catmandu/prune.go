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

	"github.com/docker/cli/cli/streams"
	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

type pruneOptions struct {
	from          planFlags
	builder       string
	format        format
	services      []string
	stages        []string
	olderThan     time.Duration
	maxUsed       string
	mounts        bool
	images        bool
	all           bool
	everything    bool
	registry      bool
	cacheRefs     []string
	keep          int
	force, dryRun bool
}

const pruneLong = `Remove from the cache of a builder what this project no longer needs: results of steps as they were before, cache mounts that
no Dockerfile names any more. On this machine: what the index of a folder that caches were exported to (cache_to: type=local) does
not lead to, and what commands left that came to no end.

What a current target needs (as declared, for production, for development) stays, also what only the next edit would
miss, and so does what other projects have and what is of no known origin. docker catmandu du shows which is which.

What will go is printed first, with what it would take to make it again. On a terminal it is asked for; elsewhere nothing
happens without --force.

--registry removes build caches in registries (cache_to: type=registry) instead, of branches that are neither here nor on a remote any
more, if they were exported a week ago or earlier. What others there reach stays. The registry frees the space when it collects its garbage.

--all removes all of this project that nobody shares, --everything all that no build is using, whoever made it.`

func newPruneCommand(a *app, project *projectFlags) *cobra.Command {
	o := pruneOptions{from: planFlags{project: project}}
	cmd := &cobra.Command{
		Use:               "prune [OPTIONS] [SERVICE...]",
		Short:             "Remove from the build cache what the project no longer needs",
		Long:              pruneLong,
		Example:           "  docker catmandu prune --dry-run\n  docker catmandu prune --force\n  docker catmandu prune --force --older-than 168h\n  docker catmandu prune --all web\n  docker catmandu prune --registry --dry-run",
		ValidArgsFunction: completeServices(project),
		RunE: func(cmd *cobra.Command, services []string) error {
			services = append(services, o.services...)
			if o.registry {
				if !cmd.Flags().Changed("older-than") {
					o.olderThan = refAge
				}
				return runPruneRegistry(cmd.Context(), a, &o, services)
			}
			return runPrune(cmd.Context(), a, &o, services)
		},
	}
	o.from.addTargets(cmd.Flags())
	o.format.add(cmd.Flags(), "table", "json")
	flags := cmd.Flags()
	flags.StringVar(&o.builder, "builder", "", "Builder to prune")
	flags.StringSliceVar(&o.services, "service", nil, "Only what is of these services, as arguments say it too")
	flags.StringSliceVar(&o.stages, "stage", nil, "Only what is of these stages")
	flags.DurationVar(&o.olderThan, "older-than", 0, "Only what was not used for so long")
	flags.StringVar(&o.maxUsed, "max-used-space", "", "Remove no more than it takes to come below this size")
	flags.StringVar(&o.maxUsed, "keep-storage", "", "The same as --max-used-space")
	_ = flags.MarkHidden("keep-storage") // docker buildx prune had it by that name
	flags.BoolVar(&o.mounts, "cache-mounts", false, "Only cache mounts of this project, also those in use by its Dockerfiles")
	flags.BoolVar(&o.images, "images", false, "Only images of this project in the Docker Engine that others were built in the place of")
	flags.BoolVar(&o.all, "all", false, "All of this project that nobody shares")
	flags.BoolVar(&o.everything, "everything", false, "All that no build is using, whoever made it")
	o.addRegistry(flags)
	flags.BoolVar(&o.force, "force", false, "Do not ask")
	flags.BoolVar(&o.dryRun, "dry-run", false, "Print what would go, and remove nothing")
	_ = cmd.RegisterFlagCompletionFunc("builder", completeBuilders(a))
	return cmd
}

func (o *pruneOptions) selection(services []string) (usage.Selection, error) {
	s := usage.Selection{Services: services, Stages: o.stages, OlderThan: o.olderThan, Mounts: o.mounts, All: o.all, Everything: o.everything}
	if o.everything && (o.all || o.mounts || len(services) > 0 || len(o.stages) > 0) {
		return s, usageError("--everything goes with no service, stage, --all or --cache-mounts")
	}
	if len(o.cacheRefs) > 0 || o.keep != 0 {
		return s, usageError("--cache-ref and --keep go only with --registry")
	}
	if o.olderThan < 0 {
		return s, usageError("--older-than %s: must be 0 or more", o.olderThan)
	}
	if o.maxUsed != "" {
		size, err := units.RAMInBytes(o.maxUsed)
		if err != nil || size <= 0 {
			return s, usageError("--max-used-space %s: must be a size such as 10GB", o.maxUsed)
		}
		s.MaxUsed = size
	}
	return s, nil
}

// pruned is what prune prints as JSON.
type pruned struct {
	*usage.Plan
	// Removed are the IDs of what is gone, which can be less than was planned: what a build began to use stays.
	Removed []string `json:"removed"`
	// Images are those to go, and RemovedImages are gone.
	Images        []buildx.EngineImage `json:"images"`
	RemovedImages []string             `json:"removedImages"`
	Freed         int64                `json:"freed"`
	DryRun        bool                 `json:"dryRun"`
	*asidePlan
	// stillShared is how many records stayed because images still have the same data.
	stillShared int
}

func runPrune(ctx context.Context, a *app, o *pruneOptions, services []string) error {
	selection, err := o.selection(services)
	if err != nil {
		return err
	}
	h, err := a.holdings(ctx, &o.from, o.builder)
	if err != nil {
		return err
	}
	h.tell(a.err)
	out := h.planned(o, selection)
	if o.format.value == "table" {
		if err := out.announce(a.err); err != nil {
			return err
		}
	}
	if !out.empty() && !o.dryRun {
		if err := a.confirm(ctx, o.force, "Remove "+out.what()+"?"); err != nil {
			return err
		}
		if err := h.remove(ctx, a, out, selection); err != nil {
			return err
		}
	}
	if !o.dryRun && !o.images {
		if err := h.renounce(selection); err != nil {
			return err
		}
	}
	if o.format.value == "json" {
		return printJSON(a.out, out)
	}
	return out.print(a.out)
}

// planned is what goes: records by the selection, and superseded images unless it is of something else.
func (h *holdings) planned(o *pruneOptions, s usage.Selection) *pruned {
	out := &pruned{
		Plan: &usage.Plan{Remove: []usage.Item{}, Keep: map[string]string{}, Lose: []usage.Loss{}}, Removed: []string{},
		Images: []buildx.EngineImage{}, RemovedImages: []string{}, DryRun: o.dryRun,
	}
	beside := h.aside
	if o.images {
		beside = &aside{}
	}
	out.asidePlan = beside.plan(s, h.plan.Project, time.Now())
	if h.building {
		out.keepFolders()
	}
	if o.images || len(s.Stages) == 0 && !s.Mounts && s.MaxUsed == 0 {
		for _, i := range h.superseded() {
			of := len(s.Services) == 0 || slices.Contains(s.Services, i.Service)
			if of && (s.OlderThan == 0 || time.Since(i.Created) > s.OlderThan) {
				out.Images = append(out.Images, i)
			}
		}
	}
	if !o.images {
		s.Unshared = len(out.Images) > 0
		out.Plan = h.Plan(s)
	}
	return out
}

// what is a plan in a few words.
func (p *pruned) what() string {
	var parts []string
	if len(p.Remove) > 0 {
		parts = append(parts, fmt.Sprintf("%s, %s", counted(len(p.Remove), "record"), units.HumanSize(float64(p.Bytes))))
	}
	if len(p.Images) > 0 {
		parts = append(parts, counted(len(p.Images), "superseded image"))
	}
	return strings.Join(append(parts, p.asidePlan.what()...), ", and ")
}

// empty tells whether nothing is to go.
func (p *pruned) empty() bool { return len(p.Remove)+len(p.Images) == 0 && p.asidePlan.empty() }

// remove removes what was planned, as far as nobody began to use it.
func (h *holdings) remove(ctx context.Context, a *app, out *pruned, s usage.Selection) error {
	for _, i := range out.Images {
		switch err := a.removeImage(ctx, i.ID); {
		case errors.Is(err, buildx.ErrImageUsed):
		case err != nil:
			return fmt.Errorf("image %s: %w", shortDigest(i.ID), err)
		default:
			out.RemovedImages = append(out.RemovedImages, i.ID)
		}
	}
	if err := h.narrow(ctx, out, s); err != nil {
		return err
	}
	if err := out.remove(ctx); err != nil || len(out.Remove) == 0 {
		return err
	}
	var ids []string
	for _, i := range out.Remove {
		ids = append(ids, i.ID)
	}
	if err := h.notePrune(); err != nil {
		return err
	}
	gone, err := h.live.Remove(ctx, ids)
	for _, r := range gone {
		out.Removed = append(out.Removed, r.ID)
		out.Freed += r.Size
	}
	return err
}

// confirm asks on a terminal; elsewhere there has to be --force.
func (a *app) confirm(ctx context.Context, force bool, question string) error {
	in := streams.NewIn(os.Stdin)
	switch {
	case force:
		return nil
	case !in.IsTerminal():
		return errors.New("nothing was removed: there is no terminal to ask at\nhint: --force removes it, --dry-run only prints what would go")
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	if ok, err := saysYes(ctx, in); err != nil || ok {
		return err
	}
	return errors.New("nothing was removed")
}

// announce prints what will go.
func (p *pruned) announce(w io.Writer) error {
	if len(p.Remove) > 0 {
		if err := printRecords(w, p.Remove); err != nil {
			return err
		}
	}
	for _, i := range p.Images {
		fmt.Fprintf(w, "image %s of %s, %s, made %s ago\n", shortDigest(i.ID), cmp.Or(i.Service, "the project"), units.HumanSize(float64(i.Size)),
			units.HumanDuration(time.Since(i.Created)))
	}
	for _, l := range p.Lose {
		fmt.Fprintf(w, "project %s loses %s, %s, that took %s\n", l.Project, counted(l.Records, "record"), units.HumanSize(float64(l.Bytes)), seconds(l.Seconds))
	}
	p.asidePlan.announce(w)
	if p.Seconds > 0 {
		fmt.Fprintf(w, "making it again would take about %s\n", seconds(p.Seconds))
	}
	return nil
}

func (p *pruned) print(w io.Writer) error {
	var err error
	switch {
	case p.empty():
		_, err = fmt.Fprintln(w, "nothing to remove")
	case p.DryRun:
		_, err = fmt.Fprintln(w, "would remove", p.what())
	default:
		p.asidePlan.print(w)
		if len(p.Remove)+len(p.Images) == 0 {
			return nil
		}
		_, err = fmt.Fprintf(w, "removed %s, %s", counted(len(p.Removed), "record"), units.HumanSize(float64(p.Freed)))
		if n := len(p.RemovedImages); n > 0 {
			fmt.Fprintf(w, ", and %s", counted(n, "image"))
		}
		fmt.Fprintln(w)
		if left := len(p.Remove) - len(p.Removed) + len(p.Images) - len(p.RemovedImages); left > 0 {
			_, err = fmt.Fprintf(w, "%d of them stayed: they are in use, or others are built on them\n", left)
		}
		if p.stillShared > 0 {
			_, err = fmt.Fprintf(w, "%s stayed: an image of the engine has the same data\n", counted(p.stillShared, "record"))
		}
	}
	return err
}
