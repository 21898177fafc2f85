package main

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

// askedAtOnce is for how many builds a builder is asked at once what they did.
const askedAtOnce = 8

// heedStrangers classifies anew with what the builder remembers of builds that no ledger has. One whose steps can't be learnt may
// have had any.
func (h *holdings) heedStrangers(ctx context.Context, q *usage.Question) error {
	past, err := h.live.History(ctx)
	if errors.Is(err, buildx.ErrNoHistory) {
		return nil
	}
	if err != nil {
		return err
	}
	var all []usage.Stranger
	for _, b := range past {
		all = append(all, usage.Stranger{Ref: b.Ref, From: b.Started, To: b.Ended})
	}
	all = slices.DeleteFunc(usage.Strangers(q.Projects, q.Builder, all), func(s usage.Stranger) bool { return !h.Concerns(s) })
	if len(all) == 0 {
		return nil
	}
	var asking errgroup.Group
	asking.SetLimit(askedAtOnce)
	for i := range all {
		if s := &all[i]; !s.To.IsZero() { // of one that is under way there would be no end to the answer
			asking.Go(func() error {
				past, err := h.live.PastSteps(ctx, s.Ref)
				if err == nil {
					s.Steps = []usage.StrangersStep{}
				}
				for _, step := range past {
					s.Steps = append(s.Steps, usage.StrangersStep(step))
				}
				return nil
			})
		}
	}
	_ = asking.Wait()
	q.Strangers = all
	h.Usage = h.Heeding(all)
	return ctx.Err()
}
