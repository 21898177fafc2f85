package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/forecast"
	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// projectDir is what is kept of one project.
func projectDir(cache string, plan *targets.Plan) string {
	return filepath.Join(cache, "projects", projectKey(plan.Project, plan.Dir))
}

// ledgerOf is the ledger of the plan's project.
func ledgerOf(cache string, plan *targets.Plan) *ledger.Ledger {
	return ledger.New(filepath.Join(projectDir(cache, plan), "ledger"))
}

// sumsDir is where the sums of local files are kept, for all projects.
func sumsDir(cache string) string { return filepath.Join(cache, "sums") }

// imagesFile is where images are remembered, for all projects.
func imagesFile(cache string) string { return filepath.Join(cache, "images.json") }

// recorder learns during a build what it was made of, beside it: keys are made while BuildKit is at work.
type recorder struct {
	// ctx is that of the build: what an interrupted one read is not looked at to the end.
	ctx      context.Context
	ledger   *ledger.Ledger
	disk     *steps.Disk
	contents *steps.Contents
	images   *frontend.Memory
	live     func() (*buildx.Live, error)

	all    sync.WaitGroup
	mu     sync.Mutex
	graphs map[string]*steps.Graph // by service and platform
}

func newRecorder(ctx context.Context, b builder, cache string, plan *targets.Plan) *recorder {
	r := &recorder{ledger: ledgerOf(cache, plan), disk: steps.NewDisk(sumsDir(cache)), graphs: map[string]*steps.Graph{}}
	r.contents, r.images = steps.NewContents(r.disk), frontend.NewMemory(imagesFile(cache))
	r.ctx = ctx
	r.live = sync.OnceValues(func() (*buildx.Live, error) {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		return b.Live(ctx)
	})
	return r
}

// graph takes a graph that is about to be built.
func (r *recorder) graph(s steps.Source) {
	if err := r.contents.Know(s); err != nil {
		return
	}
	r.all.Go(func() {
		live, err := r.live()
		if err != nil {
			return
		}
		g, err := steps.New(r.ctx, s, r.contents, steps.Rules{Plain: live.Plain()})
		if err != nil {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.graphs[s.Service+" "+s.Platform] = g
	})
}

// finish writes the build into the ledger, and tells why steps ran. None of it is worth failing a build for.
func (r *recorder) finish(w io.Writer, plan *targets.Plan, result *buildx.Result, quiet bool) error {
	if r == nil || result == nil {
		return nil
	}
	r.all.Wait()
	if len(r.graphs) == 0 {
		return nil
	}
	live, err := r.live()
	if err != nil {
		return err
	}
	graphs, done := r.sorted(), vertices(result)
	if !quiet {
		if err := r.explain(w, graphs, done, live.ID, plan.Dir); err != nil {
			return err
		}
	}
	build, results := r.record(graphs, result, done, ledger.Builder{ID: live.ID, Name: result.Builder, Driver: live.Driver(), Version: live.Version})
	addUsage(results, result.Targets, live.Usage)
	if err := r.ledger.Append(build, results); err != nil {
		return err
	}
	return errors.Join(r.disk.Close(), r.images.Close())
}

// explain prints a line for each target of which steps ran.
func (r *recorder) explain(w io.Writer, graphs []*steps.Graph, done map[vertex]buildx.Step, builder, dir string) error {
	past := forecast.Past{Builder: builder, Files: r.ledger.Files}
	for _, g := range graphs {
		steps := ran(g, done)
		if !slices.Contains(slices.Collect(maps.Values(steps)), true) {
			continue
		}
		if past.History == nil {
			var err error
			if past.History, err = r.ledger.Read(); err != nil {
				return err
			}
		}
		if line := whyLine(forecast.Explain(g, past, steps), dir); line != "" {
			fmt.Fprintln(w, line)
		}
	}
	return nil
}

func (r *recorder) sorted() []*steps.Graph {
	var out []*steps.Graph
	for _, g := range r.graphs {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b *steps.Graph) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Platform, b.Platform))
	})
	return out
}

// vertex is a step of a build by its identity.
type vertex struct{ service, digest string }

// vertices are the steps that BuildKit came to. A vertex that services share is told of one of them at least.
func vertices(result *buildx.Result) map[vertex]buildx.Step {
	out := map[vertex]buildx.Step{}
	for _, s := range result.Steps {
		out[vertex{s.Service, s.Digest}] = s
		if _, known := out[vertex{"", s.Digest}]; !known {
			out[vertex{"", s.Digest}] = s
		}
	}
	return out
}

// did is what became of a step of a graph.
func did(g *steps.Graph, s *steps.Step, done map[vertex]buildx.Step) (buildx.Step, bool) {
	if v, ok := done[vertex{g.Service, s.Digest}]; ok {
		return v, true
	}
	v, ok := done[vertex{"", s.Digest}]
	return v, ok
}

func ran(g *steps.Graph, done map[vertex]buildx.Step) map[string]bool {
	out := map[string]bool{}
	for i := range g.Steps {
		v, ok := did(g, &g.Steps[i], done)
		out[g.Steps[i].Digest] = ok && !v.Cached
	}
	return out
}

// record is the build as the ledger keeps it.
func (r *recorder) record(graphs []*steps.Graph, result *buildx.Result, done map[vertex]buildx.Step, on ledger.Builder) (ledger.Build, []ledger.Result) {
	b := ledger.Build{Started: result.Started, Seconds: result.Seconds, Builder: on, Kind: string(result.Kind)}
	for _, ref := range refsOf(result.Targets) {
		b.Refs = append(b.Refs, path.Base(ref)) // before that is where it was built
	}
	outcome := map[string]buildx.TargetResult{}
	for _, t := range result.Targets {
		outcome[t.Service] = t
	}
	recent := r.disk.Recent()
	var results []ledger.Result
	for _, g := range graphs {
		t := outcome[g.Service]
		b.Targets = append(b.Targets, ledger.Target{
			Service: g.Service, Stage: g.Stage, Platform: g.Platform, Key: g.Key, Digest: t.Digest, Error: t.Error,
		})
		for _, s := range g.Steps {
			v, ok := did(g, &s, done)
			if !ok {
				continue
			}
			unsure := s.TakesAny(recent)
			if !r.ledger.Knows(s) {
				s.LoadTakes()
			}
			results = append(results, ledger.Result{
				Service: g.Service, Platform: g.Platform, Step: s, Status: statusOf(v), Started: byBuilder(v), Seconds: v.Seconds,
				Unsure: unsure,
			})
		}
	}
	return b, results
}

// refsOf are the names of builds. Services that are built together share one.
func refsOf(built []buildx.TargetResult) []string {
	var refs []string
	for _, t := range built {
		if t.Ref != "" && !slices.Contains(refs, t.Ref) {
			refs = append(refs, t.Ref)
		}
	}
	return refs
}

// worthAsking is how many seconds a step runs before it matters what it used.
const worthAsking = 1

// addUsage adds what steps used, as far as the builder counted that. A build goes into the ledger without it as well.
func addUsage(results []ledger.Result, built []buildx.TargetResult, ask func(context.Context, string) (map[string]buildx.Usage, error)) {
	if !slices.ContainsFunc(results, func(r ledger.Result) bool { return r.Status != ledger.Cached && r.Seconds >= worthAsking }) {
		return
	}
	refs := refsOf(built)
	answers := make([]map[string]buildx.Usage, len(refs))
	var all sync.WaitGroup
	for i, ref := range refs {
		all.Go(func() { answers[i], _ = ask(context.Background(), ref) })
	}
	all.Wait()
	for _, used := range answers {
		for i := range results {
			r := &results[i]
			if u, known := used[r.Step.Digest]; known && r.Status != ledger.Cached {
				r.CPUSeconds, r.PeakMemory, r.IOBytes = u.CPUSeconds, u.PeakMemory, u.IOBytes
			}
		}
	}
}

// byBuilder is when a step began by the builder's clock, which its cache records have their times from.
func byBuilder(v buildx.Step) time.Time {
	if v.Started.IsZero() {
		return v.Started
	}
	return v.Started.Add(v.Moved)
}

func statusOf(v buildx.Step) string {
	switch {
	case v.Cached:
		return ledger.Cached
	case v.Error != "":
		return ledger.Failed
	case !v.Done:
		return ledger.Canceled
	}
	return ledger.Ran
}
