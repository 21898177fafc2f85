package targets

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

// lint looks for settings that do nothing, or not what they look like.
func lint(p *compose.Project, kind Kind, targets []Target) []compose.Warning {
	l := linter{project: p, targets: targets}
	for _, t := range targets {
		s, ok := compose.Find(p.Services, t.Service)
		if !ok {
			continue
		}
		l.unbuiltCaches(s, t)
		if kind == Prod {
			l.unusedDockerfiles(s, t)
		}
		if t.Build.Isolation != "" {
			l.warn(s, "build.isolation", "isolation is ignored: BuildKit has none to choose")
		}
		if len(t.CacheTo) > 0 && len(t.CacheFrom) == 0 {
			l.warn(s, "build.cache_to", "cache_to without cache_from: the cache is written and never read")
		}
	}
	return l.found
}

type linter struct {
	project *compose.Project
	targets []Target
	found   []compose.Warning
}

func (l *linter) warn(s compose.Service, path, message string) {
	l.found = append(l.found, compose.Warning{Service: s.Name, Message: message, Position: s.At(path)})
}

// unbuiltCaches finds images in cache_from that can only come from this project, and do not.
func (l *linter) unbuiltCaches(s compose.Service, t Target) {
	var refs []string
	for _, entry := range t.CacheFrom {
		ref := registryRef(entry)
		// A name with a "/" has an owner on some registry, who may well push it from elsewhere.
		if ref != "" && !strings.Contains(ref, "/") && !l.isWritten(ref) {
			refs = append(refs, ref)
		}
	}
	if len(refs) > 0 {
		l.warn(s, "build.cache_from", fmt.Sprintf(
			"cache_from %s: no service here builds that; it would be looked up on Docker Hub", strings.Join(refs, ", ")))
	}
}

// unusedDockerfiles finds Dockerfiles beside that of a production target that no service builds and that are not
// for development: a deployment may well use them. A target whose stage is named for production needs no such hint.
func (l *linter) unusedDockerfiles(s compose.Service, t Target) {
	if !filepath.IsAbs(t.Dockerfile) || t.Dockerfile != declaredDockerfile(s) || environment(t.Stage) == Prod {
		return
	}
	dir := filepath.Dir(t.Dockerfile)
	var unused []string
	for _, name := range dockerfiles(dir) {
		path := filepath.Join(dir, name)
		used := slices.ContainsFunc(l.project.Services, func(o compose.Service) bool { return declaredDockerfile(o) == path })
		if !used && dockerfileKind(name) != Dev && !testLike(name) {
			unused = append(unused, name)
		}
	}
	if len(unused) > 0 {
		l.warn(s, "build.dockerfile", fmt.Sprintf("beside its %s, no service builds %s; if production is there, x-catmandu can say so",
			filepath.Base(t.Dockerfile), strings.Join(unused, ", ")))
	}
}

// declaredDockerfile is the path of the Dockerfile that a service's own build section names.
func declaredDockerfile(s compose.Service) string {
	name := dockerfileOf(s.Build)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.Build.Context, name)
}

// isWritten tells whether a target of the plan tags an image or exports its cache under that name.
func (l *linter) isWritten(ref string) bool {
	return slices.ContainsFunc(l.targets, func(t Target) bool {
		isRef := func(name string) bool { return withTag(name) == withTag(ref) }
		isExport := func(entry string) bool { return isRef(registryRef(entry)) }
		return slices.ContainsFunc(t.Tags, isRef) || slices.ContainsFunc(t.CacheTo, isExport)
	})
}

func withTag(image string) string {
	if image == "" || hasTag(image) {
		return image
	}
	return image + ":latest"
}

// registryRef is the image that a cache entry of type registry names, empty for other types.
func registryRef(entry string) string {
	fields, ok := cacheFields(entry)
	if !ok || cacheValue(fields, "type") != "registry" {
		return ""
	}
	return cacheValue(fields, "ref")
}
