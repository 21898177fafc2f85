package joint

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
)

// convert makes the graph of a build.
func (p *part) convert(ctx context.Context, images frontend.Images, builder gateway.BuildOpts, j *job) error {
	res, err := frontend.Convert(ctx, frontend.Request{
		Attrs: j.local.attrs(p.Build), Builder: builder, Images: images,
		Read: func(folder, file string) ([]byte, error) { return j.local.read(p.Build, folder, file) },
		Warn: func(dgst digest.Digest, msg string, o gateway.WarnOpts) {
			j.Status(&client.SolveStatus{Warnings: []*client.VertexWarning{{
				Vertex: dgst, Level: o.Level, Short: []byte(msg), Detail: o.Detail, URL: o.URL, SourceInfo: o.SourceInfo, Range: o.Range,
			}}})
		},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	if len(res.Graphs) != 1 {
		return fmt.Errorf("%s: %d platforms", p.Name, len(res.Graphs))
	}
	p.graph, p.meta = res.Graphs[0], res.Metadata
	return nil
}

// resolver asks BuildKit once for what several builds want to know of an image.
type resolver struct {
	gateway.Client
	mu    sync.Mutex
	calls map[string]func() (any, error)
}

func newResolver(gw gateway.Client) *resolver {
	return &resolver{Client: gw, calls: map[string]func() (any, error){}}
}

type imageConfig struct {
	ref    string
	digest digest.Digest
	config []byte
}

func (r *resolver) ResolveImageConfig(ctx context.Context, ref string, o sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	v, err := r.once([]any{"config", ref, o}, func() (any, error) {
		resolved, dgst, config, err := r.Client.ResolveImageConfig(ctx, ref, o)
		return imageConfig{resolved, dgst, config}, err
	})
	if err != nil {
		return "", "", nil, err
	}
	c := v.(imageConfig)
	return c.ref, c.digest, c.config, nil
}

func (r *resolver) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, o sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	v, err := r.once([]any{"source", op.Identifier, op.Attrs, o}, func() (any, error) {
		return r.Client.ResolveSourceMetadata(ctx, op, o)
	})
	if err != nil {
		return nil, err
	}
	return v.(*sourceresolver.MetaResponse), nil
}

func (r *resolver) once(key []any, call func() (any, error)) (any, error) {
	text, err := json.Marshal(key)
	if err != nil {
		return call()
	}
	r.mu.Lock()
	f, known := r.calls[string(text)]
	if !known {
		f = sync.OnceValues(call)
		r.calls[string(text)] = f
	}
	r.mu.Unlock()
	return f()
}
