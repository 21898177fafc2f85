package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/forecast"
	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// askTimeout bounds what a builder is asked before a plan is printed: a registry that doesn't answer must not hold it up.
const askTimeout = 10 * time.Second

// outlook is what is known of the next build of a plan.
type outlook struct {
	targets []forecast.Target
	graphs  []*steps.Graph
	past    forecast.Past
	ledger  *ledger.Ledger
	// asked says that the builder was: nil if so, or else why not.
	asked error
}

// look makes the graphs of a plan and joins them with the ledger. The builder is asked if it runs; it is not started.
func (a *app) look(ctx context.Context, plan *targets.Plan, builder string, times bool) (*outlook, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	o := &outlook{ledger: ledgerOf(cache, plan)}
	images := frontend.NewMemory(imagesFile(cache))
	var live *buildx.Live
	var sources []steps.Source
	var eg errgroup.Group
	eg.Go(func() error {
		var err error
		o.past.History, err = o.ledger.Read()
		return err
	})
	eg.Go(func() error {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		live, o.asked = a.peek(ctx, cmp.Or(builder, os.Getenv("BUILDX_BUILDER")), plan.Dir)
		if o.asked == nil {
			sources, o.asked = live.Graphs(ctx, plan, buildx.Asking{Found: images.Watching})
		}
		return nil
	})
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	o.past.Files, o.past.Times = o.ledger.Files, times
	rules := steps.Rules{}
	if o.asked != nil {
		live = nil
		if sources, err = buildx.Graphs(ctx, plan, buildx.Asking{Images: images}); err != nil {
			return nil, err
		}
		if last := o.last(); last != nil {
			o.past.Builder, rules.Plain = last.Builder.ID, buildx.IsPlain(last.Builder.Version)
		}
	} else {
		o.past.Builder, rules.Plain = live.ID, live.Plain()
	}
	if err := o.makeGraphs(ctx, sources, cache, rules); err != nil {
		return nil, err
	}
	if live != nil {
		o.records(ctx, live)
	}
	for _, g := range o.graphs {
		o.targets = append(o.targets, forecast.New(g, o.past))
	}
	return o, images.Close()
}

// last is the last build in the ledger.
func (o *outlook) last() *ledger.BuildRecord {
	if n := len(o.past.History.Builds); n > 0 {
		return &o.past.History.Builds[n-1]
	}
	return nil
}

func (o *outlook) makeGraphs(ctx context.Context, sources []steps.Source, cache string, rules steps.Rules) error {
	disk := steps.NewDisk(sumsDir(cache))
	contents := steps.NewContents(disk)
	for _, s := range sources {
		if err := contents.Know(s); err != nil {
			return err
		}
	}
	o.graphs = make([]*steps.Graph, len(sources))
	var eg errgroup.Group
	for i, s := range sources {
		eg.Go(func() error {
			g, err := steps.New(ctx, s, contents, rules)
			if err != nil {
				return fmt.Errorf("service %q: %w", s.Service, err)
			}
			o.graphs[i] = g
			return nil
		})
	}
	return errors.Join(eg.Wait(), disk.Close())
}

// records asks the builder which results of earlier builds it still has.
func (o *outlook) records(ctx context.Context, live *buildx.Live) {
	var descriptions []string
	seen := map[string]bool{}
	for _, g := range o.graphs {
		for _, d := range forecast.Descriptions(g, o.past.History, o.past.Builder) {
			if !seen[d] {
				seen[d], descriptions = true, append(descriptions, d)
			}
		}
	}
	if len(descriptions) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	found, err := live.Records(ctx, descriptions)
	if err != nil {
		o.asked = err
		return
	}
	o.past.Records, o.past.Pulls = []forecast.Record{}, live.Driver() != "docker"
	for _, r := range found {
		o.past.Records = append(o.past.Records, forecast.Record{Description: r.Description, Created: r.CreatedAt})
	}
}

// note says what the outlook doesn't know; it is empty when the builder was asked.
func (o *outlook) note() string {
	if o.asked == nil {
		return ""
	}
	as := "nothing was built here yet"
	if last := o.last(); last != nil {
		as = fmt.Sprintf("as of the build of %s on builder %q", last.Started.Local().Format("2006-01-02 15:04"), last.Builder.Name)
	}
	return fmt.Sprintf("the builder was not asked (%v): %s", o.asked, as)
}
