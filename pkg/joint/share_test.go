package joint

import (
	"context"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
)

// copies is the graph of a build that copies paths from its context; none copies all of it.
func copies(t *testing.T, name, dir string, exclude []string, paths ...string) *part {
	t.Helper()
	opts := []llb.LocalOption{llb.SessionID("s"), llb.ExcludePatterns(exclude), llb.WithCustomName("[internal] load build context")}
	if len(paths) > 0 {
		opts = append(opts, llb.FollowPaths(paths))
	}
	state := llb.Image("base")
	for _, path := range append([]string{"/"}, paths...) {
		state = state.File(llb.Copy(llb.Local(frontend.ContextFolder, opts...), path, "/to/"+name), llb.WithCustomName("COPY "+path))
	}
	def, err := state.Marshal(context.Background(), llb.LinuxAmd64)
	assert.NilError(t, err)
	return &part{Build: Build{Name: name, Context: dir}, graph: frontend.Graph{Definition: def.ToPB()}}
}

// locals returns the attributes of the local sources of a graph, after checking that it hangs together.
func localsOf(t *testing.T, p *part) []*pb.SourceOp {
	t.Helper()
	var out []*pb.SourceOp
	seen := map[string]bool{}
	for i, text := range p.graph.Definition.Def {
		var op pb.Op
		assert.NilError(t, op.UnmarshalVT(text))
		for _, in := range op.Inputs {
			assert.Assert(t, seen[in.Digest], "operation %d has an input that is not there", i)
		}
		dgst := digest.FromBytes(text).String()
		seen[dgst] = true
		if op.Op != nil {
			assert.Assert(t, p.graph.Definition.Metadata[dgst] != nil, "operation %d has lost its metadata", i)
		}
		if s := op.GetSource(); s != nil && s.Identifier != "docker-image://docker.io/library/base:latest" {
			out = append(out, s)
		}
	}
	for dgst := range p.graph.Definition.Metadata {
		assert.Assert(t, seen[dgst], "metadata of an operation that is not there")
	}
	return out
}

func TestShareLocals(t *testing.T) {
	parts := []*part{
		copies(t, "a", "/one", nil, "a.txt", "c.txt"),
		copies(t, "b", "/one", nil, "b.txt", "c.txt"),
		copies(t, "ignoring", "/one", []string{"x"}, "b.txt"),
		copies(t, "elsewhere", "/two", nil, "d.txt"),
		copies(t, "all", "/three", nil),
		copies(t, "some", "/three", nil, "e.txt"),
	}
	assert.NilError(t, shareLocals(parts))
	want := map[string]string{
		"a": `["a.txt","b.txt","c.txt"]`, "b": `["a.txt","b.txt","c.txt"]`, "ignoring": `["b.txt"]`, "elsewhere": `["d.txt"]`, "all": "", "some": "",
	}
	ids := map[string]string{}
	for _, p := range parts {
		sources := localsOf(t, p)
		assert.Equal(t, len(sources), 1, p.Name)
		assert.Equal(t, sources[0].Attrs[pb.AttrFollowPaths], want[p.Name], p.Name)
		assert.Equal(t, sources[0].Identifier, frontend.LocalScheme+LocalName(p.Context), p.Name)
		text, err := sources[0].MarshalVT()
		assert.NilError(t, err)
		ids[p.Name] = string(text)
	}
	assert.Equal(t, len(ids["a"]), len(ids["b"]))
	assert.Assert(t, ids["a"] != ids["ignoring"] && ids["a"] != ids["elsewhere"])
}
