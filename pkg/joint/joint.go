// Package joint builds many Dockerfiles as one BuildKit job.
//
// Docker's own tools start one job for each service: one session, one walk of its build context, one history record,
// one export. Here BuildKit's Dockerfile frontend runs in this process for all of them, steps and build contexts that
// builds share are one, and their images are exported together. It imports nothing of buildx, and knows nothing of
// Compose.
package joint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
)

// Build is one of the builds of a job. All that it reads lies in local folders or in registries.
type Build struct {
	Name string
	// Attrs are those of BuildKit's Dockerfile frontend, without what is said below.
	Attrs map[string]string
	// Context is the folder of the build context.
	Context string
	// Dockerfile is the path of the file, or else Inline is its text.
	Dockerfile string
	Inline     string
	// Contexts are the folders of named contexts.
	Contexts map[string]string
}

// Options say how a job runs.
type Options struct {
	Builds []Build
	// Ref is the name of the job in BuildKit's history.
	Ref string
	// SharedKey tells this machine from others that use the same BuildKit.
	SharedKey string
	// Session are what BuildKit may ask for: logins, secrets, SSH keys; all builds share them.
	Session []session.Attachable
	// Export takes the images; nil leaves the results in BuildKit's cache.
	Export *client.ExportEntry
	// Parallel is how many builds run at once.
	Parallel int
	// KeepGoing builds the others to their end when one fails.
	KeepGoing bool
	// Status gets what happens. Owners is told before anything runs which builds the vertices of a job are of, and Graphs
	// the graph of every build by its name, with the folders that local sources of all are.
	Status func(*client.SolveStatus)
	Owners func(map[digest.Digest][]string)
	Graphs func(graphs map[string]frontend.Graph, folders map[string]string)
	// Images may be put before the one who looks images up, to see what is found; nil for nobody.
	Images func(frontend.Images) frontend.Images
}

// Outcome is what became of a job.
type Outcome struct {
	// Response is the exporter's answer.
	Response map[string]string
	// Exported are the names of the builds whose images were exported. When there are several the exporter got an
	// index with a manifest for each of them, in this order.
	Exported []string
	// Errors are by the name of a build; that of one which was only stopped because another failed is ErrStopped.
	Errors map[string]error
}

// ErrStopped is the error of a build that was stopped because another failed.
var ErrStopped = errors.New("stopped, because another build failed")

// ErrApart says that a build can't be part of a job. Built by itself it works, or gets a better error.
var ErrApart = errors.New("can't be built together")

// job is a run of Run.
type job struct {
	Options
	local   *locals
	parts   []*part
	outcome *Outcome
	mu      sync.Mutex
	// apart is why the builds can't be built together.
	apart error
}

// part is a build on its way: the graph of it, and what an exporter has to know.
type part struct {
	Build
	graph frontend.Graph
	meta  map[string][]byte
	ref   gateway.Reference
}

// Run builds all of o.Builds on c. Errors of single builds are in the outcome; the error is for what concerns all, and
// is ErrApart when nothing was built.
func Run(ctx context.Context, c *client.Client, o Options) (*Outcome, error) {
	j := &job{Options: o, outcome: &Outcome{Errors: map[string]error{}}}
	var err error
	if j.local, err = newLocals(o.Builds); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrApart, err)
	}
	so := client.SolveOpt{Ref: o.Ref, SharedKey: o.SharedKey, Session: o.Session, LocalMounts: j.local.mounts}
	if o.Export != nil {
		so.Exports = []client.ExportEntry{*o.Export}
	}
	statuses, drained := make(chan *client.SolveStatus), make(chan struct{})
	go func() {
		defer close(drained)
		for s := range statuses {
			o.Status(asAlone(s))
		}
	}()
	response, err := c.Build(ctx, so, "", j.build, statuses)
	<-drained
	switch {
	case ctx.Err() != nil:
		return j.outcome, context.Cause(ctx)
	case j.apart != nil:
		return nil, fmt.Errorf("%w: %w", ErrApart, j.apart)
	case err != nil && len(j.outcome.Errors) == 0:
		return j.outcome, err
	case err == nil:
		j.outcome.Response = response.ExporterResponse
	}
	return j.outcome, nil
}

// asAlone takes from a status what only a joint build makes BuildKit say: its wonder at several images of one platform, and
// our names for build contexts.
func asAlone(s *client.SolveStatus) *client.SolveStatus {
	s.Warnings = slices.DeleteFunc(s.Warnings, func(w *client.VertexWarning) bool {
		return bytes.HasPrefix(w.Short, []byte("Requested platforms "))
	})
	for _, st := range s.Statuses {
		if strings.HasPrefix(st.ID, "transferring "+localPrefix) {
			st.ID = "transferring " + frontend.ContextFolder + ":"
		}
	}
	return s
}

// build is what BuildKit calls the frontend.
func (j *job) build(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
	if err := j.convert(ctx, gw); err != nil {
		j.apart = err
		return nil, err
	}
	if err := j.solve(ctx, gw); err != nil {
		return nil, err
	}
	return j.result()
}

// converted bounds how many Dockerfiles are read at once; the graphs of all are made before the first is built.
const converted = 16

// convert makes the graphs of all builds.
func (j *job) convert(ctx context.Context, gw gateway.Client) error {
	resolved, opts := frontend.Images(newResolver(gw)), gw.BuildOpts()
	if j.Images != nil {
		resolved = j.Images(resolved)
	}
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(converted)
	for _, b := range j.Builds {
		p := &part{Build: b}
		j.parts = append(j.parts, p)
		eg.Go(func() error { return p.convert(ctx, resolved, opts, j) })
	}
	if err := eg.Wait(); err != nil {
		return err
	}
	if err := shareLocals(j.parts); err != nil {
		return err
	}
	owners, graphs := map[digest.Digest][]string{}, map[string]frontend.Graph{}
	for _, p := range j.parts {
		graphs[p.Name] = p.graph
		for _, op := range p.graph.Definition.Def {
			dgst := digest.FromBytes(op)
			owners[dgst] = append(owners[dgst], p.Name)
		}
	}
	j.Owners(owners)
	j.Graphs(graphs, j.local.dirs)
	return nil
}

// solve builds all parts.
func (j *job) solve(ctx context.Context, gw gateway.Client) error {
	eg, group := errgroup.WithContext(ctx)
	eg.SetLimit(max(1, j.Parallel))
	for _, p := range j.parts {
		eg.Go(func() error {
			err := p.solve(group, gw)
			if err == nil {
				return nil
			}
			if group.Err() != nil && ctx.Err() == nil {
				err = ErrStopped
			}
			j.mu.Lock()
			defer j.mu.Unlock()
			j.outcome.Errors[p.Name] = err
			if j.KeepGoing {
				return nil
			}
			return err
		})
	}
	return eg.Wait()
}

func (p *part) solve(ctx context.Context, gw gateway.Client) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r, err := gw.Solve(ctx, gateway.SolveRequest{Definition: p.graph.Definition, CacheImports: p.graph.Imports, Evaluate: true})
	if err != nil {
		return err
	}
	p.ref, err = r.SingleRef()
	return err
}

// result is what the exporter gets. Several images are what it takes for the platforms of one, under the names of the
// builds.
func (j *job) result() (*gateway.Result, error) {
	done := slices.DeleteFunc(slices.Clone(j.parts), func(p *part) bool { return j.outcome.Errors[p.Name] != nil })
	res := gateway.NewResult()
	if j.Export == nil || len(done) == 0 {
		return res, nil
	}
	for _, p := range done {
		j.outcome.Exported = append(j.outcome.Exported, p.Name)
	}
	if len(done) == 1 {
		res.SetRef(done[0].ref)
		for k, v := range done[0].meta {
			res.AddMeta(k, v)
		}
		return res, nil
	}
	var all exptypes.Platforms
	for _, p := range done {
		own, err := exptypes.ParsePlatforms(p.meta)
		if err != nil {
			return nil, err
		}
		if len(own.Platforms) != 1 {
			return nil, fmt.Errorf("%s: %d platforms", p.Name, len(own.Platforms))
		}
		all.Platforms = append(all.Platforms, exptypes.Platform{ID: p.Name, Platform: own.Platforms[0].Platform})
		res.AddRef(p.Name, p.ref)
		for k, v := range p.meta {
			if k != exptypes.ExporterPlatformsKey {
				res.AddMeta(k+"/"+p.Name, v)
			}
		}
	}
	text, err := json.Marshal(all)
	res.AddMeta(exptypes.ExporterPlatformsKey, text)
	return res, err
}
