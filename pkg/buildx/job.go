package buildx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/docker/buildx/build"
	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/util/confutil"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

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
	// graph is told of every graph before it is built; nil when nobody wants to know.
	graph func(steps.Source)

	mu     sync.Mutex
	failed map[string]build.TargetResult
}

// newJob translates a plan, so that all that can be wrong with it is said before anything runs.
func (b *Builder) newJob(ctx context.Context, p *targets.Plan, o BuildOptions, layers content.Store) (*job, error) {
	if err := b.limits(ctx, p, o.Outputs); err != nil {
		return nil, err
	}
	j := &job{
		builder: b, nodes: b.nodes, plan: p, layers: layers, graph: o.Graph, leads: map[string]string{}, failed: map[string]build.TargetResult{},
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
	return len(o.Platforms) > 1 || isAttested(o)
}

func isAttested(o build.Options) bool {
	for _, value := range o.Attests {
		if value != nil {
			return true
		}
	}
	return false
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
		h.Evaluate = j.watch(gate(o.Jobs))
	} else {
		h.Evaluate, h.Execution.Parallel = j.watch(nil), o.Jobs
	}
	if o.KeepGoing {
		h.Execution.Mode = build.ExecutionModeDeferError
	}
	return h
}
