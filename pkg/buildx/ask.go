package buildx

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"

	"github.com/docker/buildx/build"
	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/util/dockerutil/dockerconfig"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/staticfs"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Asking is how the graphs of a plan are made without building it.
type Asking struct {
	// Images looks images up where no builder is asked; what it knows nothing of makes a graph unknown.
	Images frontend.Images
	// Found is told of every image that a builder looked up; nil when nobody wants to know.
	Found func(frontend.Images) frontend.Images
	// Read reads Dockerfiles and ignore files by folder and name; nil reads them from the disk.
	Read func(dir, name string) ([]byte, error)
}

// Graphs makes the graphs of a plan in this process, and asks nobody but a.Images. What only a builder could make of a
// Dockerfile has no definition and says why.
func Graphs(ctx context.Context, p *targets.Plan, a Asking) ([]steps.Source, error) {
	q, err := newQuestion(p, builder.Node{}, a)
	if err != nil {
		return nil, err
	}
	q.images, q.opts = a.Images, frontend.Unknown()
	return q.all(ctx), nil
}

// Graphs lets a builder look up images, and make the graphs that this program can't; nothing is built, and the builder's
// history has no record of it.
func (l *Live) Graphs(ctx context.Context, p *targets.Plan, a Asking) ([]steps.Source, error) {
	q, err := newQuestion(p, l.node, a)
	if err != nil {
		return nil, err
	}
	q.live, q.foreign = l, l.foreign()
	if q.foreign {
		return q.all(ctx), nil
	}
	var out []steps.Source
	err = l.converse(ctx, client.SolveOpt{}, func(ctx context.Context, gw gateway.Client) error {
		q.images, q.opts = gw, gw.BuildOpts()
		if a.Found != nil {
			q.images = a.Found(gw)
		}
		out = q.all(ctx)
		return nil
	})
	return out, err
}

// converse talks to a builder as a frontend does, and builds nothing.
func (l *Live) converse(ctx context.Context, so client.SolveOpt, talk func(context.Context, gateway.Client) error) error {
	so.Internal = true
	logins := authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: dockerconfig.LoadAuthConfig(l.builder.cli),
	})
	if len(so.LocalMounts) > 0 {
		so.Session = append(so.Session, logins)
	} else {
		s, err := session.NewSession(ctx, "")
		if err != nil {
			return err
		}
		s.Allow(logins)
		defer closeSoon(s)
		go func() { _ = s.Run(ctx, l.clients[0].Dialer()) }()
		so.SharedSession, so.SessionPreInitialized = s, true
	}
	_, err := l.clients[0].Build(ctx, so, "", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		return gateway.NewResult(), talk(ctx, gw)
	}, nil)
	return err
}

// question is what is asked of one plan.
type question struct {
	asking  Asking
	plan    *targets.Plan
	options map[string]build.Options
	attrs   map[string]map[string]string
	images  frontend.Images
	opts    gateway.BuildOpts
	// live is nil where there is no builder. foreign says that its frontend is another than ours.
	live    *Live
	foreign bool
	answers map[string]func() answer
}

// answer are the graphs of one target.
type answer struct {
	graphs []frontend.Graph
	// session is that of the folders.
	session string
	err     error
}

func newQuestion(p *targets.Plan, node builder.Node, a Asking) (*question, error) {
	q := &question{
		asking: a, plan: p, options: map[string]build.Options{}, attrs: map[string]map[string]string{},
		answers: map[string]func() answer{},
	}
	for _, t := range p.Targets {
		o, err := options(p, group{t, []string{t.Service}}, nil)
		if err != nil {
			return nil, fmt.Errorf("service %q: %w", t.Service, err)
		}
		q.options[t.Service] = o
		if q.attrs[t.Service], err = attributes(o, node); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// all are the graphs of all targets.
func (q *question) all(ctx context.Context) []steps.Source {
	for _, t := range q.plan.Targets {
		q.answers[t.Service] = sync.OnceValue(func() answer { return q.ask(ctx, t) })
	}
	eg := errgroup.Group{}
	eg.SetLimit(8)
	for _, f := range q.answers {
		eg.Go(func() error {
			f()
			return nil
		})
	}
	_ = eg.Wait()
	var out []steps.Source
	for _, t := range q.plan.Targets {
		a := q.answers[t.Service]()
		if a.err != nil {
			out = append(out, steps.Source{Service: t.Service, Stage: t.Stage, Dockerfile: t.Dockerfile, Unknown: unknown(a.err)})
			continue
		}
		for _, g := range a.graphs {
			s := sourceFor(t, g, q.folders(t))
			s.Session = a.session
			out = append(out, s)
		}
	}
	return out
}

// unknown says why there is no graph, in a line.
func unknown(err error) string {
	if errors.Is(err, frontend.ErrForeign) {
		return "its Dockerfile names a syntax of its own, which only a builder can read"
	}
	return firstLine(err)
}

// ask makes the graphs of a target, in this process where its frontend is the builder's.
func (q *question) ask(ctx context.Context, t targets.Target) answer {
	attrs := maps.Clone(q.attrs[t.Service])
	attrs["filename"] = "Dockerfile"
	if t.Dockerfile != "" {
		attrs["filename"] = filepath.Base(t.Dockerfile)
	}
	inputs := map[string]llb.State{}
	for name, c := range q.options[t.Service].Inputs.NamedContexts {
		service, linked := strings.CutPrefix(c.Path, "target:")
		switch {
		case !linked && isDir(c.Path):
			attrs["context:"+name] = "local:" + folderName(c.Path)
		case !linked:
			attrs["context:"+name] = c.Path
		default:
			if err := q.link(attrs, inputs, name, service); err != nil {
				return answer{err: err}
			}
		}
	}
	if q.foreign {
		return q.askBuilder(ctx, t, attrs, inputs)
	}
	if !isDir(t.Context) {
		if q.live == nil {
			return answer{err: errors.New("its build context is no local folder, which only a builder can read")}
		}
		return q.askBuilder(ctx, t, attrs, inputs)
	}
	opts := q.opts
	opts.SessionID = folderName(t.Context) // it tells the folders of targets apart where one is built from another
	res, err := frontend.Convert(ctx, frontend.Request{
		Attrs: attrs, Builder: opts, Images: q.images, Inputs: inputs,
		Read: func(folder, file string) ([]byte, error) { return q.read(t, folder, file) },
	})
	if errors.Is(err, frontend.ErrForeign) && q.live != nil {
		return q.askBuilder(ctx, t, attrs, inputs)
	}
	if err != nil {
		return answer{err: err}
	}
	return answer{graphs: res.Graphs, session: opts.SessionID}
}

// link lets a target be built from another, as buildx does.
func (q *question) link(attrs map[string]string, inputs map[string]llb.State, name, service string) error {
	from, known := q.answers[service]
	if !known {
		return fmt.Errorf("service %q is not in the plan", service)
	}
	a := from()
	if a.err != nil {
		return a.err
	}
	for _, g := range a.graphs {
		suffix := ""
		if len(a.graphs) > 1 {
			suffix = "::" + g.Platform
		}
		state := llb.Scratch()
		if len(g.Definition.GetDef()) > 0 {
			op, err := llb.NewDefinitionOp(g.Definition)
			if err != nil {
				return err
			}
			state = llb.NewState(op)
		}
		metadata, err := json.Marshal(map[string][]byte{exptypes.ExporterImageConfigKey: g.Image})
		if err != nil {
			return err
		}
		key := name + suffix
		inputs[key] = state
		attrs["context:"+key], attrs["input-metadata:"+key] = "input:"+key, string(metadata)
	}
	return nil
}

// askBuilder lets the builder's own frontend make the graphs. Nothing of them is built.
func (q *question) askBuilder(ctx context.Context, t targets.Target, attrs map[string]string, inputs map[string]llb.State) answer {
	mounts, err := q.mounts(t)
	if err != nil {
		return answer{err: err}
	}
	if !isDir(t.Context) {
		attrs["context"] = t.Context
		if mounts[frontend.DockerfileFolder] != nil {
			attrs["dockerfilekey"] = frontend.DockerfileFolder
		}
	}
	req := gateway.SolveRequest{Frontend: "dockerfile.v0", FrontendOpt: attrs, FrontendInputs: map[string]*pb.Definition{}}
	for name, state := range inputs {
		if req.FrontendInputs[name], err = marshal(ctx, state); err != nil {
			return answer{err: err}
		}
	}
	var a answer
	q.live.asked.Store(true)
	err = q.live.converse(ctx, client.SolveOpt{LocalMounts: mounts}, func(ctx context.Context, gw gateway.Client) error {
		res, err := gw.Solve(ctx, req)
		if err != nil {
			return err
		}
		a.session = gw.BuildOpts().SessionID
		a.graphs, err = graphsOf(ctx, res)
		return err
	})
	a.err = err
	return a
}

// read reads a file that the frontend wants to see.
func (q *question) read(t targets.Target, folder, file string) ([]byte, error) {
	read := frontend.ReadFile
	if q.asking.Read != nil {
		read = q.asking.Read
	}
	dir, known := q.folders(t)[folder]
	switch {
	case known:
		return read(dir, file)
	case folder != frontend.DockerfileFolder:
		return nil, fmt.Errorf("there is no folder %q", folder)
	case t.Build.DockerfileInline != "":
		return frontend.Inline(t.Build.DockerfileInline, file)
	}
	return read(filepath.Dir(t.Dockerfile), file)
}

// folders are the local folders of a target's graph, made here or by a builder.
func (q *question) folders(t targets.Target) map[string]string {
	out := map[string]string{}
	if isDir(t.Context) {
		out[frontend.ContextFolder] = t.Context
	}
	for _, c := range q.options[t.Service].Inputs.NamedContexts {
		if isDir(c.Path) {
			out[folderName(c.Path)] = c.Path
		}
	}
	return out
}

// folderName is what a folder of a named context is called, and what tells build contexts apart.
func folderName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return "folder-" + hex.EncodeToString(sum[:8])
}

// mounts are the folders of a target as a builder sees them.
func (q *question) mounts(t targets.Target) (map[string]fsutil.FS, error) {
	out := map[string]fsutil.FS{}
	dirs := q.folders(t)
	switch text := t.Build.DockerfileInline; {
	case text != "":
		inline := staticfs.NewFS()
		inline.Add("Dockerfile", &fstypes.Stat{Path: "Dockerfile", Mode: 0o600}, []byte(text))
		out[frontend.DockerfileFolder] = inline
	case filepath.IsAbs(t.Dockerfile):
		dirs[frontend.DockerfileFolder] = filepath.Dir(t.Dockerfile)
	}
	for name, dir := range dirs {
		files, err := fsutil.NewFS(dir)
		if err != nil {
			return nil, err
		}
		out[name] = files
	}
	return out, nil
}
