package buildx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/buildx/build"
	"github.com/moby/buildkit/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestApart(t *testing.T) {
	dir := t.TempDir()
	dockerfile := filepath.Join(dir, "Dockerfile")
	write := func(name, text string) {
		t.Helper()
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	value := "mode=max"
	for want, change := range map[string]func(*targets.Target, *build.Options){
		"":                      func(_ *targets.Target, o *build.Options) { o.ExtraHosts = []string{"a=192.0.2.1", "b=::1"} },
		"others are built":      func(t *targets.Target, _ *build.Options) { t.Linked = true },
		"several platforms":     func(_ *targets.Target, o *build.Options) { o.Platforms = make([]ocispecs.Platform, 2) },
		"exports its cache":     func(_ *targets.Target, o *build.Options) { o.CacheTo = make([]client.CacheOptionsEntry, 1) },
		"built without cache":   func(_ *targets.Target, o *build.Options) { o.NoCacheFilter = []string{"x"} },
		"asks for entitlements": func(_ *targets.Target, o *build.Options) { o.NetworkMode = "host" },
		"has attestations": func(_ *targets.Target, o *build.Options) {
			o.Attests = map[string]*string{"sbom": nil, "provenance": &value}
		},
		"a cache of type local":  func(_ *targets.Target, o *build.Options) { o.CacheFrom = []client.CacheOptionsEntry{{Type: "local"}} },
		"argument BUILDKIT_X":    func(_ *targets.Target, o *build.Options) { o.BuildArgs = map[string]string{"BUILDKIT_X": ""} },
		"extra host a=host-gate": func(_ *targets.Target, o *build.Options) { o.ExtraHosts = []string{"a=host-gateway"} },
		"context other": func(_ *targets.Target, o *build.Options) {
			o.Inputs.NamedContexts = map[string]build.NamedContext{"other": {Path: "target:x"}}
		},
		"context is no folder": func(_ *targets.Target, o *build.Options) { o.Inputs.ContextPath = "https://example.com/x.git" },
		"names its own syntax": func(_ *targets.Target, o *build.Options) {
			o.Inputs.DockerfileInline = "# syntax=docker/dockerfile:1\nFROM x"
		},
		"has a policy": func(_ *targets.Target, _ *build.Options) { write("Dockerfile.rego", "") },
		"no regular file": func(_ *targets.Target, _ *build.Options) {
			assert.NilError(t, os.Rename(dockerfile, dockerfile+".x"))
			assert.NilError(t, os.Symlink(dockerfile+".x", dockerfile))
		},
		"is no local file": func(_ *targets.Target, o *build.Options) { o.Inputs.DockerfilePath = "https://example.com/Dockerfile" },
	} {
		_ = os.Remove(dockerfile)
		_ = os.Remove(dockerfile + ".rego")
		write("Dockerfile", "FROM scratch\n")
		var target targets.Target
		o := build.Options{Inputs: build.Inputs{ContextPath: dir, DockerfilePath: dockerfile}}
		change(&target, &o)
		err := apart(target, o)
		if want == "" {
			assert.NilError(t, err)
		} else {
			assert.ErrorContains(t, err, want)
		}
	}
}

func TestWithin(t *testing.T) {
	for version, want := range map[string]bool{
		"v0.13.0": true, "v0.34.2": true, "v0.34.9-rc1": true, "v0.12.5": false, "v0.35.0": false, "v1.0.0": false, "0.0.0+unknown": false, "": false,
	} {
		assert.Equal(t, within(version, "v0.13", "v0.34.2"), want, version)
	}
	assert.Assert(t, !within("v0.34.2", "v0.13", ""))
}
