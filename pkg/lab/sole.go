package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// sole is a lab that has its builder for itself.
type sole struct {
	live *buildx.Live
	// kept are the records that a reset leaves.
	kept map[string]bool
}

func (s *sole) records(ctx context.Context) ([]buildx.CacheRecord, error) {
	return s.live.CacheRecords(ctx)
}

func (s *sole) prime(ctx context.Context, sources []steps.Source) error {
	before, err := s.live.CacheRecords(ctx)
	if err != nil {
		return err
	}
	if err := s.live.Unpack(ctx, sources); err != nil {
		return err
	}
	after, err := s.live.CacheRecords(ctx)
	if err != nil {
		return err
	}
	s.kept = primed(before, after)
	return nil
}

// pulled begins the description of a layer of an image.
const pulled = "pulled from "

// primed are the records that are new, and those of images that were there; with what they are built on.
func primed(before, after []buildx.CacheRecord) map[string]bool {
	old := idsOf(before)
	return withParents(after, func(r buildx.CacheRecord) bool { return !old[r.ID] || isImage(r) })
}

// withParents are the IDs of some of all records, and of all that they are built on.
func withParents(all []buildx.CacheRecord, some func(buildx.CacheRecord) bool) map[string]bool {
	parents, out := map[string][]string{}, map[string]bool{}
	for _, r := range all {
		parents[r.ID] = r.Parents
	}
	var add func(id string)
	add = func(id string) {
		if !out[id] {
			out[id] = true
			for _, p := range parents[id] {
				add(p)
			}
		}
	}
	for _, r := range all {
		if some(r) {
			add(r.ID)
		}
	}
	return out
}

// isImage tells whether a record is of an image, or of a frontend's.
func isImage(r buildx.CacheRecord) bool {
	return strings.HasPrefix(r.Description, pulled) || r.Type == buildx.FrontendRecord || r.Type == buildx.InternalRecord
}

// isFetched tells whether a record may have come without a build: an image, of which a layer that is not unpacked has no description,
// or a folder that a frontend read.
func isFetched(r buildx.CacheRecord) bool {
	return isImage(r) || r.Type == buildx.LocalRecord || r.Description == "" && !r.Mutable
}

func idsOf(records []buildx.CacheRecord) map[string]bool {
	out := map[string]bool{}
	for _, r := range records {
		out[r.ID] = true
	}
	return out
}

func (s *sole) reset(ctx context.Context) error {
	return drain(ctx, drainTime, s.live, s.live.CacheRecords, func(r buildx.CacheRecord) bool { return !s.kept[r.ID] })
}

func (s *sole) sweep(context.Context) error { return nil }

// drainTime is how long records may be in use by a build that is over.
const drainTime = 20 * time.Second

// drainEvery is the time between two looks at records that are in use.
const drainEvery = 20 * time.Millisecond

// cache is what records are removed from.
type cache interface {
	Remove(ctx context.Context, ids []string) ([]buildx.CacheRecord, error)
}

// errHeld says that records stay in use.
var errHeld = errors.New("still in use")

// drain removes records until there are none of those that go. Some are in use for a moment, or others are built on them; those that
// are in use for longer than limit are errHeld.
func drain(ctx context.Context, limit time.Duration, c cache, list func(context.Context) ([]buildx.CacheRecord, error), goes func(buildx.CacheRecord) bool) error {
	for deadline := time.Now().Add(limit); ; {
		records, err := list(ctx)
		if err != nil {
			return err
		}
		records = slices.DeleteFunc(records, func(r buildx.CacheRecord) bool { return !goes(r) })
		if len(records) == 0 {
			return nil
		}
		removed, err := c.Remove(ctx, ids(records))
		if err != nil {
			return err
		}
		if len(removed) > 0 {
			continue
		}
		if err := pause(ctx, drainEvery); err != nil || !time.Now().Before(deadline) {
			return fmt.Errorf("cache records that can't be removed: %s: %w", some(records), cmp.Or(err, errHeld))
		}
	}
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
