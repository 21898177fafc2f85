package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

type buildOptions struct {
	from         planFlags
	builder      string
	progress     string
	quiet        bool
	load, push   bool
	outputs      []string
	metadataFile string
	digestFile   string
	keepGoing    bool
	jobs         int
	consent      consent
	affected     affectedFlag
}

const buildLong = `Build the services of a Compose project, all at once, and what they are built from.

Images go into the Docker Engine. Where none answers they go into OCI layouts, one for each service, and the
summary at the end says where. --load, --push and --output choose.

The builder is the one of --builder, or of BUILDX_BUILDER, or buildx's current one, or the Docker Engine. Where
none of these answers, on Linux, a private BuildKit is started; it ends by itself when it has been idle.

What was built is written to a ledger in the cache folder, by which plan, why and the lines below the summary tell which
steps run and why. CATMANDU_LEDGER=off leaves that out.`

const buildExample = `  docker catmandu build --target prod
  docker catmandu build --target dev web
  docker catmandu build --target prod --push
  docker catmandu build --target prod --affected origin/main
  docker catmandu build --target prod --platform linux/arm64 --push --digest-file arm64.json
  docker catmandu build --target prod --output type=oci,dest=images,tar=false`

func newBuildCommand(a *app, project *projectFlags) *cobra.Command {
	o := buildOptions{from: planFlags{project: project}}
	cmd := &cobra.Command{
		Use:               "build [OPTIONS] [SERVICE...]",
		Short:             "Build the services of the project",
		Long:              buildLong,
		Example:           buildExample,
		ValidArgsFunction: completeServices(project),
		RunE: func(cmd *cobra.Command, services []string) error {
			return runBuild(cmd.Context(), a, &o, services)
		},
	}
	o.from.add(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&o.builder, "builder", "", "Builder to use")
	flags.StringVar(&o.progress, "progress", "auto", "Progress display: auto, plain, tty, quiet, rawjson")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "Show no progress and no summary")
	flags.BoolVar(&o.load, "load", false, "Load images into the Docker Engine")
	flags.BoolVar(&o.push, "push", false, "Push images to their registries")
	flags.StringArrayVarP(&o.outputs, "output", "o", nil, "Where images go, type=…,dest=…; a folder when several services are built")
	flags.StringVar(&o.metadataFile, "metadata-file", "", "Write what was built to a JSON file")
	flags.StringVar(&o.digestFile, "digest-file", "", "Push one platform without tags and write what merge needs of it to a JSON file")
	flags.BoolVar(&o.keepGoing, "keep-going", false, "Build the other services to their end when one fails")
	flags.IntVar(&o.jobs, "jobs", 0, "Services to build at once; 0 chooses by CPUs and memory of this machine")
	o.consent.add(flags)
	o.affected.add(flags)
	completeTargets(cmd, &o.from)
	_ = cmd.RegisterFlagCompletionFunc("builder", completeBuilders(a))
	_ = cmd.RegisterFlagCompletionFunc("progress", cobra.FixedCompletions(progressModes, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

var progressModes = []string{"auto", "plain", "tty", "quiet", "rawjson"}

func runBuild(ctx context.Context, a *app, o *buildOptions, services []string) error {
	if !slices.Contains(progressModes, o.progress) {
		return usageError("--progress %s: must be one of %s", o.progress, strings.Join(progressModes, ", "))
	}
	if o.jobs < 0 {
		return usageError("--jobs %d: must be 0 or more", o.jobs)
	}
	if o.digestFile != "" && (!o.push || o.load || len(o.outputs) > 0) {
		return usageError("--digest-file needs --push, and goes with neither --load nor --output")
	}
	plan, project, err := o.from.plan(ctx, services)
	if err != nil {
		return err
	}
	a.warn(plan, project)
	if len(plan.Targets) == 0 {
		return nil
	}
	if o.affected.given {
		if plan, err = a.onlyAffected(ctx, o, plan, services); err != nil || plan == nil {
			return err
		}
	}
	if err := o.consent.check(ctx, a, plan); err != nil {
		return err
	}
	if o.quiet {
		o.progress = "quiet"
	}
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	if err := errors.Join(removeOld("--metadata-file", o.metadataFile), removeOld("--digest-file", o.digestFile)); err != nil {
		return err
	}
	debug.SetGCPercent(buildGC)
	b, err := a.open(ctx, cmp.Or(o.builder, os.Getenv("BUILDX_BUILDER")), plan.Dir)
	if err != nil {
		return err
	}
	options := buildx.BuildOptions{
		Outputs: buildx.Outputs{
			Load: o.load, Push: o.push, ByDigest: o.digestFile != "", Specs: o.outputs,
			Layouts: layoutDir(cache, plan), Manifests: filepath.Join(cache, "manifests"),
		},
		Progress: o.progress, Out: a.display, Notices: a.err, Environment: project.Environment, KeepGoing: o.keepGoing,
		Jobs: cmp.Or(o.jobs, buildx.MachineJobs()), Metadata: o.metadataFile != "",
	}
	var record *recorder
	if os.Getenv("CATMANDU_LEDGER") != "off" {
		record = newRecorder(ctx, b, cache, plan)
		options.Graph, options.Images = record.graph, record.images.Watching
	}
	result, err := b.Build(ctx, plan, options)
	if result != nil && !o.quiet {
		if err := printResult(a.err, result); err != nil {
			return err
		}
	}
	if err := record.finish(a.err, plan, result, o.quiet); err != nil {
		fmt.Fprintln(a.err, "warning: the build is not in the ledger:", err)
	}
	if result != nil {
		if err := reportToGitHub(a.err, result); err != nil {
			fmt.Fprintln(a.err, "warning:", err) // the build is what counts
		}
	}
	if err == nil && o.metadataFile != "" {
		err = writeMetadata(o.metadataFile, result)
	}
	if err == nil && o.digestFile != "" {
		err = writeDigests(o.digestFile, plan, result)
	}
	return err
}

// layoutDir is where OCI layouts of the project's images go when nothing else was asked for.
func layoutDir(cache string, plan *targets.Plan) string {
	return filepath.Join(projectDir(cache, plan), "images")
}

// printResult prints what BuildKit warns of, and a row for each target.
func printResult(w io.Writer, r *buildx.Result) error {
	for _, warning := range r.Warnings {
		text := warning.Message
		if warning.Line > 0 {
			text = fmt.Sprintf("%s:%d: %s", warning.File, warning.Line, text)
		}
		if _, err := fmt.Fprintln(w, "warning:", text); err != nil {
			return err
		}
	}
	rows := [][]string{{"service", "target", "cached", "seconds", "image", "size", "output"}}
	for _, t := range r.Targets {
		image, size := shortDigest(t.Digest), ""
		switch {
		case t.Canceled:
			image = "canceled"
		case t.Error != "":
			image = "failed"
		}
		if t.Size > 0 {
			size = units.HumanSize(float64(t.Size))
		}
		rows = append(rows, []string{
			t.Service, stageName(t.Stage), fmt.Sprintf("%d of %d", t.Cached, t.Steps),
			fmt.Sprintf("%.1f", t.Seconds), image, size, t.Output,
		})
	}
	return table(w, dropEmpty(rows))
}

// shortDigest is the form in which docker shows digests.
func shortDigest(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(12, len(hex))]
}
