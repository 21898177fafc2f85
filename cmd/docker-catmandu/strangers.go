package main

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

// strangers asks a builder for builds that no ledger has.
type strangers struct {
	live *buildx.Live
	slot chan struct{} // of questions at once

	mu    sync.Mutex
	asked map[string]func() []usage.StrangersStep // by the builds' names
}

// askedAtOnce is for how many builds a builder is asked at once what they did, and askedAhead for how many before it is known
// whether they matter: they are asked for in a time in which there is nothing else to do.
const (
	askedAtOnce = 8
	askedAhead  = 32
)

func newStrangers(live *buildx.Live) *strangers {
	return &strangers{live: live, slot: make(chan struct{}, askedAtOnce), asked: map[string]func() []usage.StrangersStep{}}
}

// all are the builds that the builder remembers and the projects' ledgers don't have; none of a builder that remembers none.
func (s *strangers) all(ctx context.Context, projects []usage.Project, builder string) ([]usage.Stranger, error) {
	past, err := s.live.History(ctx)
	if errors.Is(err, buildx.ErrNoHistory) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []usage.Stranger
	for _, b := range past {
		all = append(all, usage.Stranger{Ref: b.Ref, From: b.Started, To: b.Ended})
	}
	return usage.Strangers(projects, builder, all), nil
}

// foresee begins to ask what the last builds did that are over.
func (s *strangers) foresee(ctx context.Context, projects []usage.Project, builder string) {
	all, _ := s.all(ctx, projects, builder)
	all = slices.DeleteFunc(all, func(b usage.Stranger) bool { return b.To.IsZero() })
	slices.SortFunc(all, func(a, b usage.Stranger) int { return b.To.Compare(a.To) })
	for _, b := range all[:min(len(all), askedAhead)] {
		s.ask(ctx, b.Ref)
	}
}

// ask begins to ask what a build did that is over, and returns what waits for that: nil is not known.
func (s *strangers) ask(ctx context.Context, ref string) func() []usage.StrangersStep {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked[ref] == nil {
		wait := ahead(func() ([]usage.StrangersStep, error) {
			s.slot <- struct{}{}
			defer func() { <-s.slot }()
			past, err := s.live.PastSteps(ctx, ref)
			if err != nil {
				return nil, err
			}
			out := []usage.StrangersStep{}
			for _, step := range past {
				out = append(out, usage.StrangersStep(step))
			}
			return out, nil
		})
		s.asked[ref] = func() []usage.StrangersStep {
			steps, _ := wait()
			return steps
		}
	}
	return s.asked[ref]
}

// heedStrangers classifies anew with what the builder remembers of builds that no ledger has. One whose steps can't be learnt may
// have had any.
func (h *holdings) heedStrangers(ctx context.Context, s *strangers, q *usage.Question) error {
	all, err := s.all(ctx, q.Projects, q.Builder)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(s usage.Stranger) bool { return !h.Concerns(s) })
	if len(all) == 0 {
		return nil
	}
	waits := map[string]func() []usage.StrangersStep{}
	for _, b := range all {
		if !b.To.IsZero() { // of one that is under way there would be no end to the answer
			waits[b.Ref] = s.ask(ctx, b.Ref)
		}
	}
	for i := range all {
		if wait := waits[all[i].Ref]; wait != nil {
			all[i].Steps = wait()
		}
	}
	q.Strangers = all
	h.Usage = h.Heeding(all)
	return ctx.Err()
}
