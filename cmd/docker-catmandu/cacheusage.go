package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/retention"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

// holdings is what a builder's cache has, and for whom.
type holdings struct {
	*usage.Usage
	live *buildx.Live
	// name is that of the builder.
	name string
	plan *targets.Plan
	// plans are all current ones; plan is the first.
	plans []*targets.Plan
	// records are those of the builder as they were before it was asked for any step.
	records []buildx.CacheRecord
	// images are those of the project in the Docker Engine.
	images []buildx.EngineImage
	// aside is what lies beside the builder's cache.
	aside *aside
	// advice is on how the builder collects garbage.
	advice []retention.Advice
	// building says that the builder is at work for somebody.
	building bool
	// unknown says what of the current targets could not be learnt.
	unknown []string
}

// holdings asks a builder what of its cache the current targets of the project use: as declared, for production, for
// development.
func (a *app) holdings(ctx context.Context, from *planFlags, builder string) (*holdings, error) {
	plans, err := a.currentPlans(ctx, from)
	if err != nil {
		return nil, err
	}
	h := &holdings{plan: plans[0], plans: plans}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	reading := ahead(func() ([]usage.Project, error) { return projects(cache, h.plan, nil) })
	b, err := a.open(ctx, cmp.Or(builder, os.Getenv("BUILDX_BUILDER")), h.plan.Dir)
	if err != nil {
		return nil, err
	}
	if h.live, err = b.Live(ctx); err != nil {
		return nil, err
	}
	h.name = h.live.Name()
	looked := usage.Look{Builder: h.live.ID, From: time.Now()} // to list a record whose size is not known yet is to use it
	q, sources, err := h.survey(ctx, a)
	if err != nil {
		return nil, err
	}
	if q.Projects, err = reading(); err != nil {
		return nil, err
	}
	others := newStrangers(h.live)
	if err := h.touch(ctx, q, sources, others); err != nil {
		return nil, err
	}
	q.Now = time.Now()
	looked.To = q.Now
	if q.Projects, err = projects(cache, h.plan, q.Projects); err != nil {
		return nil, err
	}
	if err := addLook(filepath.Join(projectDir(cache, h.plan), looksFile), looked); err != nil {
		return nil, err
	}
	h.Usage = usage.New(*q)
	if err := h.heedStrangers(ctx, others, q); err != nil {
		return nil, err
	}
	h.IgnoreLooks(q)
	if h.building, err = h.live.Building(ctx); err != nil {
		return nil, err
	}
	return h, h.lookAround(ctx, a, cache, builder, q)
}

// survey is what there is, before the builder is asked for any step: records, images, and the graphs of all current targets.
func (h *holdings) survey(ctx context.Context, a *app) (*usage.Question, []steps.Source, error) {
	images := ahead(func() ([]buildx.EngineImage, error) { return a.images(ctx, h.plan.Project) })
	forgets := ahead(func() (bool, error) { return h.live.Forgets(ctx) })
	listed := ahead(func() ([]buildx.CacheRecord, error) { return h.live.Foresee(ctx) })
	q := &usage.Question{Builder: h.live.ID, Touched: map[string][]usage.Ref{}, Unprobed: map[string]string{}, Locals: map[string]bool{}}
	sources, err := h.graphs(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	if h.records, err = listed(); err != nil {
		return nil, nil, err
	}
	if q.Forgets, err = forgets(); err != nil {
		return nil, nil, err
	}
	if h.images, err = images(); err != nil {
		h.unknown = append(h.unknown, "images in the Docker Engine: "+err.Error())
	}
	several := len(h.live.Nodes()) > 1
	for _, r := range h.records {
		node := ""
		if several {
			node = r.Node
		}
		q.Records = append(q.Records, usage.Record{
			ID: r.ID, Type: r.Type, Description: r.Description, Size: r.Size, Created: r.CreatedAt, LastUsed: r.LastUsedAt,
			Uses: r.Uses, InUse: r.InUse, Shared: r.Shared, Mutable: r.Mutable, Parents: r.Parents, Node: node,
		})
	}
	return q, sources, nil
}

// touch asks the builder which records hold results of current targets. What takes no answer to that is made meanwhile.
func (h *holdings) touch(ctx context.Context, q *usage.Question, sources []steps.Source, others *strangers) error {
	asked := *q
	prepare := sync.OnceValue(asked.Prepare)
	made := sync.OnceValue(func() map[string][]string { return h.made(&asked) })
	go made()
	touched, err := h.live.Touch(ctx, sources, buildx.TouchOptions{Evidence: evidenceOf(made), Meanwhile: func() {
		go prepare()
		go others.foresee(ctx, asked.Projects, asked.Builder)
	}})
	if errors.Is(err, buildx.ErrNoProbe) {
		h.unknown = append(h.unknown, "which records current targets use, but for those that builds noted: "+err.Error())
		touched, err = fromLedger(made(), q), nil
	}
	if err != nil {
		return err
	}
	if touched.Busy {
		h.unknown = append(h.unknown, "all that current targets use: a build that is under way may be at some of their steps, which the builder was not asked for; try again later")
	}
	q.Probed, q.Unprobed = true, touched.Missing
	for dgst, ids := range touched.Records {
		for _, id := range ids {
			q.Touched[id] = append(q.Touched[id], usage.Ref{Digest: dgst})
		}
	}
	for _, id := range touched.Loaded {
		if _, known := q.Touched[id]; !known {
			q.Touched[id] = []usage.Ref{}
		}
	}
	q.Prepared = prepare()
	return nil
}

// lookAround looks at what has to do with the project beside the records.
func (h *holdings) lookAround(ctx context.Context, a *app, cache, builder string, q *usage.Question) error {
	var unknown []string
	var err error
	if h.aside, unknown, err = a.aside(ctx, cache, builder, h.plans); err != nil {
		return err
	}
	h.unknown = append(h.unknown, unknown...)
	prunes, err := prunesOf(cache, h.live.ID)
	if err != nil {
		return err
	}
	var past *ledger.History
	for _, p := range q.Projects {
		if p.Here {
			past = p.History
		}
	}
	return h.advise(ctx, h.records, past, prunes)
}

// superseded are images that have no name any more: another was built under it.
func (h *holdings) superseded() []buildx.EngineImage {
	out := []buildx.EngineImage{}
	for _, i := range h.images {
		if len(i.Tags) == 0 {
			out = append(out, i)
		}
	}
	return out
}
