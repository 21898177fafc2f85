package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/forecast"
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
	images := ahead(func() ([]buildx.EngineImage, error) { return a.images(ctx, h.plan.Project) })
	forgets := ahead(func() (bool, error) { return h.live.Forgets(ctx) })
	q := usage.Question{Builder: h.live.ID, Touched: map[string][]usage.Ref{}, Unprobed: map[string]string{}, Locals: map[string]bool{}}
	looked := usage.Look{Builder: h.live.ID, From: time.Now()} // to list a record whose size is not known yet is to use it
	listed := ahead(func() ([]buildx.CacheRecord, error) { return h.live.Foresee(ctx) })
	sources, err := h.graphs(ctx, plans, &q)
	if err != nil {
		return nil, err
	}
	records, err := listed()
	if err != nil {
		return nil, err
	}
	if q.Forgets, err = forgets(); err != nil {
		return nil, err
	}
	if h.images, err = images(); err != nil {
		h.unknown = append(h.unknown, "images in the Docker Engine: "+err.Error())
	}
	several := len(h.live.Nodes()) > 1
	for _, r := range records {
		node := ""
		if several {
			node = r.Node
		}
		q.Records = append(q.Records, usage.Record{
			ID: r.ID, Type: r.Type, Description: r.Description, Size: r.Size, Created: r.CreatedAt, LastUsed: r.LastUsedAt,
			Uses: r.Uses, InUse: r.InUse, Shared: r.Shared, Mutable: r.Mutable, Parents: r.Parents, Node: node,
		})
	}
	read, err := reading()
	if err != nil {
		return nil, err
	}
	q.Projects = read
	asked := q // what is made of it meanwhile
	others, prepare := newStrangers(h.live), sync.OnceValue(asked.Prepare)
	made := sync.OnceValue(func() map[string][]string { return h.made(&asked) })
	go made()
	touched, err := h.live.Touch(ctx, sources, buildx.TouchOptions{Evidence: evidenceOf(made), Meanwhile: func() {
		go prepare()
		go others.foresee(ctx, read, q.Builder)
	}})
	if errors.Is(err, buildx.ErrNoProbe) {
		h.unknown = append(h.unknown, "which records current targets use, but for those that builds noted: "+err.Error())
		touched, err = fromLedger(made(), &q), nil
	}
	if err != nil {
		return nil, err
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
	q.Now = time.Now()
	looked.To = q.Now
	if q.Projects, err = projects(cache, h.plan, read); err != nil {
		return nil, err
	}
	q.Prepared = prepare()
	if err := addLook(filepath.Join(projectDir(cache, h.plan), looksFile), looked); err != nil {
		return nil, err
	}
	h.Usage = usage.New(q)
	if err := h.heedStrangers(ctx, others, &q); err != nil {
		return nil, err
	}
	h.IgnoreLooks(&q)
	if h.building, err = h.live.Building(ctx); err != nil {
		return nil, err
	}
	return h, h.lookAround(ctx, a, cache, builder, plans, records, q.Projects)
}

// lookAround looks at what has to do with the project beside the records.
func (h *holdings) lookAround(ctx context.Context, a *app, cache, builder string, plans []*targets.Plan, records []buildx.CacheRecord, all []usage.Project) error {
	var unknown []string
	var err error
	if h.aside, unknown, err = a.aside(ctx, cache, builder, plans); err != nil {
		return err
	}
	h.unknown = append(h.unknown, unknown...)
	prunes, err := prunesOf(cache, h.live.ID)
	if err != nil {
		return err
	}
	var past *ledger.History
	for _, p := range all {
		if p.Here {
			past = p.History
		}
	}
	return h.advise(ctx, records, past, prunes)
}

// made are the records that were made when steps of current targets ran, by the digests of these, as ledgers say. Steps that were only
// seen to have a result are there without.
func (h *holdings) made(q *usage.Question) map[string][]string {
	out := map[string][]string{}
	for _, t := range q.Targets {
		for _, p := range q.Projects {
			past := forecast.Past{History: p.History, Builder: q.Builder, Records: []forecast.Record{}, Pulls: h.live.Driver() != "docker"}
			wanted := map[string]bool{}
			for _, d := range forecast.Descriptions(t.Graph, p.History, q.Builder) {
				wanted[d] = true
			}
			if len(wanted) == 0 {
				continue
			}
			for _, r := range q.Records {
				if wanted[r.Description] {
					past.Records = append(past.Records, forecast.Record{ID: r.ID, Description: r.Description, Created: r.Created})
				}
			}
			for digest, ids := range forecast.Known(t.Graph, past) {
				out[digest] = append(out[digest], ids...)
			}
		}
	}
	return out
}

// evidenceOf is what speaks for the results of steps, by the records that were made.
func evidenceOf(made func() map[string][]string) func(digest string) buildx.Evidence {
	return func(digest string) buildx.Evidence {
		switch records, seen := made()[digest]; {
		case len(records) > 0:
			return buildx.Made
		case seen:
			return buildx.Seen
		}
		return buildx.None
	}
}

// fromLedger is what is known of a builder that can't be asked: what steps made when they ran. Of others nothing is, as their
// results may be any that look like them.
func fromLedger(made map[string][]string, q *usage.Question) *buildx.Touched {
	out := &buildx.Touched{Records: map[string][]string{}, Missing: map[string]string{}}
	for _, t := range q.Targets {
		for _, s := range t.Graph.Steps {
			if ids := made[s.Digest]; len(ids) > 0 {
				out.Records[s.Digest] = ids
			} else {
				out.Missing[s.Digest] = "the builder can't be asked"
			}
		}
	}
	return out
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

// currentPlans are what the files say now: what Docker Compose would build, production and development.
func (a *app) currentPlans(ctx context.Context, from *planFlags) ([]*targets.Plan, error) {
	type planned struct {
		*targets.Plan
		project *compose.Project
	}
	var waits []func() (planned, error)
	for _, target := range []string{"", string(targets.Prod), string(targets.Dev)} {
		one := *from
		if target != "" {
			one.targets = append(slices.Clone(from.targets), target)
		}
		waits = append(waits, ahead(func() (planned, error) {
			plan, project, err := one.plan(ctx, nil)
			return planned{plan, project}, err
		}))
	}
	var out []*targets.Plan
	for i, wait := range waits {
		p, err := wait()
		if err != nil {
			return nil, err
		}
		if i == 0 {
			a.warn(p.Plan, p.project)
		}
		out = append(out, p.Plan)
	}
	return out, nil
}

// graphs makes those of all plans, each target once.
func (h *holdings) graphs(ctx context.Context, plans []*targets.Plan, q *usage.Question) ([]steps.Source, error) {
	var all []steps.Source
	seen := map[string]bool{}
	contents := steps.NewContents(steps.NewDisk(""))
	var made []func() ([]steps.Source, error)
	for _, plan := range plans {
		made = append(made, ahead(func() ([]steps.Source, error) { return h.live.Graphs(ctx, plan, buildx.Asking{}) }))
	}
	for i, plan := range plans {
		sources, err := made[i]()
		if err != nil {
			return nil, err
		}
		for _, s := range sources {
			key, err := json.Marshal(struct {
				Service, Platform, Stage, Dockerfile string
				Image                                []byte
			}{s.Service, s.Platform, s.Stage, s.Dockerfile, s.Image})
			if err != nil {
				return nil, err
			}
			if seen[string(key)] {
				continue
			}
			seen[string(key)] = true
			if err := contents.Know(s); err != nil {
				return nil, err
			}
			g, err := steps.New(ctx, s, contents, steps.Rules{Plain: h.live.Plain()})
			if err != nil {
				return nil, fmt.Errorf("service %q: %w", s.Service, err)
			}
			if g.Unknown != "" {
				h.unknown = append(h.unknown, fmt.Sprintf("service %q: %s", s.Service, g.Unknown))
			}
			q.Targets = append(q.Targets, usage.Target{Kind: string(plan.Kind), Graph: g})
			for _, dir := range s.Folders {
				q.Locals[buildx.FolderName(dir)] = true
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// projects are all that have a ledger on this machine. A ledger that was read before is only read again where it has changed.
func projects(cache string, here *targets.Plan, before []usage.Project) ([]usage.Project, error) {
	dirs, err := os.ReadDir(filepath.Join(cache, "projects"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	own := filepath.Base(projectDir(cache, here))
	var waits []func() (usage.Project, error)
	for _, d := range dirs {
		p := usage.Project{Name: projectName(d.Name()), Dir: filepath.Join(cache, "projects", d.Name()), Here: d.Name() == own}
		l := ledger.New(filepath.Join(p.Dir, "ledger"))
		if !l.Exists() {
			continue
		}
		for _, b := range before {
			if b.Dir == p.Dir {
				p.History = b.History
			}
		}
		waits = append(waits, ahead(func() (_ usage.Project, err error) {
			if p.History, err = l.ReadAgain(p.History); err != nil {
				return p, fmt.Errorf("ledger of %s: %w", d.Name(), err)
			}
			if p.Looks, err = readListed[usage.Look](filepath.Join(p.Dir, looksFile)); err != nil {
				return p, err
			}
			p.Renounced, err = readListed[usage.Renounced](filepath.Join(p.Dir, renouncedFile))
			return p, err
		}))
	}
	var out []usage.Project
	for _, wait := range waits {
		p, err := wait()
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// looksFile notes when a builder was asked what it has: it takes that for use.
const looksFile = "looks.json"

// keptLooks is how many are kept: an older one doesn't matter when there were later ones.
const keptLooks = 50

func addLook(path string, l usage.Look) error {
	looks, err := readListed[usage.Look](path)
	if err != nil {
		return err
	}
	looks = append(looks, l)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return writeFile("looks", path, looks[max(0, len(looks)-keptLooks):])
}
