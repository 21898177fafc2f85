package buildx

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/moby/buildkit/session/secrets"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestOptions(t *testing.T) {
	plan := &targets.Plan{Project: "shop"}
	target := targets.Target{
		Service: "web", Stage: "release", Context: "/shop/web", Dockerfile: "/shop/web/Dockerfile",
		Tags: []string{"shop-web"}, Platforms: []string{"linux/arm64"},
		CacheFrom: []string{"type=registry,ref=example.com/cache"}, CacheTo: []string{"type=local,dest=/tmp/cache,mode=max"},
		Build: compose.Build{
			Args:               map[string]string{"V": "1"},
			AdditionalContexts: map[string]string{"base": "service:base", "img": "docker-image://alpine", "dir": "/shop/lib"},
			Labels:             map[string]string{"a": "b"},
			ExtraHosts:         map[string][]string{"db": {"10.0.0.1", "10.0.0.2"}},
			Ulimits:            map[string]compose.Ulimit{"nproc": {Soft: 5, Hard: 5}},
			Entitlements:       []string{"network.host"}, Privileged: true, ShmSize: 64 << 20, Network: "none",
			NoCacheFilter: []string{"deps"}, Provenance: "mode=max", SBOM: "false", Pull: true,
		},
	}
	o, err := options(plan, group{target, []string{target.Service}}, nil)
	assert.NilError(t, err)
	assert.Equal(t, o.Target, "release")
	assert.Equal(t, o.Inputs.ContextPath, "/shop/web")
	assert.Equal(t, o.Inputs.DockerfilePath, "/shop/web/Dockerfile")
	assert.Equal(t, o.Inputs.NamedContexts["base"].Path, "target:base")
	assert.Equal(t, o.Inputs.NamedContexts["img"].Path, "docker-image://alpine")
	assert.Equal(t, o.Inputs.NamedContexts["dir"].Path, "/shop/lib")
	assert.DeepEqual(t, o.Labels, map[string]string{"a": "b", "com.docker.compose.project": "shop", "com.docker.compose.service": "web"})
	assert.DeepEqual(t, o.ExtraHosts, []string{"db=10.0.0.1", "db=10.0.0.2"})
	assert.DeepEqual(t, o.Allow, []string{"network.host", "security.insecure"})
	assert.Equal(t, o.Platforms[0].Architecture, "arm64")
	assert.Equal(t, o.CacheFrom[0].Attrs["ref"], "example.com/cache")
	assert.Equal(t, o.CacheTo[0].Attrs["mode"], "max")
	assert.Equal(t, *o.Attests["provenance"], "mode=max")
	sbom, set := o.Attests["sbom"]
	assert.Assert(t, set && sbom == nil)
	limits := o.Ulimits.GetList()
	assert.Equal(t, limits[0].Soft+limits[0].Hard, int64(10))
	assert.Equal(t, o.ShmSize.Value(), int64(64<<20))

	// buildx writes into the maps and lists it is given.
	o.BuildArgs["V"], o.Labels["a"], o.Tags[0] = "2", "c", "x"
	assert.Equal(t, target.Build.Args["V"]+target.Build.Labels["a"]+target.Tags[0], "1bshop-web")
}

func TestOptionsRefuse(t *testing.T) {
	plan := &targets.Plan{}
	for name, target := range map[string]targets.Target{
		"platform": {Platforms: []string{"not a platform"}},
		"cache":    {CacheFrom: []string{"ref=x"}},
		"ulimit":   {Build: compose.Build{Ulimits: map[string]compose.Ulimit{"nonsense": {Soft: 1, Hard: 1}}}},
	} {
		_, err := options(plan, group{target, []string{target.Service}}, nil)
		assert.Assert(t, err != nil, name)
	}
}

func TestSecrets(t *testing.T) {
	list := []compose.Secret{{ID: "token", Environment: "TOKEN"}, {ID: "empty", Environment: "EMPTY"}}
	env := map[string]string{"TOKEN": "s3cret", "EMPTY": ""}
	store, err := secretStore(list, env)
	assert.NilError(t, err)
	for id, want := range map[string]string{"token": "s3cret", "empty": ""} {
		got, err := store.GetSecret(context.Background(), id)
		assert.NilError(t, err)
		assert.Equal(t, string(got), want)
	}
	_, err = store.GetSecret(context.Background(), "other")
	assert.Assert(t, errors.Is(err, secrets.ErrNotFound))

	without := maps.Clone(env)
	delete(without, "TOKEN")
	_, err = secretStore(list, without)
	assert.Error(t, err, `secret "token": variable TOKEN is not set`)
}
