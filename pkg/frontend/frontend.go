// Package frontend runs BuildKit's Dockerfile frontend in this process: it makes the graphs of a build without building.
//
// A builder's own frontend would read Dockerfile and ignore files over the network and pass its graph on at once. Here
// files come from whoever asks, images are looked up by a function, and the graph is the answer. It imports nothing of ours.
package frontend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Request is one build as the frontend is asked for it.
type Request struct {
	// Attrs are the frontend's: build arguments, target, platforms.
	Attrs map[string]string
	// Builder is what the builder can do; Unknown() where there is none to ask.
	Builder gateway.BuildOpts
	Images  Images
	// Read reads a file from the folder that the frontend calls by that name. fs.ErrNotExist says that it is not there.
	Read func(folder, file string) ([]byte, error)
	// Inputs are the graphs that contexts "input:NAME" stand for.
	Inputs map[string]llb.State
	// Warn gets the findings of BuildKit's checks; nil drops them.
	Warn func(dgst digest.Digest, msg string, o gateway.WarnOpts)
}

// Images looks images up: their digests and configurations.
type Images interface {
	ResolveImageConfig(ctx context.Context, ref string, o sourceresolver.Opt) (string, digest.Digest, []byte, error)
	ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, o sourceresolver.Opt) (*sourceresolver.MetaResponse, error)
}

// Graph is what builds an image for one platform.
type Graph struct {
	// Platform is as BuildKit writes it.
	Platform   string
	Definition *pb.Definition
	Imports    []gateway.CacheOptionsEntry
	// Image is the configuration of the image, as JSON.
	Image []byte
}

// Result is the frontend's answer.
type Result struct {
	Graphs []Graph
	// Metadata are for the exporter.
	Metadata map[string][]byte
}

// ErrForeign is the error of a Dockerfile that names a frontend of its own.
var ErrForeign = errors.New("names its own syntax")

// Convert runs the frontend, and stops it before it asks BuildKit to build something.
func Convert(ctx context.Context, r Request) (*Result, error) {
	c := &asked{Request: r}
	res, err := builder.Build(ctx, c)
	if err == nil {
		err = c.odd
	}
	if err != nil {
		return nil, err
	}
	return result(res)
}

// result takes the graphs from what the frontend returns.
func result(res *gateway.Result) (*Result, error) {
	all, err := exptypes.ParsePlatforms(res.Metadata)
	if err != nil {
		return nil, err
	}
	out := &Result{Metadata: res.Metadata}
	for _, p := range all.Platforms {
		ref, ok := res.FindRef(p.ID)
		if !ok {
			return nil, fmt.Errorf("the frontend has no graph for %s", p.ID)
		}
		g, ok := ref.(*graph)
		if ref != nil && !ok {
			return nil, errors.New("the frontend built something by itself")
		}
		if g == nil { // an image of nothing
			g = &graph{def: &pb.Definition{}}
		}
		image, known := res.Metadata[exptypes.ExporterImageConfigKey+"/"+p.ID]
		if !known {
			image = res.Metadata[exptypes.ExporterImageConfigKey]
		}
		out.Graphs = append(out.Graphs, Graph{platforms.FormatAll(p.Platform), g.def, g.imports, image})
	}
	return out, nil
}

// Unknown is what a builder can do that isn't there to be asked: all that a new one can, for this machine's platform.
func Unknown() gateway.BuildOpts {
	return gateway.BuildOpts{
		LLBCaps: pb.Caps.CapSet(pb.Caps.All()), Caps: gwpb.Caps.CapSet(gwpb.Caps.All()),
		Workers: []gateway.WorkerInfo{{Platforms: []ocispecs.Platform{platforms.Normalize(platforms.DefaultSpec())}}},
	}
}

// asked is what the Dockerfile frontend takes for BuildKit.
type asked struct {
	gateway.Client
	Request
	mu  sync.Mutex
	odd error
}

// note keeps what was wrong with a file: the frontend takes it for missing.
func (a *asked) note(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.odd = err
}

func (a *asked) BuildOpts() gateway.BuildOpts {
	o := a.Builder
	o.Opts = maps.Clone(a.Attrs)
	return o
}

func (a *asked) Inputs(context.Context) (map[string]llb.State, error) {
	return a.Request.Inputs, nil
}

// Solve answers a question for local files, and keeps the graph of the build.
func (a *asked) Solve(_ context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if req.Frontend != "" || req.Definition == nil {
		return nil, ErrForeign
	}
	res := gateway.NewResult()
	name, err := onlyLocal(req.Definition)
	if err != nil {
		return nil, err
	}
	if name == "" {
		res.SetRef(&graph{def: req.Definition, imports: slices.Clone(req.CacheImports)})
		return res, nil
	}
	res.SetRef(&files{read: func(file string) ([]byte, error) { return a.Read(name, file) }, odd: a.note})
	return res, nil
}

func (a *asked) Warn(_ context.Context, dgst digest.Digest, msg string, o gateway.WarnOpts) error {
	if a.Request.Warn != nil {
		a.Request.Warn(dgst, msg, o)
	}
	return nil
}

func (a *asked) ResolveImageConfig(ctx context.Context, ref string, o sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return a.Images.ResolveImageConfig(ctx, ref, o)
}

func (a *asked) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, o sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return a.Images.ResolveSourceMetadata(ctx, op, o)
}

// graph is a build that nothing has run of; the frontend only passes it on.
type graph struct {
	gateway.Reference
	def     *pb.Definition
	imports []gateway.CacheOptionsEntry
}
