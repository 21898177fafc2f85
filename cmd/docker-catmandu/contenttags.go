package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
	"github.com/docker-catmandu/docker-catmandu/pkg/twin"
)

// twins are the images of a plan that are in their registries already, or will be known there by what they are made of.
type twins struct {
	plan  *targets.Plan
	hosts registry.Hosts
	// tags are those by which images are known, by service; there is none where that can't be told.
	tags map[string]string
	// found are the images that are there.
	found map[string]*foundTwin
	// steps are how many there are of a service.
	steps map[string]int
}

// foundTwin is a manifest to give names to, in all repositories of its image, by their names.
type foundTwin struct {
	*registry.Text
	repositories map[string]*registry.Repository
}

// checkContentTags sees that images go to registries and nowhere else: what is not built can't be loaded.
func (o *buildOptions) checkContentTags() error {
	switch {
	case !o.contentTags:
		return nil
	case !o.push || o.load || len(o.outputs) > 0 || o.digestFile != "":
		return usageError("--content-tags needs --push, and goes with neither --load, --output nor --digest-file")
	case os.Getenv("CATMANDU_LEDGER") == "off":
		return usageError("--content-tags needs the ledger, which CATMANDU_LEDGER=off leaves out")
	}
	return nil
}

// findTwins looks for the images of a plan in their registries. What can't be found out is built.
func (a *app) findTwins(ctx context.Context, plan *targets.Plan, live *buildx.Live, builder string) (*twins, error) {
	t := &twins{plan: plan, tags: map[string]string{}, found: map[string]*foundTwin{}, steps: map[string]int{}}
	var err error
	if t.hosts, err = a.registries(builder); err != nil {
		return nil, err
	}
	graphs, err := graphsOf(ctx, plan, live)
	if err != nil {
		return nil, err
	}
	for _, target := range plan.Targets {
		if target.Linked {
			continue
		}
		var parts []twin.Part
		for _, g := range graphs {
			if g.Service == target.Service {
				parts = append(parts, twin.Part{Platform: g.Platform, Key: g.Key})
				t.steps[g.Service] += len(g.Steps)
			}
		}
		t.tags[target.Service] = twin.Tag(target, parts, os.Getenv("SOURCE_DATE_EPOCH"))
	}
	t.ask(ctx, a.err)
	return t, nil
}

// graphsOf are the graphs of a plan with their keys.
func graphsOf(ctx context.Context, plan *targets.Plan, live *buildx.Live) ([]*steps.Graph, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	images := frontend.NewMemory(imagesFile(cache))
	sources, err := live.Graphs(ctx, plan, buildx.Asking{Found: images.Watching})
	if err != nil {
		return nil, err
	}
	o := &outlook{}
	if err := o.makeGraphs(ctx, sources, cache, steps.Rules{Plain: live.Plain()}); err != nil {
		return nil, err
	}
	return o.graphs, images.Close()
}

// ask asks all registries at once.
func (t *twins) ask(ctx context.Context, w io.Writer) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, target := range t.plan.Targets {
		tag := t.tags[target.Service]
		if tag == "" {
			continue
		}
		all.Go(func() {
			found, err := t.find(ctx, target, tag)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && !registry.IsNotFound(err) {
				_, _ = fmt.Fprintf(w, "warning: service %q: the registry was not asked for its image: %v\n", target.Service, err)
			}
			if found != nil {
				t.found[target.Service] = found
			}
		})
	}
	all.Wait()
}

// find is the image of a target, if all its repositories have it, the same in each.
func (t *twins) find(ctx context.Context, target targets.Target, tag string) (*foundTwin, error) {
	names, err := twin.Names(target)
	if err != nil {
		return nil, err
	}
	out := &foundTwin{repositories: map[string]*registry.Repository{}}
	for repository := range names {
		r, err := registry.Open(repository, t.hosts, 0)
		if err != nil {
			return nil, err
		}
		text, err := r.Text(ctx, tag)
		if err != nil {
			return nil, err
		}
		if out.Text != nil && out.Digest != text.Digest {
			return nil, nil
		}
		out.Text, out.repositories[repository] = text, r
	}
	if len(names) == 0 {
		return nil, nil
	}
	return out, nil
}

// rest is what is left to build; nil is nothing.
func (t *twins) rest() *targets.Plan {
	return twin.Rest(t.plan, func(service string) bool { return t.found[service] != nil })
}

// retag gives the images that are there the tags that the build would have given them.
func (t *twins) retag(ctx context.Context) error {
	for _, target := range t.plan.Targets {
		found := t.found[target.Service]
		if found == nil {
			continue
		}
		names, err := twin.Names(target)
		if err != nil {
			return err
		}
		for repository, tags := range names {
			for _, tag := range tags {
				if err := found.repositories[repository].PutManifest(ctx, tag, found.MediaType, found.Bytes); err != nil {
					return fmt.Errorf("service %q: %s:%s: %w", target.Service, repository, tag, err)
				}
			}
		}
	}
	return nil
}

// results are the images that were not built, as the build tells of those that were.
func (t *twins) results() []buildx.TargetResult {
	if t == nil {
		return nil
	}
	var out []buildx.TargetResult
	for _, target := range t.plan.Targets {
		found := t.found[target.Service]
		if found == nil {
			continue
		}
		n := t.steps[target.Service]
		out = append(out, buildx.TargetResult{
			Service: target.Service, Stage: target.Stage, Digest: found.Digest, Tags: target.PushedTags(), Steps: n, Cached: n,
			Output:   "registry, was there",
			Metadata: map[string]any{"containerimage.digest": found.Digest, "image.name": strings.Join(target.PushedTags(), ",")},
		})
	}
	return out
}

// keep makes images that were built known by what they were made of, where that is what was found out before the build.
func (t *twins) keep(ctx context.Context, r *recorder, result *buildx.Result) error {
	for _, built := range result.Targets {
		i := slices.IndexFunc(t.plan.Targets, func(target targets.Target) bool { return target.Service == built.Service && !target.Linked })
		if i < 0 || built.Error != "" || built.Canceled || built.Digest == "" {
			continue
		}
		target, tag := t.plan.Targets[i], t.tags[built.Service]
		if tag == "" || twin.Tag(target, r.parts(built.Service), os.Getenv("SOURCE_DATE_EPOCH")) != tag {
			continue // files changed meanwhile
		}
		names, err := twin.Names(target)
		if err != nil {
			return err
		}
		for repository := range names {
			if err := t.mark(ctx, repository, built.Digest, tag); err != nil {
				return fmt.Errorf("service %q: %w", built.Service, err)
			}
		}
	}
	return nil
}

func (t *twins) mark(ctx context.Context, repository, digest, tag string) error {
	r, err := registry.Open(repository, t.hosts, 0)
	if err != nil {
		return err
	}
	text, err := r.Text(ctx, digest)
	if err != nil {
		return err
	}
	return r.PutManifest(ctx, tag, text.MediaType, text.Bytes)
}

// parts are what a service was built of, by platforms; none where files may have been others while BuildKit read them.
func (r *recorder) parts(service string) []twin.Part {
	recent := r.disk.Recent()
	var out []twin.Part
	for _, g := range r.graphs {
		if g.Service != service {
			continue
		}
		if slices.ContainsFunc(g.Steps, func(s steps.Step) bool { return s.TakesAny(recent) }) {
			return nil
		}
		out = append(out, twin.Part{Platform: g.Platform, Key: g.Key})
	}
	return out
}
