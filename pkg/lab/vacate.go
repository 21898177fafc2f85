package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// restTime is how long one of the lab's builds that failed may be at something after its end.
const restTime = late / 4

// heldTime is how long records may be in use after a build that failed. BuildKit does not let go of the result of a step that was
// done just when its build was cancelled: it stays in use until the daemon is restarted.
const heldTime = 3 * time.Second

// remove takes away what the lab made in the user's builder.
func (n *namespaceLab) remove(ctx context.Context) error {
	ours, err := n.idle(ctx)
	if err != nil {
		return err
	}
	if len(ours) == 0 { // it may have ended before all was noted that it fetched
		if err := n.noteFetched(ctx); err != nil {
			return err
		}
	}
	m := n.folder.note.Namespace
	limit := drainTime
	if m.Held {
		limit = 0
	} else if slices.ContainsFunc(ours, span.failed) {
		limit = heldTime
	}
	err = n.drain(ctx, limit, func(sorter, buildx.CacheRecord) bool { return true })
	if errors.Is(err, errHeld) && limit < drainTime {
		m.Held = true
		err = fmt.Errorf("%w: the builder has to be restarted before it lets go of what a build made that was cancelled", err)
	}
	if err := errors.Join(err, n.forget(ctx)); err != nil {
		return err
	}
	left, err := n.records(ctx)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		_, _ = fmt.Fprintf(n.notices, "left in the builder: %d cache records (%s) that are of builds of others or of use to them: somebody else was building\n",
			len(left), size(left))
	}
	return nil
}

// idle waits until none of the lab's builds, which it returns, is at anything: one whose client is gone takes a moment to end.
func (n *namespaceLab) idle(ctx context.Context) ([]span, error) {
	deadline := time.Now().Add(drainTime)
	for rested := n.folder.note.Namespace.Held; ; {
		s, err := n.sorter(ctx)
		if err != nil {
			return nil, err
		}
		wait := drainEvery
		if !slices.ContainsFunc(s.ours, span.running) {
			if rested || !slices.ContainsFunc(s.ours, span.failed) {
				return s.ours, nil
			}
			rested, wait = true, restTime
		} else if time.Now().After(deadline) {
			return nil, fmt.Errorf("a build of bench does not end within %s", drainTime)
		}
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// forget removes the lab's builds from the history, and notes when they were.
func (n *namespaceLab) forget(ctx context.Context) error {
	s, err := n.sorter(ctx)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var refs []string
	for ref, b := range n.builds {
		ours, cold := s.is(b.Args[mountNamespace])
		if !ours || n.forgotten[ref] || b.Ended.IsZero() {
			continue
		}
		n.stepNames(ctx, ref)
		n.folder.note.Namespace.Builds[ref] = spanOf(b, cold)
		refs = append(refs, ref)
	}
	if err := n.folder.write(); err != nil {
		return err
	}
	slices.Sort(refs)
	if err := n.live.Forget(ctx, refs); err != nil {
		return err
	}
	for _, ref := range refs {
		n.forgotten[ref] = true
	}
	return nil
}
