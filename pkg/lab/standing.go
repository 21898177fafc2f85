package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// standing is the cache of the user's builder as it was when a lab was opened.
type standing struct {
	live *buildx.Live
	// strict holds sizes against each other too, where the lab comes near them.
	strict  bool
	records []buildx.CacheRecord
	// busy tells that others have built meanwhile: they may change the sizes of what is theirs.
	busy func() bool
	// since is when the lab's first build began, by the builder's clock; zero is unknown.
	since func() time.Time
}

// newStanding notes the cache of a builder. One that does not run has nothing to lose.
func newStanding(ctx context.Context, user *buildx.Builder) (*standing, error) {
	live, err := user.Live(ctx)
	if errors.Is(err, buildx.ErrNotRunning) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &standing{live: live, busy: func() bool { return true }, since: func() time.Time { return time.Time{} }}
	s.records, err = live.CacheRecords(ctx)
	return s, err
}

// check tells what of the user's is not there any more.
func (s *standing) check(ctx context.Context) error {
	if s == nil {
		return nil
	}
	now, err := s.live.CacheRecords(ctx)
	if err != nil {
		return fmt.Errorf("whether the cache is as it was could not be seen: %w", err)
	}
	gone, changed := lost(s.records, now, s.since())
	var errs []error
	if len(gone) > 0 {
		errs = append(errs, fmt.Errorf("%d cache records are gone that were there before, and that bench did not remove: %s; %s",
			len(gone), some(gone), s.culprit(ctx)))
	}
	if len(changed) > 0 && s.strict && !s.busy() {
		errs = append(errs, fmt.Errorf("%d cache records have another size than before: %s", len(changed), some(changed)))
	}
	return errors.Join(errs...)
}

// culprit is who else removes records.
func (s *standing) culprit(ctx context.Context) string {
	if collects, err := s.live.Collects(ctx); err == nil && !collects {
		return "somebody pruned the cache: the builder collects no garbage"
	}
	return "the builder collected them as garbage, or somebody pruned the cache"
}

// lost compares a cache with what it was: which records are gone, and which have another size.
//
// A result that nothing is built on yet is one record that can be written to and one that can't, of which BuildKit shows
// only one: the first, until something is built on it. So a record is not gone whose twin shows up. since bounds from above
// when twins were made.
func lost(before, after []buildx.CacheRecord, since time.Time) (gone, changed []buildx.CacheRecord) {
	now := map[string]buildx.CacheRecord{}
	for _, r := range after {
		now[r.ID] = r
	}
	old := idsOf(before)
	twins := slices.DeleteFunc(slices.Clone(after), func(r buildx.CacheRecord) bool {
		return old[r.ID] || !since.IsZero() && !r.CreatedAt.Before(since)
	})
	for _, r := range before {
		n, there := now[r.ID]
		if !there && (r.Type == buildx.LocalRecord || strings.HasPrefix(r.Description, "local source for ")) {
			continue // BuildKit takes another for a folder that is sent while the last one is in use: a build loses nothing
		}
		if !there {
			i := slices.IndexFunc(twins, func(t buildx.CacheRecord) bool {
				return t.Mutable != r.Mutable && t.Type == r.Type && t.Description == r.Description
			})
			if i >= 0 {
				twins = slices.Delete(twins, i, i+1)
				continue
			}
			gone = append(gone, r)
			continue
		}
		// What is in use has no size yet; an image gets another when it is unpacked.
		if n.Size != r.Size && !(r.InUse && r.Mutable) && !(n.InUse && n.Mutable) && !strings.HasPrefix(r.Description, pulled) {
			changed = append(changed, n)
		}
	}
	return gone, changed
}
