package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/cache"
	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// check sees that options go together.
func (o *buildOptions) check(services []string) error {
	switch {
	case !slices.Contains(progressModes, o.progress):
		return usageError("--progress %s: must be one of %s", o.progress, strings.Join(progressModes, ", "))
	case o.jobs < 0:
		return usageError("--jobs %d: must be 0 or more", o.jobs)
	case o.digestFile != "" && (!o.push || o.load || len(o.outputs) > 0):
		return usageError("--digest-file needs --push, and goes with neither --load nor --output")
	}
	return cmp.Or(o.checkContentTags(), o.mounts.check(services))
}

// runBuild decides what to build, and does it.
func runBuild(ctx context.Context, a *app, o *buildOptions, services []string) error {
	if err := o.check(services); err != nil {
		return err
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
	if err := errors.Join(removeOld("--metadata-file", o.metadataFile), removeOld("--digest-file", o.digestFile)); err != nil {
		return err
	}
	debug.SetGCPercent(buildGC)
	b, err := a.newBuilding(ctx, o, plan, project)
	if err != nil {
		return err
	}
	if o.contentTags {
		if err := b.reuse(ctx); err != nil {
			return err
		}
	}
	if b.plan == nil {
		result := &buildx.Result{Project: plan.Project, Kind: plan.Kind, Targets: b.twins.results()}
		return cmp.Or(b.tell(ctx, result), b.write(result))
	}
	return b.run(ctx)
}

// building is one build on its way.
type building struct {
	*app
	*buildOptions
	plan    *targets.Plan
	project *compose.Project
	// folder is what is kept of all projects; name is the builder's, empty for the one to use by default.
	folder, name string
	builder      builder
	options      buildx.BuildOptions
	caches       *cache.Settings
	joins        *joins
	record       *recorder
	twins        *twins
}

func (a *app) newBuilding(ctx context.Context, o *buildOptions, plan *targets.Plan, project *compose.Project) (*building, error) {
	b := &building{app: a, buildOptions: o, plan: plan, project: project, name: cmp.Or(o.builder, os.Getenv("BUILDX_BUILDER"))}
	var err error
	if b.folder, err = cacheDir(); err != nil {
		return nil, err
	}
	if b.builder, err = a.open(ctx, b.name, plan.Dir); err != nil {
		return nil, err
	}
	b.options = buildx.BuildOptions{
		Outputs: buildx.Outputs{
			Load: o.load, Push: o.push, ByDigest: o.digestFile != "", Specs: o.outputs,
			Layouts: layoutDir(b.folder, plan), Manifests: filepath.Join(b.folder, "manifests"),
		},
		Progress: o.progress, Out: a.display, Notices: a.err, Environment: project.Environment, KeepGoing: o.keepGoing,
		Jobs: cmp.Or(o.jobs, buildx.MachineJobs()), Metadata: o.metadataFile != "",
	}
	b.options.CacheTimeout, err = cacheTimeout()
	return b, err
}

// running connects to the builder, and starts it where it doesn't run.
func (b *building) running(ctx context.Context) (*buildx.Live, error) {
	return b.builder.Running(ctx, b.options)
}

// reuse takes out of the plan what is in the registry already; the plan is nil when that is all.
func (b *building) reuse(ctx context.Context) error {
	live, err := b.running(ctx)
	if err != nil {
		return err
	}
	if b.twins, err = b.findTwins(ctx, b.plan, live, b.name); err != nil {
		return err
	}
	b.plan = b.twins.rest()
	return b.twins.retag(ctx)
}

// settle decides which caches the builds use.
func (b *building) settle(ctx context.Context) error {
	var err error
	b.caches, err = b.cacheSettings(ctx, cacheAsk{
		from: &b.from, flag: b.cache, plan: b.plan, project: b.project, pushes: b.push, live: b.running,
	})
	if err != nil {
		return err
	}
	b.caches.Probe(writable)
	b.noteCaches(b.caches)
	b.joins = b.newJoins(b.caches, b.name, b.options.CacheTimeout)
	b.joins.before(ctx, b.caches)
	b.caches.Apply(b.plan)
	return nil
}

// run builds, and tells of it.
func (b *building) run(ctx context.Context) error {
	travel, err := b.newRoundTrip()
	if err != nil {
		return err
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	if err := travel.begin(ctx, b.plan, b.running); err != nil {
		return err
	}
	if os.Getenv("CATMANDU_LEDGER") != "off" {
		b.record = newRecorder(ctx, b.builder, b.folder, b.plan)
		b.options.Graph, b.options.Images = b.record.graph, b.record.images.Watching
	}
	defer usePlaces(b.err, b.folder, b.plan, b.options.Outputs)()
	result, err := b.builder.Build(ctx, b.plan, b.options)
	if err == nil {
		b.joins.after(ctx)
	}
	if result != nil {
		result.Targets = append(result.Targets, b.twins.results()...)
		if err := b.tell(ctx, result); err != nil {
			return err
		}
	}
	if err == nil {
		err = b.write(result)
	}
	return cmp.Or(err, travel.end(ctx, err != nil))
}

// tell prints a result and keeps it. What can't be kept is no reason to fail: the build is what counts.
func (b *building) tell(ctx context.Context, result *buildx.Result) error {
	warn := func(what string, err error) {
		if err != nil {
			fmt.Fprintln(b.err, "warning: "+what+":", err)
		}
	}
	if !b.quiet {
		if err := printResult(b.err, result); err != nil {
			return err
		}
		if b.caches != nil {
			if err := printCacheUse(b.err, b.caches, result); err != nil {
				return err
			}
		}
	}
	if b.record != nil {
		warn("the build is not in the ledger", b.record.finish(b.err, b.plan, result, b.quiet))
		warn("cache exports are not noted", noteExports(ctx, b.folder, b.plan, result))
	}
	if b.twins != nil && b.record != nil {
		warn("images have no content tags", b.twins.keep(ctx, b.record, result))
	}
	warn("the job's summary", reportToGitHub(b.err, result))
	return nil
}

// write writes the files that were asked for.
func (b *building) write(result *buildx.Result) error {
	if b.metadataFile != "" {
		if err := writeMetadata(b.metadataFile, result); err != nil {
			return err
		}
	}
	if b.digestFile != "" {
		return writeDigests(b.digestFile, b.plan, result)
	}
	return nil
}
