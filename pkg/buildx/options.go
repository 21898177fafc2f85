package buildx

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/buildx/build"
	"github.com/docker/buildx/util/buildflags"
	"github.com/docker/buildx/util/confutil"
	"github.com/docker/buildx/util/platformutil"
	"github.com/docker/cli/opts"
	"github.com/moby/buildkit/client"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// options translates a group for buildx: all but where the result goes and the session. It shares no map with the
// target, since buildx writes into what it is given. leads are the services that are built for others.
func options(p *targets.Plan, g group, leads map[string]string) (build.Options, error) {
	t, b := g.lead, g.lead.Build
	o := build.Options{
		Inputs: build.Inputs{
			ContextPath:      t.Context,
			DockerfilePath:   t.Dockerfile,
			DockerfileInline: b.DockerfileInline,
			NamedContexts:    namedContexts(b.AdditionalContexts, leads),
		},
		BuildArgs:     maps.Clone(b.Args),
		Labels:        labels(p, g),
		NetworkMode:   b.Network,
		NoCache:       b.NoCache,
		NoCacheFilter: slices.Clone(b.NoCacheFilter),
		Pull:          b.Pull,
		ShmSize:       opts.MemBytes(b.ShmSize),
		Tags:          slices.Clone(t.Tags),
		Target:        t.Stage,
		Linked:        t.Linked,
		ExtraHosts:    extraHosts(b.ExtraHosts),
		Allow:         targets.Entitlements(b),
		Attests:       attests(b),
		// Getting the provenance into the answer is a step of its own; only a metadata file has a use for it.
		ProvenanceResponseMode: confutil.MetadataProvenanceModeDisabled,
	}
	var err error
	if o.Platforms, err = platformutil.Parse(t.Platforms); err != nil {
		return o, err
	}
	if o.CacheFrom, err = caches(t.CacheFrom); err != nil {
		return o, err
	}
	if o.CacheTo, err = caches(t.CacheTo); err != nil {
		return o, err
	}
	o.Ulimits, err = ulimits(b.Ulimits)
	return o, err
}

// namedContexts translates additional_contexts; "service:web" is the target web of the same build.
func namedContexts(m, leads map[string]string) map[string]build.NamedContext {
	out := map[string]build.NamedContext{}
	for name, path := range m {
		if service, ok := strings.CutPrefix(path, "service:"); ok {
			path = "target:" + cmp.Or(leads[service], service)
		}
		out[name] = build.NamedContext{Path: path}
	}
	return out
}

// labels are those of the Compose file and the two by which docker compose knows its images. An image of several
// services names none of them.
func labels(p *targets.Plan, g group) map[string]string {
	out := maps.Clone(g.lead.Build.Labels)
	if out == nil {
		out = map[string]string{}
	}
	out[projectLabel] = p.Project
	if len(g.services) == 1 {
		out[serviceLabel] = g.lead.Service
	}
	return out
}

func extraHosts(m map[string][]string) []string {
	var out []string
	for _, host := range slices.Sorted(maps.Keys(m)) {
		for _, ip := range m[host] {
			out = append(out, host+"="+ip)
		}
	}
	return out
}

// attests translates provenance and sbom. A nil value turns an attestation off; without a key, buildx adds a
// small provenance of its own.
func attests(b compose.Build) map[string]*string {
	out := map[string]*string{}
	for name, value := range map[string]string{"provenance": b.Provenance, "sbom": b.SBOM} {
		switch value {
		case "":
		case "false":
			out[name] = nil
		case "true":
			out[name] = new(string)
		default:
			out[name] = &value
		}
	}
	return out
}

func caches(specs []string) ([]client.CacheOptionsEntry, error) {
	entries, err := buildflags.ParseCacheEntry(specs)
	if err != nil {
		return nil, err
	}
	return build.CreateCaches(entries), nil
}

func ulimits(m map[string]compose.Ulimit) (*opts.UlimitOpt, error) {
	if len(m) == 0 {
		return nil, nil
	}
	out := opts.NewUlimitOpt(nil)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if err := out.Set(fmt.Sprintf("%s=%d:%d", name, m[name].Soft, m[name].Hard)); err != nil {
			return nil, err
		}
	}
	return out, nil
}
