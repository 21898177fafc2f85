package buildx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/docker/buildx/build"
	"github.com/docker/buildx/util/dockerutil"
	"github.com/docker/buildx/util/progress"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/sirupsen/logrus"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/joint"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// BuildOptions say how a plan is carried out.
type BuildOptions struct {
	Outputs Outputs
	// Progress is BuildKit's display mode: auto, plain, tty, quiet or rawjson.
	Progress string
	// Out is where the progress goes.
	Out io.Writer
	// Notices gets a line for what the user should know before the build.
	Notices io.Writer
	// Environment has the values of secrets that come from variables.
	Environment map[string]string
	// KeepGoing builds the other targets to their end when one fails.
	KeepGoing bool
	// Jobs is how many targets are built at once; 0 is no limit.
	Jobs int
	// Metadata is set when the metadata of targets is to be kept: it then has the provenance that
	// BUILDX_METADATA_PROVENANCE asks for.
	Metadata bool
	// Graph is told of the graph of every target and platform, as BuildKit gets it and before it is built; of targets that
	// are one build, of each. It is called from several goroutines and must return at once.
	Graph func(steps.Source)
	// Images may be put before the one who looks images up, to see what is found; nil for nobody. Builds that go through
	// buildx don't come by.
	Images func(frontend.Images) frontend.Images
	// CacheTimeout is how long a registry with caches may take to answer; 0 is five seconds.
	CacheTimeout time.Duration

	patience *patience
}

// Build carries out a plan. When targets fail it returns what was done together with an error that has all of
// them.
func (b *Builder) Build(ctx context.Context, p *targets.Plan, o BuildOptions) (*Result, error) {
	return b.buildAnswered(ctx, p, o, b.buildWith)
}

// buildWith carries out a plan on an engine that may turn out to lack layers.
func (b *Builder) buildWith(ctx context.Context, p *targets.Plan, o BuildOptions) (*Result, error) {
	result, err := b.build(ctx, p, o, nil)
	if !errors.Is(err, errNoLayers) {
		return result, err
	}
	// BuildKit does not give out what the engine lacks, or lost it in between: once more, with all layers.
	dir, err := os.MkdirTemp("", "docker-catmandu-layers-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	layers, err := local.NewStore(dir)
	if err != nil {
		return nil, err
	}
	o.Notices = io.Discard // they were given
	return b.build(ctx, p, o, layers)
}

// build carries out a plan once. layers gets the layers of images that go into an engine; nil leaves them where they are.
func (b *Builder) build(ctx context.Context, p *targets.Plan, o BuildOptions, layers content.Store) (*Result, error) {
	j, err := b.newJob(ctx, p, o, layers)
	if err != nil {
		return nil, err
	}
	defer j.clean()
	j.place(ctx, o)

	// The display must outlive an interrupted build: a printer whose context ends takes no more updates, and
	// whoever writes to it waits for ever.
	printer, err := progress.NewPrinter(context.WithoutCancel(ctx), o.Out, progressui.DisplayMode(o.Progress),
		progress.WithDesc(fmt.Sprintf("building with %q instance using %s driver", b.Name, b.Driver), b.Driver+":"+b.Name))
	if err != nil {
		return nil, fmt.Errorf("--progress %s: %w", o.Progress, err)
	}
	var display progress.Writer = printer
	if folds(o.Progress, isTerminal(o.Out), len(j.services)) {
		display = newFolder(printer, j.services)
	}
	rec := newRecorder(display, j.services)
	rec.patience = o.patience
	result := &Result{Project: p.Project, Kind: p.Kind, Builder: b.Name, Started: time.Now()}
	responses, err := j.run(ctx, rec, o)
	if err == nil && (len(j.failed) == 0 || o.KeepGoing) {
		err = j.deliver(ctx, rec, responses)
	}
	if waitErr := printer.Wait(); err == nil {
		err = waitErr
	}
	result.Steps, result.Warnings = rec.all(), warnings(p, printer.Warnings())
	result.Work, result.ContextBytes = rec.work()
	result.Caches = rec.caches()
	j.finish(ctx, rec, result, responses)
	result.Seconds = time.Since(result.Started).Seconds()
	return result, j.failure(ctx, err)
}

// run builds all targets: as one job of BuildKit where that gives the same images, or else each by itself.
func (j *job) run(ctx context.Context, rec *recorder, o BuildOptions) (map[string]*client.SolveResponse, error) {
	err := j.apart()
	if err == nil {
		var responses map[string]*client.SolveResponse
		if responses, err = j.together(ctx, rec, o); !errors.Is(err, joint.ErrApart) {
			return responses, err
		}
		rec.own(nil)
	}
	logrus.Debugf("each target is built by itself: %v", err)
	return build.Build(ctx, j.nodes, j.options, dockerutil.NewClient(j.builder.cli), j.builder.config, rec, j.handler(o))
}
