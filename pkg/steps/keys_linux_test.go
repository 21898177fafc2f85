package steps

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/llbsolver/ops"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
)

// TestOperations compares what operations add to keys with BuildKit's own: of all pairs of operations, those that are the
// same for one are the same for the other.
func TestOperations(t *testing.T) {
	ours, theirs := map[string]string{}, map[string]string{}
	count := 0
	for _, lines := range [][]string{
		{"RUN a"},
		{"RUN b"},
		{"RUN --network=none a"},
		{"RUN --network=host a"},
		{"RUN --security=insecure a"},
		{"RUN --mount=type=cache,target=/c a"},
		{"RUN --mount=type=cache,target=/c,sharing=locked a"},
		{"RUN --mount=type=cache,target=/c,id=x a"},
		{"RUN --mount=type=cache,target=/c,id=y a"},
		{"RUN --mount=type=cache,target=/c,id=y,sharing=private a"},
		{"RUN --mount=type=cache,target=/c,uid=5 a"},
		{"RUN --mount=type=cache,target=/c,mode=0700 a"},
		{"RUN --mount=type=cache,target=/c,from=other,source=/d a"},
		{"RUN --mount=type=cache,target=/d a"},
		{"RUN --mount=type=tmpfs,target=/t a"},
		{"RUN --mount=type=tmpfs,target=/t,size=5m a"},
		{"RUN --mount=type=secret,id=s a"},
		{"RUN --mount=type=secret,id=t,target=/x a"},
		{"RUN --mount=type=secret,id=s,env=S a"},
		{"RUN --mount=type=ssh a"},
		{"RUN --mount=target=/in a"},
		{"RUN --mount=source=x,target=/in a"},
		{"RUN --mount=source=y,target=/in a"},
		{"RUN --mount=source=x,target=/in,rw a"},
		{"RUN --mount=source=y,target=/in,rw a"},
		{"RUN --mount=from=other,source=x,target=/in a"},
		{"RUN --mount=from=other,source=y,target=/in a"},
		{"RUN --mount=from=other,source=y,target=/in,rw a"},
		{"RUN --mount=from=other,target=/in,rw a"},
		{"RUN --mount=source=x,target=/in --mount=source=x/y,target=/more a"},
		{"ENV A=1", "RUN a"},
		{"ENV A=2", "RUN a"},
		{"ARG A=1", "RUN a"},
		{"USER 5", "RUN a"},
		{"WORKDIR /w", "RUN a"},
		{`SHELL ["/x"]`, "RUN a"},
		{"RUN <<E\na\nE"},
		{"COPY x /to/"},
		{"COPY y /to/"},
		{"COPY d/x /to/"},
		{"COPY e/x /to/"},
		{"COPY x /at/"},
		{"COPY x y /to/"},
		{"COPY y x /to/"},
		{"COPY x* /to/"},
		{"COPY d /to/"},
		{"COPY d/ /to/"},
		{"COPY . /to/"},
		{"COPY --chmod=600 x /to/"},
		{"COPY --chown=5 x /to/"},
		{"COPY --chown=me x /to/"},
		{"COPY --chown=me:us x /to/"},
		{"COPY --link x /to/"},
		{"COPY --link y /to/"},
		{"COPY --link --chown=5 x /to/"},
		{"COPY --exclude=*.txt d /to/"},
		{"COPY --exclude=*.md d /to/"},
		{"COPY --parents d/x /to/"},
		{"COPY --parents e/x /to/"},
		{"COPY --from=other x /to/"},
		{"COPY --from=other d/x /to/"},
		{"COPY --from=other y /to/"},
		{"COPY --from=other --link y /to/"},
		{"COPY <<E /to/e\ntext\nE"},
		{"COPY <<E /to/e\nother\nE"},
		{"ADD x /to/"},
		{"ADD --unpack=true x.tar /to/"},
		{"ADD x.tar /to/"},
		{"WORKDIR /w"},
		{"WORKDIR /v"},
	} {
		for id, op := range operations(t, lines) {
			o, err := operationOf(op, Rules{})
			assert.NilError(t, err)
			own, err := digestOf(o.self, o.content, o.paths)
			assert.NilError(t, err)
			other := cacheMap(t, op)
			name := strings.Join(lines, "; ") + " " + id
			if first, seen := ours[own.String()]; seen && theirs[other] != first {
				t.Errorf("%s: the same here as %s, but not for BuildKit", name, first)
			}
			if first, seen := theirs[other]; seen && ours[own.String()] != first {
				t.Errorf("%s: the same for BuildKit as %s, but not here", name, first)
			}
			if _, seen := ours[own.String()]; !seen {
				ours[own.String()], theirs[other] = name, name
			}
			count++
		}
	}
	assert.Assert(t, count > 100)
}

// operations are those of the last stage of a Dockerfile that ends in lines.
func operations(t *testing.T, lines []string) map[string]*pb.Op {
	t.Helper()
	p := newProject(t, map[string]string{
		"Dockerfile": "# check=skip=all\nFROM image AS other\nFROM image\n" + strings.Join(lines, "\n") + "\nRUN end\n",
	})
	res, err := frontend.Convert(context.Background(), frontend.Request{
		Attrs: p.attrs, Builder: frontend.Unknown(), Images: stub{},
		Read: func(_, file string) ([]byte, error) { return frontend.ReadFile(p.dir, file) },
	})
	assert.NilError(t, err, strings.Join(lines, "; "))
	out := map[string]*pb.Op{}
	for i, text := range res.Graphs[0].Definition.Def {
		op := &pb.Op{}
		assert.NilError(t, op.UnmarshalVT(text))
		if op.GetExec() != nil || op.GetFile() != nil {
			out[fmt.Sprint(i)] = op
		}
	}
	return out
}

// vertexOf is as much of a vertex as BuildKit needs for a cache key.
type vertexOf struct {
	solver.Vertex
	op *pb.Op
}

func (v vertexOf) Inputs() []solver.Edge { return make([]solver.Edge, len(v.op.Inputs)) }
func (v vertexOf) Name() string          { return "" }
func (v vertexOf) Digest() digest.Digest { return "" }

// cacheMap is what BuildKit's key of an operation is made of, without its inputs. What is compared by content has no
// selector in its key; it is known by the selector all the same, since that lists the paths.
func cacheMap(t *testing.T, op *pb.Op) string {
	t.Helper()
	var o solver.Op
	var err error
	switch body := op.Op.(type) {
	case *pb.Op_Exec:
		o, err = ops.NewExecOp(vertexOf{op: op}, body, op.Platform, nil, nil, nil, nil, nil, nil, false)
	case *pb.Op_File:
		o, err = ops.NewFileOp(vertexOf{op: op}, body, nil, nil, nil)
	}
	assert.NilError(t, err)
	cm, done, err := o.CacheMap(context.Background(), nil, 0)
	assert.NilError(t, err)
	assert.Assert(t, done)
	key := cm.Digest.String()
	for _, d := range cm.Deps {
		key += fmt.Sprint(" ", d.Selector, d.ComputeDigestFunc != nil)
	}
	return key
}
