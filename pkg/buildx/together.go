package buildx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/docker/buildx/build"
	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/identity"
	"github.com/opencontainers/go-digest"

	"github.com/docker-catmandu/docker-catmandu/pkg/joint"
)

// together builds all targets as one job of BuildKit. joint.ErrApart says that nothing was built and that they have to
// be built by buildx, each by itself.
func (j *job) together(ctx context.Context, rec *recorder, o BuildOptions) (map[string]*client.SolveResponse, error) {
	node := j.builder.nodes[0]
	c, err := driver.Boot(ctx, ctx, node.Driver, rec)
	if err != nil {
		return nil, err
	}
	if err := knows(ctx, c); err != nil {
		return nil, err
	}
	opts := joint.Options{
		Ref: identity.NewID(), SharedKey: j.builder.config.TryNodeIdentifier(),
		Session: j.options[j.services[0]].Session, Parallel: cmp.Or(o.Jobs, len(j.services)), KeepGoing: o.KeepGoing,
		Status: rec.Write, Owners: rec.own, Graphs: j.keep, Images: o.Images,
	}
	for _, service := range j.services {
		b, err := jointBuild(service, j.options[service], node)
		if err != nil {
			return nil, err
		}
		opts.Builds = append(opts.Builds, b)
	}
	store := j.destinations[j.services[0]].store
	if store != nil {
		entry := storeEntry(store)
		opts.Export = &entry
	}
	outcome, err := joint.Run(ctx, c, opts)
	if outcome == nil {
		return nil, err
	}
	for _, d := range j.destinations { // what was exported lies in one place
		d.store = store
	}
	for service, err := range outcome.Errors {
		j.failed[service] = build.TargetResult{Err: err, Aborted: errors.Is(err, joint.ErrStopped)}
	}
	if err != nil || len(outcome.Errors) > 0 && !o.KeepGoing {
		return nil, err
	}
	return j.apportion(ctx, outcome, store, node.Builder+"/"+node.Name+"/"+opts.Ref)
}

// apportion gives every target what an exporter would have answered for it alone.
func (j *job) apportion(ctx context.Context, outcome *joint.Outcome, store *exportStore, ref string) (map[string]*client.SolveResponse, error) {
	responses := map[string]*client.SolveResponse{}
	for _, service := range j.services {
		if outcome.Errors[service] == nil {
			responses[service] = &client.SolveResponse{ExporterResponse: map[string]string{"buildx.build.ref": ref}}
		}
	}
	root := digest.Digest(outcome.Response[exptypes.ExporterImageDigestKey])
	if store == nil || len(outcome.Exported) == 0 {
		return responses, nil
	}
	digests := []digest.Digest{root}
	if len(outcome.Exported) > 1 {
		manifests, err := store.index(ctx, root)
		if err != nil {
			return nil, err
		}
		if len(manifests) != len(outcome.Exported) {
			return nil, fmt.Errorf("exported images: %d of %d", len(manifests), len(outcome.Exported))
		}
		digests = digests[:0]
		for _, m := range manifests {
			digests = append(digests, m.Digest)
		}
	}
	for i, service := range outcome.Exported {
		image, err := store.image(ctx, digests[i])
		if err != nil {
			return nil, err
		}
		if err := image.describe(responses[service].ExporterResponse, j.options[service].Tags); err != nil {
			return nil, err
		}
	}
	return responses, nil
}

// jointBuild translates a target for a joint build.
func jointBuild(service string, o build.Options, node builder.Node) (joint.Build, error) {
	b := joint.Build{
		Name: service, Context: o.Inputs.ContextPath, Inline: o.Inputs.DockerfileInline,
		Attrs: map[string]string{}, Contexts: map[string]string{},
	}
	if b.Inline == "" {
		b.Dockerfile = o.Inputs.DockerfilePath
	}
	for name, c := range o.Inputs.NamedContexts {
		if strings.HasPrefix(c.Path, "docker-image://") {
			b.Attrs["context:"+name] = c.Path
		} else {
			b.Contexts[name] = c.Path
		}
	}
	attrs, err := attributes(o, node)
	maps.Copy(b.Attrs, attrs)
	return b, err
}
