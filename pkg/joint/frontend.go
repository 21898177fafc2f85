package joint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// convert runs the Dockerfile frontend, and stops it before it asks BuildKit to build something.
func (p *part) convert(ctx context.Context, resolved *resolver, j *job) error {
	f := &frontend{Client: resolved.Client, resolved: resolved, part: p, local: j.local, status: j.Status, attrs: j.local.attrs(p.Build)}
	res, err := builder.Build(ctx, f)
	if err == nil {
		err = f.odd
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	ref, err := res.SingleRef()
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	graph, ok := ref.(*graph)
	if !ok {
		return fmt.Errorf("%s: the frontend built something by itself", p.Name)
	}
	p.def, p.imports, p.meta = graph.def, graph.imports, res.Metadata
	return nil
}

// frontend is what the Dockerfile frontend of one build takes for BuildKit.
type frontend struct {
	gateway.Client
	resolved *resolver
	part     *part
	local    *locals
	attrs    map[string]string
	status   func(*client.SolveStatus)
	mu       sync.Mutex
	odd      error
}

// note keeps what was wrong with a file.
func (f *frontend) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.odd = err
}

func (f *frontend) BuildOpts() gateway.BuildOpts {
	o := f.Client.BuildOpts()
	o.Opts = maps.Clone(f.attrs)
	return o
}

func (f *frontend) Inputs(context.Context) (map[string]llb.State, error) {
	return nil, nil
}

// Solve answers a question for local files from the disk, and keeps the graph of the build.
func (f *frontend) Solve(_ context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if req.Frontend != "" || req.Definition == nil {
		return nil, errors.New("its Dockerfile has another frontend")
	}
	res := gateway.NewResult()
	name, err := onlyLocal(req.Definition)
	if err != nil {
		return nil, err
	}
	if name == "" {
		res.SetRef(&graph{def: req.Definition, imports: req.CacheImports})
		return res, nil
	}
	files, err := f.local.files(f.part.Build, name, f.note)
	if err != nil {
		return nil, err
	}
	res.SetRef(files)
	return res, nil
}

func (f *frontend) Warn(_ context.Context, dgst digest.Digest, msg string, o gateway.WarnOpts) error {
	f.status(&client.SolveStatus{Warnings: []*client.VertexWarning{{
		Vertex: dgst, Level: o.Level, Short: []byte(msg), Detail: o.Detail, URL: o.URL, SourceInfo: o.SourceInfo, Range: o.Range,
	}}})
	return nil
}

func (f *frontend) ResolveImageConfig(ctx context.Context, ref string, o sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return f.resolved.ResolveImageConfig(ctx, ref, o)
}

func (f *frontend) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, o sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return f.resolved.ResolveSourceMetadata(ctx, op, o)
}

// graph is a build that nothing has run of; the frontend only passes it on.
type graph struct {
	gateway.Reference
	def     *pb.Definition
	imports []gateway.CacheOptionsEntry
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
