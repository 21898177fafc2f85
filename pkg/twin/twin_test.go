package twin

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// TestTag sees that all that makes another image makes another tag, and nothing else does.
func TestTag(t *testing.T) {
	amd, arm := Part{"linux/amd64", "1"}, Part{"linux/arm64", "2"}
	first := Tag(targets.Target{Service: "web"}, []Part{amd, arm}, "")
	assert.Assert(t, strings.HasPrefix(first, Prefix) && len(first) <= 128)
	same := []targets.Target{
		{Service: "other", Tags: []string{"a/b:c"}, Context: "/elsewhere", CacheFrom: []string{"type=gha"}},
	}
	for _, other := range same {
		assert.Equal(t, Tag(other, []Part{arm, amd}, ""), first)
	}
	tags := map[string]bool{first: true}
	for _, tag := range []string{
		Tag(targets.Target{}, []Part{amd}, ""),
		Tag(targets.Target{}, []Part{amd, {"linux/arm64", "3"}}, ""),
		Tag(targets.Target{}, []Part{{"linux/amd64", "2"}, {"linux/arm64", "1"}}, ""),
		Tag(targets.Target{}, []Part{amd, arm}, "1"),
		Tag(targets.Target{Build: compose.Build{Args: map[string]string{"SOURCE_DATE_EPOCH": "2"}}}, []Part{amd, arm}, "1"),
		Tag(targets.Target{Build: compose.Build{Provenance: "false"}}, []Part{amd, arm}, ""),
		Tag(targets.Target{Build: compose.Build{SBOM: "false"}}, []Part{amd, arm}, ""),
	} {
		assert.Assert(t, tag != "" && !tags[tag])
		tags[tag] = true
	}
	for _, unknown := range []string{
		Tag(targets.Target{}, nil, ""),
		Tag(targets.Target{}, []Part{amd, {"linux/arm64", ""}}, ""),
		Tag(targets.Target{}, []Part{amd, amd}, ""),
		Tag(targets.Target{Build: compose.Build{NoCache: true}}, []Part{amd}, ""),
		Tag(targets.Target{Build: compose.Build{NoCacheFilter: []string{"deps"}}}, []Part{amd}, ""),
	} {
		assert.Equal(t, unknown, "")
	}
}

func TestNames(t *testing.T) {
	names, err := Names(targets.Target{Image: "acme/web", Tags: []string{"acme/web", "registry.example.com/web:2", "docker.io/acme/web:1"}})
	assert.NilError(t, err)
	assert.DeepEqual(t, names, map[string][]string{"docker.io/acme/web": {"latest", "1"}, "registry.example.com/web": {"2"}})
	names, err = Names(targets.Target{Tags: []string{"shop-web"}})
	assert.NilError(t, err)
	assert.Equal(t, len(names), 0, "a name that nobody gave is not pushed")
	_, err = Names(targets.Target{Image: "A B", Tags: []string{"A B"}})
	assert.Assert(t, err != nil)
}

func TestRest(t *testing.T) {
	plan := &targets.Plan{Targets: []targets.Target{
		{Service: "base", Linked: true},
		{Service: "api", Build: compose.Build{AdditionalContexts: map[string]string{"base": "service:base"}}},
		{Service: "web"},
	}}
	there := func(names ...string) func(string) bool {
		return func(service string) bool { return strings.Contains(strings.Join(names, " "), service) }
	}
	assert.Assert(t, Rest(plan, there("api", "web")) == nil, "nobody needs what is only there for others")
	var left []string
	for _, target := range Rest(plan, there("web")).Targets {
		left = append(left, target.Service)
	}
	assert.DeepEqual(t, left, []string{"base", "api"})
}
