package buildx

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
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
		Status: rec.Write, Owners: rec.own,
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

// namesAny tells whether there is a variable of that name in any case, as for proxies: HTTP_PROXY and http_proxy.
func namesAny(args map[string]string, name string) bool {
	for arg := range args {
		if strings.EqualFold(arg, name) {
			return true
		}
	}
	return false
}

// jointBuild translates what buildx would translate by itself (its build.toSolveOpt); TestTogether compares the images.
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
	for name, value := range o.BuildArgs {
		b.Attrs["build-arg:"+name] = value
	}
	for name, value := range node.ProxyConfig {
		if !namesAny(o.BuildArgs, name) {
			b.Attrs["build-arg:"+name] = value
		}
	}
	for name, value := range o.Labels {
		b.Attrs["label:"+name] = value
	}
	set := func(key, value string) {
		if value != "" {
			b.Attrs[key] = value
		}
	}
	set("target", o.Target)
	set("add-hosts", strings.Join(o.ExtraHosts, ","))
	if o.NetworkMode == "none" {
		set("force-network-mode", o.NetworkMode)
	}
	if o.Pull {
		set("image-resolve-mode", "pull")
	}
	if o.ShmSize.Value() > 0 {
		set("shm-size", strconv.FormatInt(o.ShmSize.Value(), 10))
	}
	if o.Ulimits != nil {
		var limits []string
		for _, l := range o.Ulimits.GetList() {
			limits = append(limits, l.String())
		}
		set("ulimit", strings.Join(limits, ","))
	}
	for _, p := range o.Platforms {
		set("platform", platforms.FormatAll(p))
	}
	if len(o.CacheFrom) > 0 {
		type entry struct {
			Type  string
			Attrs map[string]string
		}
		var list []entry
		for _, c := range o.CacheFrom {
			list = append(list, entry{c.Type, maps.Clone(c.Attrs)})
		}
		text, err := json.Marshal(list)
		if err != nil {
			return b, err
		}
		set("cache-imports", string(text))
	}
	return b, nil
}
