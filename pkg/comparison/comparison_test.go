package comparison

import (
	"context"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

func TestCompareConfig(t *testing.T) {
	for _, test := range []struct{ name, old, now, want string }{
		{"command", `{"config":{"Cmd":["a"]}}`, `{"config":{"Cmd":["b"]}}`, "Cmd of the image changed"},
		{"labels", `{"config":{"Labels":{"a":"1","b":"1"}}}`, `{"config":{"Labels":{"b":"2","c":"1"}}}`, "Labels of the image changed: a, b, c"},
		{"variables", `{"config":{"Env":["A=1","B=1"]}}`, `{"config":{"Env":["A=2","B=1"]}}`, "Env of the image changed: A"},
		{"several", `{"config":{"Cmd":["a"]}}`, `{"config":{"User":"b"}}`, "Cmd, User of the image changed"},
		{"history", `{"history":[1]}`, `{"history":[2]}`, "the image's history changed"},
		{"nothing", `{}`, `{}`, "the image ends with another step"},
		{"unreadable", `x`, `{}`, "the image ends with another step"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, compareConfig([]byte(test.old), []byte(test.now)).Text, test.want)
		})
	}
}

func TestExplain(t *testing.T) {
	step := func(key, name, self string) steps.Step { return steps.Step{Key: key, Name: name, Self: self} }
	old := &steps.Graph{Steps: []steps.Step{step("1", "[1/3] FROM a", "a"), step("2", "[2/3] RUN b", "b"), step("3", "[3/3] RUN c", "c")}}

	s, cause := explain(old, &steps.Graph{Steps: []steps.Step{old.Steps[0], step("4", "[2/2] RUN c", "c")}})
	assert.Equal(t, s.Name, "[2/2] RUN c")
	assert.Equal(t, cause.Text, `"RUN b" before it was removed`)

	s, cause = explain(old, &steps.Graph{Steps: []steps.Step{old.Steps[0], step("4", "[2/3] RUN d", "d"), step("5", "[3/3] RUN c", "c")}})
	assert.Equal(t, s.Name, "[2/3] RUN d")
	assert.Equal(t, cause.Text, `its text changed: "RUN b" → "RUN d"`)

	s, cause = explain(old, &steps.Graph{Steps: append(old.Steps[:3:3], step("4", "[4/4] COPY d /", "d"))})
	assert.Equal(t, s.Name, "[4/4] COPY d /")
	assert.Equal(t, cause.Text, "it is new in the Dockerfile")

	s, cause = explain(old, &steps.Graph{Steps: old.Steps[:2]})
	assert.Assert(t, s == nil && cause == nil)
}

// TestSettled makes a key of a graph that has none without a builder; the rest of the graph is the same.
func TestSettled(t *testing.T) {
	key := func(url string, settle bool) string {
		state := llb.Scratch().File(llb.Copy(llb.HTTP(url), "x", "/"), llb.WithCustomName("[1/1] ADD x /"))
		def, err := state.Marshal(context.Background())
		assert.NilError(t, err)
		source := steps.Source{Service: "web", Definition: def.ToPB()}
		if settle {
			source.Definition, err = settled(source.Definition)
			assert.NilError(t, err)
		}
		g, err := steps.New(context.Background(), source, steps.NewContents(nil), steps.Rules{})
		assert.NilError(t, err)
		assert.Equal(t, len(g.Steps), 1)
		assert.Equal(t, g.Steps[0].Name, "[1/1] ADD x /")
		return g.Key
	}
	assert.Equal(t, key("https://example.com/x", false), "")
	assert.Assert(t, key("https://example.com/x", true) != "")
	assert.Equal(t, key("https://example.com/x", true), key("https://example.com/x", true))
	assert.Assert(t, key("https://example.com/x", true) != key("https://example.com/y", true))

	none, err := settled((*pb.Definition)(nil))
	assert.NilError(t, err)
	assert.Assert(t, none == nil)
}
