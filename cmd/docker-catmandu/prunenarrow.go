package main

import (
	"context"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

// narrow leaves out records whose data an image has that did not go: to remove them would free nothing.
func (h *holdings) narrow(ctx context.Context, out *pruned, s usage.Selection) error {
	if len(out.Images) == 0 || !slices.ContainsFunc(out.Remove, func(i usage.Item) bool { return i.Shared }) {
		return nil
	}
	records, err := h.live.CacheRecords(ctx)
	if err != nil {
		return err
	}
	shared := map[string]bool{}
	for _, r := range records {
		shared[r.ID] = r.Shared
	}
	before := len(out.Remove)
	out.Plan = h.Narrow(out.Plan, s, shared)
	out.stillShared = before - len(out.Remove)
	return nil
}
