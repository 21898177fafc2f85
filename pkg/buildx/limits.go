package buildx

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	"github.com/docker/buildx/util/buildflags"
	"github.com/docker/buildx/util/dockerutil"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// abilities are what a builder can do.
type abilities struct {
	// driver is buildx's word for how the builder is reached.
	driver string
	// features are those that all nodes have.
	features map[driver.Feature]bool
	// engine tells whether the engine answers, indexes whether its images can have more than one manifest.
	engine, indexes func() bool
	// gateway tells whether the address of host-gateway is known.
	gateway func() bool
	// limitsSteps tells whether ulimits and shm_size reach the steps.
	limitsSteps func() bool
}

// need is something that a target's settings ask of a builder.
type need struct {
	met func(abilities) bool
	// what is the setting and what can't be done with it; hint is the way out.
	what, hint string
}

// The engine's own BuildKit keeps to what its image store can hold.
const otherStore = "turn on the engine's containerd image store, or use another builder: docker buildx create --use --driver docker-container"

func has(f driver.Feature) func(abilities) bool {
	return func(can abilities) bool { return can.features[f] }
}

func isEngine(can abilities) bool { return can.driver == "docker" }

func isNoEngine(can abilities) bool { return can.driver != "docker" }

func knowsGateway(can abilities) bool { return can.gateway() }

func never(abilities) bool { return false }

// limits returns the error of all that the plan asks for and the builder can't do. It asks the builder only when the
// plan goes beyond what all of them can.
func (b *Builder) limits(ctx context.Context, p *targets.Plan, o Outputs) error {
	var can *abilities
	var errs []error
	for _, t := range p.Targets {
		for _, n := range needs(t, o) {
			if can == nil {
				var err error
				if can, err = b.abilities(ctx); err != nil {
					return err
				}
			}
			if !n.met(*can) {
				errs = append(errs, fmt.Errorf("service %q: %s by builder %q (%s driver)\nhint: %s", t.Service, n.what, b.Name, b.Driver, n.hint))
			}
		}
	}
	return errors.Join(errs...)
}

// abilities asks all nodes: a build may run on any of them.
func (b *Builder) abilities(ctx context.Context) (*abilities, error) {
	can := &abilities{driver: b.Driver, engine: b.engine, indexes: func() bool {
		engine, err := dockerutil.NewClient(b.cli).Features(ctx, "")
		return err != nil || engine[dockerutil.OCIImporter] // an error is told by who loads
	}, gateway: func() bool {
		return !slices.ContainsFunc(b.nodes, func(n builder.Node) bool {
			_, err := n.Driver.HostGatewayIP(ctx)
			return err != nil
		})
	}, limitsSteps: func() bool {
		return !slices.ContainsFunc(b.nodes, func(n builder.Node) bool {
			version, err := n.Driver.Version(ctx)
			return err == nil && ignoresLimits(version)
		})
	}}
	for _, n := range b.nodes {
		features, err := n.Driver.Features(ctx)
		if err != nil {
			return nil, fmt.Errorf("builder %q: %w", b.Name, explain(err))
		}
		if can.features == nil {
			can.features = maps.Clone(features)
		}
		for f := range can.features {
			can.features[f] = can.features[f] && features[f]
		}
	}
	return can, nil
}

// ignoresLimits tells whether a version, of BuildKit (v0.8.2) or of an engine (20.10.24), is one that drops the limits of
// steps without a word.
func ignoresLimits(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "v%d.%d", &major, &minor); err == nil {
		return major == 0 && minor < 10
	}
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return err == nil && major < 23
}

// needs are what a target asks for that some builder can't do. One that only others are built from writes nothing.
func needs(t targets.Target, o Outputs) []need {
	out := cacheNeeds(t)
	if n := len(t.Platforms); n > 1 {
		out = append(out, need{has(driver.MultiPlatform), fmt.Sprintf("%d platforms can't be built at once", n), "choose one with --platform; or " + otherStore},
			need{
				loadsIndex(t, o), fmt.Sprintf("%d platforms can't be loaded into an engine without the containerd image store", n),
				"choose one with --platform, or use --push or --output type=oci,dest=DIR,tar=false",
			})
	}
	for _, a := range []struct{ name, value string }{{"provenance", t.Build.Provenance}, {"sbom", t.Build.SBOM}} {
		if a.value != "" && a.value != "false" {
			out = append(out, need{has(driver.MultiPlatform), "build." + a.name + " can't be recorded", "remove it; or " + otherStore},
				need{loadsIndex(t, o), "build." + a.name + " can't be loaded into an engine without the containerd image store", "remove it; or use --push or --output type=oci,dest=DIR,tar=false"})
		}
	}
	switch t.Build.Network {
	case "", "default", "none", "host":
	default:
		out = append(out, need{
			never, fmt.Sprintf("build.network %s: a network other than default, none and host can't be used", t.Build.Network),
			"give a builder that network: docker buildx create --use --driver docker-container --driver-opt network=" + t.Build.Network,
		})
	}
	for _, host := range slices.Sorted(maps.Keys(t.Build.ExtraHosts)) {
		if slices.Contains(t.Build.ExtraHosts[host], "host-gateway") {
			out = append(out, need{
				knowsGateway, fmt.Sprintf("build.extra_hosts %s: host-gateway can't be resolved", host),
				"write the address; or build with the own builder of an engine of version 23 or later",
			})
		}
	}
	if len(t.Build.Ulimits) > 0 || t.Build.ShmSize > 0 {
		out = append(out, need{func(can abilities) bool { return can.limitsSteps() }, "build.ulimits and build.shm_size are not known", "use an engine of version 23 or later, or another builder: docker buildx create --use --driver docker-container"})
	}
	if !t.Linked {
		if o.ByDigest && len(t.PushedTags()) > 0 {
			out = append(out, need{isNoEngine, "images can't be pushed by digest", "use another builder: docker buildx create --use --driver docker-container"})
		}
		out = append(out, outputNeeds(o)...)
	}
	return out
}

// loadsIndex tells of a builder whether an image of several manifests, for platforms or attestations, can go where it is
// to go. The engine's own builder keeps them, or can't make them in the first place.
func loadsIndex(t targets.Target, o Outputs) func(abilities) bool {
	return func(can abilities) bool {
		loads := !t.Linked && (o.Load || o.place(t, can.engine) == "engine")
		return isEngine(can) || !loads || can.indexes()
	}
}

func cacheNeeds(t targets.Target) []need {
	var out []need
	for _, entry := range t.CacheTo {
		parsed, err := buildflags.ParseCacheEntry([]string{entry})
		if err != nil || len(parsed) == 0 {
			continue // options() says what is wrong with it
		}
		switch kind := parsed[0].Type; kind {
		case "inline":
		case "s3", "azblob":
			out = append(out, need{
				isNoEngine, "cache_to of type " + kind + " can't be written",
				"use type=registry or type=inline; or another builder: docker buildx create --use --driver docker-container",
			})
		default:
			out = append(out, need{has(driver.CacheExport), "cache_to of type " + kind + " can't be written", "use type=inline and --push; or " + otherStore})
		}
	}
	return out
}

// outputNeeds are those of files that only some engines write.
func outputNeeds(o Outputs) []need {
	var out []need
	for _, spec := range o.Specs {
		parsed, err := buildflags.ParseExports([]string{spec})
		if err != nil || len(parsed) == 0 {
			continue
		}
		kind := parsed[0].Type
		switch {
		case kind == "oci":
			out = append(out, need{has(driver.OCIExporter), "--output type=oci can't be written", "use --load and docker save; or " + otherStore})
		case kind == "docker" && parsed[0].Destination != "":
			out = append(out, need{has(driver.DockerExporter), "--output type=docker with dest can't be written", "use --load and docker save; or " + otherStore})
		}
	}
	return out
}
