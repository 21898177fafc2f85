package buildx

import (
	"context"

	"github.com/docker/buildx/build"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// tell passes the graph of a target on, for every service that it is built for.
func (j *job) tell(lead string, g frontend.Graph, folders map[string]string) {
	if j.graph == nil {
		return
	}
	for _, t := range j.plan.Targets {
		if j.leads[t.Service] == lead {
			j.graph(sourceFor(t, g, folders))
		}
	}
}

// sourceFor is a graph with what the plan knows of its target.
func sourceFor(t targets.Target, g frontend.Graph, folders map[string]string) steps.Source {
	s := steps.Source{
		Service: t.Service, Stage: t.Stage, Platform: g.Platform, Definition: g.Definition, Image: g.Image,
		Folders: folders, Dockerfile: t.Dockerfile, Imports: t.CacheFrom,
	}
	if len(t.Platforms) == 0 {
		s.Platform = ""
	}
	return s
}

// keep passes the graphs of a joint build on.
func (j *job) keep(graphs map[string]frontend.Graph, folders map[string]string) {
	for lead, g := range graphs {
		j.tell(lead, g, folders)
	}
}

// watch passes the graph of a target on when buildx has it, before it is built. What can't be read of it is only not
// known.
func (j *job) watch(run build.EvaluateFunc) build.EvaluateFunc {
	if run == nil {
		run = func(ctx context.Context, _ string, _ gateway.Client, res *gateway.Result, _ build.Options) error {
			return evaluate(ctx, res)
		}
	}
	return func(ctx context.Context, service string, c gateway.Client, res *gateway.Result, o build.Options) error {
		if graphs, err := graphsOf(ctx, res); err == nil && j.graph != nil {
			for _, g := range graphs {
				j.tell(service, g, folders(o.Inputs))
			}
		}
		return run(ctx, service, c, res, o)
	}
}

// graphsOf takes the graphs from what a frontend answered.
func graphsOf(ctx context.Context, res *gateway.Result) ([]frontend.Graph, error) {
	all, err := exptypes.ParsePlatforms(res.Metadata)
	if err != nil {
		return nil, err
	}
	var out []frontend.Graph
	for _, p := range all.Platforms {
		g := frontend.Graph{Platform: p.ID, Definition: &pb.Definition{}, Image: res.Metadata[exptypes.ExporterImageConfigKey]}
		if image, own := res.Metadata[exptypes.ExporterImageConfigKey+"/"+p.ID]; own {
			g.Image = image
		}
		if ref, ok := res.FindRef(p.ID); ok && ref != nil {
			if g.Definition, err = llbOf(ctx, ref); err != nil {
				return nil, err
			}
		}
		out = append(out, g)
	}
	return out, nil
}

func llbOf(ctx context.Context, ref gateway.Reference) (*pb.Definition, error) {
	state, err := ref.ToState()
	if err != nil {
		return nil, err
	}
	return marshal(ctx, state)
}

func marshal(ctx context.Context, state llb.State) (*pb.Definition, error) {
	def, err := state.Marshal(ctx)
	if err != nil {
		return nil, err
	}
	return def.ToPB(), nil
}

// folders are the local folders of a build by the names that buildx gives them.
func folders(in build.Inputs) map[string]string {
	out := map[string]string{}
	if isDir(in.ContextPath) {
		out[frontend.ContextFolder] = in.ContextPath
	}
	for name, c := range in.NamedContexts {
		if name == frontend.ContextFolder || name == frontend.DockerfileFolder {
			name = "_" + name
		}
		if isDir(c.Path) {
			out[name] = c.Path
		}
	}
	return out
}
