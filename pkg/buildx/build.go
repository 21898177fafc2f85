package buildx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/docker/buildx/build"
	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/util/confutil"
	"github.com/docker/buildx/util/dockerutil"
	"github.com/docker/buildx/util/progress"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/sirupsen/logrus"

	"github.com/docker-catmandu/docker-catmandu/pkg/joint"
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
}

// Build carries out a plan. When targets fail it returns what was done together with an error that has all of
// them.
func (b *Builder) Build(ctx context.Context, p *targets.Plan, o BuildOptions) (*Result, error) {
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
	rec := newRecorder(printer, j.services)
	result := &Result{Project: p.Project, Kind: p.Kind, Builder: b.Name, Started: time.Now()}
	responses, err := j.run(ctx, rec, o)
	if err == nil && (len(j.failed) == 0 || o.KeepGoing) {
		err = j.deliver(ctx, rec, responses)
	}
	if waitErr := printer.Wait(); err == nil {
		err = waitErr
	}
	result.Steps, result.Warnings = rec.all(), warnings(printer.Warnings())
	j.finish(ctx, result, responses)
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

// job is the carrying out of one plan.
type job struct {
	builder *Builder
	// nodes are the builder's, with the platforms they are to build.
	nodes []builder.Node
	plan  *targets.Plan
	// leads has for every service the one whose build makes its image; all that is by service below is by these.
	leads        map[string]string
	services     []string
	targets      map[string]targets.Target
	options      map[string]build.Options
	destinations map[string]*destination
	// loader is nil when no image goes into an engine, or when the engine itself builds.
	loader func() (*loader, error)
	layers content.Store

	mu     sync.Mutex
	failed map[string]build.TargetResult
}

// newJob translates a plan, so that all that can be wrong with it is said before anything runs.
func (b *Builder) newJob(ctx context.Context, p *targets.Plan, o BuildOptions, layers content.Store) (*job, error) {
	if err := b.limits(ctx, p, o.Outputs); err != nil {
		return nil, err
	}
	j := &job{
		builder: b, nodes: b.nodes, plan: p, layers: layers, leads: map[string]string{}, failed: map[string]build.TargetResult{},
		targets: map[string]targets.Target{}, options: map[string]build.Options{}, destinations: map[string]*destination{},
	}
	all := groups(p, func(t targets.Target) string { return o.Outputs.place(t, b.engine) })
	wanted := 0
	for _, g := range all {
		for _, service := range g.services {
			j.leads[service] = g.lead.Service
		}
		j.services = append(j.services, g.lead.Service)
		if !g.lead.Linked {
			wanted++
		}
	}
	var errs []error
	for _, g := range all {
		if err := j.add(ctx, g, o, wanted > 1); err != nil {
			errs = append(errs, fmt.Errorf("service %q: %w", g.lead.Service, err))
		}
	}
	if len(errs) > 0 {
		j.clean()
		return nil, errors.Join(errs...)
	}
	return j, nil
}

func (j *job) add(ctx context.Context, g group, o BuildOptions, many bool) error {
	t := g.lead
	opts, err := options(j.plan, g, j.leads)
	if err != nil {
		return err
	}
	if opts.Session, err = attachables(j.builder.cli, t.Build, o.Environment); err != nil {
		return err
	}
	if o.Metadata {
		opts.ProvenanceResponseMode = confutil.MetadataProvenance()
	}
	d, err := o.Outputs.destination(t, many, j.builder.engine)
	if err != nil {
		return err
	}
	if !isIndex(opts) {
		j.loadInto(ctx, d, o.Outputs.Manifests)
	}
	opts.Exports = d.entries
	if d.tags != nil {
		opts.Tags = slices.Clone(d.tags)
	}
	if _, said := opts.Attests["provenance"]; !said && !d.attested {
		opts.Attests["provenance"] = nil
	}
	j.targets[t.Service], j.options[t.Service], j.destinations[t.Service] = t, opts, d
	return nil
}

// isIndex tells whether an image has more than one manifest. Our loader knows no such images; buildx loads them as a whole.
func isIndex(o build.Options) bool {
	for _, value := range o.Attests {
		if value != nil {
			return true
		}
	}
	return len(o.Platforms) > 1
}

// loadInto lets the images of a builder elsewhere come into the engine by our loader.
func (j *job) loadInto(ctx context.Context, d *destination, manifests string) {
	if j.builder.Driver == "docker" || !slices.ContainsFunc(d.entries, intoEngine) {
		return
	}
	d.load(j.layers)
	if j.loader != nil {
		return
	}
	// The engine's answer is needed when something is built, and takes as long as a small build.
	j.loader = sync.OnceValues(func() (*loader, error) { return j.builder.newLoader(ctx, j.plan.Project, manifests) })
	go func() { _, _ = j.loader() }()
}

func (j *job) handler(o BuildOptions) *build.Handler {
	h := &build.Handler{Completed: func(service string, r build.TargetResult) {
		if r.Err != nil {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.failed[service] = r
		}
	}}
	if isLinked(j.options) {
		h.Evaluate = gate(o.Jobs)
	} else {
		h.Execution.Parallel = o.Jobs
	}
	if o.KeepGoing {
		h.Execution.Mode = build.ExecutionModeDeferError
	}
	return h
}

// finish puts images in their places and fills in the result.
func (j *job) finish(ctx context.Context, result *Result, responses map[string]*client.SolveResponse) {
	result.Targets = []TargetResult{}
	for _, t := range j.plan.Targets {
		lead := j.leads[t.Service]
		if t.Linked {
			if f, ok := j.failed[lead]; !ok || f.Aborted {
				continue
			}
		}
		r := TargetResult{Service: t.Service, Stage: t.Stage, Tags: t.Tags, Seconds: elapsed(result.Steps, lead)}
		r.Cached, r.Steps = counts(result.Steps, lead)
		if resp := responses[lead]; resp != nil {
			j.complete(ctx, &r, j.destinations[lead], resp.ExporterResponse)
		}
		if f, ok := j.failed[lead]; ok {
			r.Error, r.Canceled = firstLine(failed(lead, f.Err)), f.Aborted
		}
		result.Targets = append(result.Targets, r)
	}
}

// complete fills in what a target's response says.
func (j *job) complete(ctx context.Context, r *TargetResult, d *destination, response map[string]string) {
	if err := d.commit(); err != nil {
		j.mu.Lock()
		j.failed[j.leads[r.Service]] = build.TargetResult{Err: fmt.Errorf("%s: %w", d.where, err)}
		j.mu.Unlock()
		return
	}
	r.Metadata = metadata(response)
	r.Output, r.Ref = d.shown(r.Tags), response["buildx.build.ref"]
	r.Digest = response["containerimage.digest"]
	j.measure(ctx, r, d, response)
}

func (j *job) clean() {
	for _, d := range j.destinations {
		d.clean()
	}
}

// failure returns one error of all that failed, without the targets that were only stopped because of them.
func (j *job) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for _, service := range j.services {
		if f, ok := j.failed[service]; ok && !f.Aborted {
			errs = append(errs, failed(service, f.Err))
		}
	}
	if len(errs) == 0 && err != nil {
		return explain(err)
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}
