package main

import (
	"fmt"
	"io"
	"path/filepath"
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
	cache        cacheFlag
	mounts       mountsFlag
	contentTags  bool
}

const buildLong = `Build the services of a Compose project, all at once, and what they are built from.

Images go into the Docker Engine. Where none answers they go into OCI layouts, one for each service, and the
summary at the end says where. --load, --push and --output choose.

The builder is the one of --builder, or of BUILDX_BUILDER, or buildx's current one, or the Docker Engine. Where
none of these answers, on Linux, a private BuildKit is started; it ends by itself when it has been idle.

Caches are imported and exported where that helps: in a job of GitHub Actions or GitLab by itself, elsewhere where --cache or
x-catmandu.cache says so. Each build has a cache of its own for its service, target, platform and branch, and falls back to those of
the default branch. Cache settings of the Compose file stand over that. A cache that can't be read or written never fails the build;
CATMANDU_CACHE_TIMEOUT is how long one may take to answer. docker catmandu plan tells what would be used, and why.

--cache-mounts fills empty cache mounts (RUN --mount=type=cache) before the build with what is stored, as docker catmandu cache restore
does, and stores them after it, as cache save does, if it succeeds. What goes wrong with that is a warning.

--content-tags gives every image that is pushed one tag more, which is made of all steps and settings that it is built from. Where an image
with the tag that a build would get is in its repositories already, it gets the other tags, and is not built.

What was built is written to a ledger in the cache folder, by which plan, why and the lines below the summary tell which
steps run and why. CATMANDU_LEDGER=off leaves that out.`

const buildExample = `  docker catmandu build --target prod
  docker catmandu build --target dev web
  docker catmandu build --target prod --push
  docker catmandu build --target prod --push --content-tags
  docker catmandu build --target prod --affected origin/main
  docker catmandu build --target prod --cache registry=registry.example.com/shop/cache
  docker catmandu build --target prod --cache-mounts=registry=registry.example.com/shop/mounts
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
	o.cache.add(flags)
	o.mounts.add(flags)
	flags.BoolVar(&o.contentTags, "content-tags", false, "With --push: give an image that is in the registry already its tags instead of building it")
	o.consent.add(flags)
	o.affected.add(flags)
	completeTargets(cmd, &o.from)
	_ = cmd.RegisterFlagCompletionFunc("builder", completeBuilders(a))
	_ = cmd.RegisterFlagCompletionFunc("progress", cobra.FixedCompletions(progressModes, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

var progressModes = []string{"auto", "plain", "tty", "quiet", "rawjson"}

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
