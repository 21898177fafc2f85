package compose

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

const (
	servicePrefix = "service:"
	layoutPrefix  = "oci-layout://"
)

// convert makes a plain value of a service that has a build section.
func convert(p *types.Project, s types.ServiceConfig) Service {
	b := s.Build
	out := Service{
		Name: s.Name, Image: s.Image, Platform: s.Platform, Profiles: s.Profiles,
		Build: Build{
			Context: b.Context, Dockerfile: b.Dockerfile, DockerfileInline: b.DockerfileInline, Target: b.Target,
			Args: values(b.Args.Resolve(lookup(p.Environment))), AdditionalContexts: contexts(p, b.AdditionalContexts),
			CacheFrom: b.CacheFrom, CacheTo: b.CacheTo, Labels: b.Labels, Platforms: b.Platforms, Tags: b.Tags,
			NoCache: b.NoCache, NoCacheFilter: b.NoCacheFilter, Pull: b.Pull, Network: b.Network,
			ShmSize: int64(b.ShmSize), ExtraHosts: b.ExtraHosts, Entitlements: b.Entitlements,
			Privileged: b.Privileged, Isolation: b.Isolation, Provenance: b.Provenance, SBOM: b.SBOM,
		},
	}
	for _, key := range b.SSH {
		out.Build.SSH = append(out.Build.SSH, SSHKey{ID: key.ID, Path: key.Path})
	}
	for _, ref := range b.Secrets {
		def := p.Secrets[ref.Source]
		id := ref.Target
		if id == "" {
			id = ref.Source
		}
		out.Build.Secrets = append(out.Build.Secrets, Secret{ID: id, File: def.File, Environment: def.Environment})
	}
	if len(b.Ulimits) > 0 {
		out.Build.Ulimits = map[string]Ulimit{}
		for name, l := range b.Ulimits {
			if l.Single != 0 {
				out.Build.Ulimits[name] = Ulimit{Soft: int64(l.Single), Hard: int64(l.Single)}
			} else {
				out.Build.Ulimits[name] = Ulimit{Soft: int64(l.Soft), Hard: int64(l.Hard)}
			}
		}
	}
	return out
}

func lookup(env types.Mapping) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
}

// values leaves out what has no value: an argument without one keeps the Dockerfile's default.
func values(m types.MappingWithEquals) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := map[string]string{}
	for k, v := range m {
		if v != nil {
			out[k] = *v
		}
	}
	return out
}

// contexts undoes what compose-go makes of "target:NAME", the same thing in the words of bake: it takes the
// value for a path. The folder of an OCI layout it leaves alone, and buildx takes it from the working directory.
func contexts(p *types.Project, m types.Mapping) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := maps.Clone(map[string]string(m))
	for k, v := range out {
		if _, name, ok := strings.Cut(v, "/target:"); ok && strings.HasPrefix(v, "/") {
			if _, err := p.GetService(name); err == nil {
				out[k] = servicePrefix + name
			}
		}
		if layout, ok := strings.CutPrefix(v, layoutPrefix); ok && !filepath.IsAbs(layout) {
			out[k] = layoutPrefix + filepath.Join(p.WorkingDir, layout)
		}
	}
	return out
}

// selectServices returns the services that are asked for and those they are built from, by name.
func selectServices(p *types.Project, all []Service, names []string) ([]Service, error) {
	selected := map[string]bool{}
	for _, name := range names {
		if lookUp(p, name).Name == "" {
			return nil, unknownService(p, name)
		}
		selected[name] = true
	}
	if len(names) == 0 {
		for name := range p.Services {
			selected[name] = true
		}
	}
	need := maps.Clone(selected)
	for added := true; added; {
		added = false
		for _, s := range all {
			if !need[s.Name] {
				continue
			}
			for _, c := range s.Build.AdditionalContexts {
				if name, ok := strings.CutPrefix(c, servicePrefix); ok && !need[name] {
					need[name], added = true, true
				}
			}
		}
	}
	var out []Service
	for _, s := range all {
		if need[s.Name] {
			s.Selected = selected[s.Name]
			out = append(out, s)
		}
	}
	if len(out) == 0 && len(names) > 0 {
		return nil, fmt.Errorf("nothing to build: %s: no build section", strings.Join(names, ", "))
	}
	return out, nil
}

func unknownService(p *types.Project, name string) error {
	known := slices.Sorted(maps.Keys(p.Services))
	known = append(known, slices.Sorted(maps.Keys(p.DisabledServices))...)
	return fmt.Errorf("no such service: %s%s", name, didYouMean(name, known))
}

// check finds what is wrong in the build section of a service that compose-go would find with much else.
func (r *reader) check(p *types.Project, s Service) error {
	var errs []error
	fail := func(path, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: service %q: %s", s.At(path), s.Name, fmt.Sprintf(format, args...)))
	}
	b := s.Build
	if b.Dockerfile != "" && b.DockerfileInline != "" {
		fail("build.dockerfile_inline", "dockerfile and dockerfile_inline exclude each other\nhint: remove one, or reset the other file's with `dockerfile: !reset null`")
	}
	for _, name := range slices.Sorted(maps.Keys(b.AdditionalContexts)) {
		target, ok := strings.CutPrefix(b.AdditionalContexts[name], servicePrefix)
		if !ok {
			continue
		}
		t := lookUp(p, target)
		switch {
		case t.Name == "":
			fail("build.additional_contexts."+name, "no such service: %s", target)
		case t.Build == nil:
			fail("build.additional_contexts."+name, "service %q has no build section", target)
		}
	}
	for i, secret := range b.Secrets {
		if secret.File == "" && secret.Environment == "" {
			fail(fmt.Sprintf("build.secrets.%d", i), "secret %q has neither file nor environment", secret.ID)
		}
	}
	return errors.Join(errs...)
}
