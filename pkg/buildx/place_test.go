package buildx

import (
	"strconv"
	"testing"

	"github.com/docker/buildx/build"
	"github.com/docker/buildx/build/resolver"
	"github.com/docker/buildx/builder"
	"github.com/moby/buildkit/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// TestNativeNodesFirst checks our choice with buildx's own, which by itself takes the first node that can, natively or not.
func TestNativeNodesFirst(t *testing.T) {
	wanted := parseAll("linux/amd64", "linux/arm64", "linux/riscv64", "linux/s390x")
	listed := []workers{
		{listed: parseAll("linux/amd64", "linux/arm64")},
		{listed: parseAll("linux/arm64", "linux/riscv64")},
	}
	nodes := make([]builder.Node, 2)
	bare := make([]builder.Node, 2)
	for i := range bare {
		bare[i].Platforms = listed[i].listed
	}
	assert.DeepEqual(t, resolved(t, bare, wanted), []int{0, 0, 1, 0})
	for _, p := range wanted {
		on := choose(listed, p).node
		nodes[on] = giving(nodes[on], p)
	}
	assert.DeepEqual(t, resolved(t, nodes, wanted), []int{0, 1, 1, 0})

	listed[0].given = parseAll("linux/arm64") // the user's word counts for more
	assert.Equal(t, choose(listed, wanted[1]).node, 0)
	assert.Assert(t, !choose(listed, wanted[3]).listed)
}

// TestSplits knows what buildx can't put together from several nodes.
func TestSplits(t *testing.T) {
	two := targets.Target{Platforms: []string{"linux/amd64", "linux/arm64"}}
	from := func(service string) build.Options {
		return build.Options{Inputs: build.Inputs{NamedContexts: map[string]build.NamedContext{"base": {Path: "target:" + service}}}}
	}
	j := func(export string, base targets.Target, options build.Options) *job {
		d := &destination{entries: []client.ExportEntry{{Type: export}}}
		return &job{
			services: []string{"base", "web"}, targets: map[string]targets.Target{"base": base, "web": two},
			options:      map[string]build.Options{"base": {}, "web": options},
			destinations: map[string]*destination{"base": d, "web": d},
		}
	}
	parted := map[string][]placed{"base": {{node: 0}, {node: 1}}, "web": {{node: 0}, {node: 1}}}
	assert.Assert(t, !j("image", two, from("base")).splits(parted))
	assert.Assert(t, j("oci", two, build.Options{}).splits(parted))
	assert.Assert(t, !j("oci", two, build.Options{}).splits(map[string][]placed{"base": {{node: 1}, {node: 1}}, "web": {{node: 1}, {node: 1}}}))
	assert.Assert(t, !j("image", targets.Target{}, build.Options{}).splits(parted))
	assert.Assert(t, j("image", targets.Target{}, from("base")).splits(parted))
}

// resolved are the indices of the nodes on which buildx builds.
func resolved(t *testing.T, nodes []builder.Node, wanted []ocispecs.Platform) []int {
	t.Helper()
	var out []int
	for _, p := range wanted {
		found, err := resolver.Resolve(t.Context(), nodes, []ocispecs.Platform{p}, nil)
		assert.NilError(t, err)
		i, err := strconv.Atoi(found[0].Key())
		assert.NilError(t, err)
		out = append(out, i)
	}
	return out
}
