package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/lab"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Sizes are what the images of all stages weigh. They are built once more, from the cache, and written beside. On a builder that is
// the user's nothing is weighed: what an export makes there would stay.
func (r *Rig) Sizes(ctx context.Context) ([]session.Image, error) {
	out := []session.Image{}
	if r.warm.Kind() == lab.Namespace {
		return out, nil
	}
	u := &buildx.Unpacker{}
	for _, v := range r.Versions {
		ready := r.versions[v.Name]
		for _, kind := range sortedKinds(ready.Plans) {
			for _, t := range ready.Plans[kind].Targets {
				if t.Linked || len(t.Platforms) > 1 {
					continue
				}
				images, err := r.stagesOf(ctx, ready, kind, t, u)
				if err != nil {
					return nil, fmt.Errorf("size of %s: %w", titled(t.Service, kind), err)
				}
				out = append(out, images...)
			}
		}
	}
	return out, nil
}

// stagesOf weighs a target and the named stages that it takes.
func (r *Rig) stagesOf(ctx context.Context, v *version, kind string, t targets.Target, u *buildx.Unpacker) ([]session.Image, error) {
	names := stageNames(v.graphs[kind], t.Service)
	final := t.Stage
	if final == "" && len(names) > 0 {
		final = names[len(names)-1]
	}
	names = append(slices.DeleteFunc(names, func(n string) bool { return n == final }), final)
	var out []session.Image
	for _, name := range names {
		plan := v.Plans[kind].Only(t.Service)
		if name != final {
			plan = atStage(plan, t.Service, name)
		}
		image, err := r.weigh(ctx, v, withoutImports(plan), t.Service, u)
		if err != nil {
			if name != final { // a stage that BuildKit doesn't know by that name
				continue
			}
			return nil, err
		}
		image.Service, image.Kind, image.Version, image.Stage, image.Final = t.Service, kind, v.Name, name, name == final
		out = append(out, *image)
	}
	return out, nil
}

// stageNames are the stages that have steps, in the order of the Dockerfile as the graph tells it.
func stageNames(all []*steps.Graph, service string) []string {
	var out []string
	for _, g := range all {
		if g.Service != service {
			continue
		}
		ordered := slices.Clone(g.Steps)
		slices.SortStableFunc(ordered, func(a, b steps.Step) int { return a.Line - b.Line })
		for _, s := range ordered {
			if s.Stage != "" && !slices.Contains(out, s.Stage) {
				out = append(out, s.Stage)
			}
		}
	}
	return out
}

// atStage is a plan that builds another stage of a service.
func atStage(p *targets.Plan, service, stage string) *targets.Plan {
	out := *p
	out.Targets = slices.Clone(p.Targets)
	for i := range out.Targets {
		if out.Targets[i].Service == service {
			out.Targets[i].Stage = stage
		}
	}
	return &out
}

func (r *Rig) weigh(ctx context.Context, v *version, plan *targets.Plan, service string, u *buildx.Unpacker) (*session.Image, error) {
	dir := filepath.Join(r.warm.Dir(), "layout")
	defer os.RemoveAll(dir)
	o := r.options(v)
	o.Outputs.Specs = []string{"type=oci,tar=false,dest=" + dir}
	result, err := r.warm.Builder().Build(ctx, plan, o)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(result.Targets, func(t buildx.TargetResult) bool { return t.Service == service })
	if i < 0 {
		return nil, fmt.Errorf("service %q was not built", service)
	}
	w, err := u.Weigh(dir, result.Targets[i].Digest)
	if err != nil {
		return nil, err
	}
	base, err := r.baseLayers(ctx, plan, service)
	if err != nil {
		return nil, err
	}
	out := &session.Image{Digest: w.Digest, Platform: w.Platform, Bytes: w.Bytes, Layers: len(w.Layers)}
	for i, l := range w.Layers {
		out.Unpacked += l.Unpacked
		if i < len(base) && base[i] == l.DiffID {
			out.BaseBytes += l.Bytes
		} else {
			out.OwnBytes += l.Bytes
		}
	}
	return out, nil
}

// baseLayers are the layers of the image that a target begins with: the configuration that a frontend makes still has them.
func (r *Rig) baseLayers(ctx context.Context, plan *targets.Plan, service string) ([]string, error) {
	sources, err := r.warm.Live().Graphs(ctx, plan, buildx.Asking{})
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		if s.Service != service || len(s.Image) == 0 {
			continue
		}
		var image ocispecs.Image
		if err := json.Unmarshal(s.Image, &image); err != nil {
			return nil, err
		}
		var out []string
		for _, d := range image.RootFS.DiffIDs {
			out = append(out, d.String())
		}
		return out, nil
	}
	return nil, nil
}
