package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// namespaceLab is kept apart in the user's builder.
type namespaceLab struct {
	live    *buildx.Live
	folder  *folder // its note has the marks; they are guarded by mu
	notices io.Writer

	mu sync.Mutex
	// builds are all that were seen since the lab was opened, and names their instructions.
	builds map[string]buildx.PastBuild
	names  map[string]map[string]bool
	// forgotten are those of the lab's that the history has no more.
	forgotten map[string]bool
	// others tells that somebody else has built, and first is when the lab's first build began.
	others bool
	first  time.Time
}

func (l *Lab) openNamespace(ctx context.Context, user *buildx.Builder) error {
	if err := user.Start(ctx); err != nil {
		return err
	}
	if err := l.connect(ctx, user.Alone(l.folder.buildxDir())); err != nil {
		return err
	}
	past, err := l.live.History(ctx)
	if errors.Is(err, buildx.ErrNoHistory) {
		return fmt.Errorf("builder %q can't tell its builds apart, so what others build could be taken for what bench builds: %w\nhint: measure in an embedded BuildKit or in a container", user.Name, err)
	}
	if err != nil {
		return err
	}
	if l.user, err = newStanding(ctx, user); err != nil {
		return err
	}
	m := marks{
		Builder: l.options.Builder, ProjectDir: l.options.ProjectDir, Namespace: "catmandu-bench-" + l.options.ID,
		Records: map[string]bool{}, Fetched: map[string]bool{}, Past: map[string]bool{}, Builds: map[string]span{},
	}
	if l.user != nil {
		m.Records = idsOf(l.user.records)
	}
	place := newNamespaceLab(l.live, l.folder, l.options.Notices)
	for _, b := range past {
		place.told(b)
		m.Past[b.Ref] = !b.Ended.IsZero()
	}
	l.folder.note.Namespace = &m
	if err := l.folder.write(); err != nil {
		return err
	}
	l.place = place
	if l.user != nil {
		l.user.strict, l.user.busy, l.user.since = true, place.busy, place.began
	}
	l.watch = newWatch(ctx, l.live, place.told)
	_, _ = fmt.Fprintf(l.options.Notices, "measuring in builder %q, with cache mounts of its own; what is built is removed from it afterwards\n", user.Name)
	return nil
}

func newNamespaceLab(live *buildx.Live, f *folder, notices io.Writer) *namespaceLab {
	return &namespaceLab{
		live: live, folder: f, notices: notices,
		builds: map[string]buildx.PastBuild{}, names: map[string]map[string]bool{}, forgotten: map[string]bool{},
	}
}

// told hears of a build. Events may come twice, or the beginning after the end.
func (n *namespaceLab) told(b buildx.PastBuild) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if have, known := n.builds[b.Ref]; !known || have.Ended.IsZero() {
		n.builds[b.Ref] = b
	}
}

func (n *namespaceLab) busy() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.others
}

func (n *namespaceLab) began() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.first
}

// sorter knows of all builds until now.
func (n *namespaceLab) sorter(ctx context.Context) (sorter, error) {
	now, err := n.live.History(ctx)
	if err != nil {
		return sorter{}, err
	}
	for _, b := range now {
		n.told(b)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s := newSorter(*n.folder.note.Namespace, slices.Collect(maps.Values(n.builds)), func(ref string) (map[string]bool, bool) {
		return n.stepNames(ctx, ref)
	})
	n.others, n.first = len(s.others) > 0, s.first()
	return s, nil
}

// stepNames are the instructions of a build, remembered.
func (n *namespaceLab) stepNames(ctx context.Context, ref string) (map[string]bool, bool) {
	if names, known := n.names[ref]; known {
		return names, true
	}
	if b, known := n.builds[ref]; !known || b.Ended.IsZero() {
		return nil, false
	}
	names, err := n.live.StepNames(ctx, ref)
	if err != nil {
		return nil, false
	}
	n.names[ref] = names
	return names, true
}

// records are the lab's, of which some may be somebody else's.
func (n *namespaceLab) records(ctx context.Context) ([]buildx.CacheRecord, error) {
	s, err := n.sorter(ctx)
	if err != nil {
		return nil, err
	}
	all, err := n.live.CacheRecords(ctx)
	return slices.DeleteFunc(all, func(r buildx.CacheRecord) bool { return !s.made(r) }), err
}

func (n *namespaceLab) prime(ctx context.Context, sources []steps.Source) error {
	if err := n.live.Unpack(ctx, sources); err != nil {
		return err
	}
	return n.noteFetched(ctx)
}

// noteFetched notes what came since the lab was opened without a build: images, and what frontends read of Dockerfiles. Who fetched
// that can't be told, so it goes only if nobody else has built.
func (n *namespaceLab) noteFetched(ctx context.Context) error {
	all, err := n.live.CacheRecords(ctx)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.folder.note.Namespace
	for _, r := range all {
		if !m.Records[r.ID] && isFetched(r) {
			m.Fetched[r.ID] = true
		}
	}
	return n.folder.write()
}

// reset removes the local folders that the builder has of the lab.
func (n *namespaceLab) reset(ctx context.Context) error {
	return n.drain(ctx, drainTime, func(_ sorter, r buildx.CacheRecord) bool { return r.Type == buildx.LocalRecord })
}

func (n *namespaceLab) sweep(ctx context.Context) error {
	err := n.drain(ctx, drainTime, func(s sorter, r buildx.CacheRecord) bool { return s.cold(r) && !s.Fetched[r.ID] })
	return errors.Join(err, n.forget(ctx))
}

// drain removes records of the lab. Who is building is asked anew each time.
func (n *namespaceLab) drain(ctx context.Context, limit time.Duration, goes func(sorter, buildx.CacheRecord) bool) error {
	return drain(ctx, limit, n.live, func(ctx context.Context) ([]buildx.CacheRecord, error) {
		// In this order: a record that comes after the builds were looked at is not in the list.
		all, err := n.live.CacheRecords(ctx)
		if err != nil {
			return nil, err
		}
		s, err := n.sorter(ctx)
		if err != nil {
			return nil, err
		}
		return removable(all, func(r buildx.CacheRecord) bool { return s.mine(r) && goes(s, r) }), nil
	}, func(buildx.CacheRecord) bool { return true })
}

func (n *namespaceLab) cpu(context.Context) (float64, string, error) {
	return 0, "", errors.New("a builder that others use too counts nothing for one of them")
}
