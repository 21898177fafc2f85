package lab

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// marks tell what is whose in the user's builder. They are noted, so that a later process can tell as well.
type marks struct {
	// Builder and ProjectDir are how the builder was opened.
	Builder    string `json:"builder"`
	ProjectDir string `json:"projectDir"`
	// Namespace is that of the lab's cache mounts, by which its builds are known too.
	Namespace string `json:"namespace"`
	// Records were there before.
	Records map[string]bool `json:"records"`
	// Fetched are images and the like, which came before the first build.
	Fetched map[string]bool `json:"fetched"`
	// Past are builds that were over before the lab was opened.
	Past map[string]bool `json:"past"`
	// Builds are the lab's which the builder's history has no more.
	Builds map[string]span `json:"builds"`
	// Held is set when some of the lab's records could not be removed, and not because somebody builds.
	Held bool `json:"held,omitempty"`
}

// span is when a build ran, by the builder's clock. To is zero while it runs.
type span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"`
	Cold bool      `json:"cold,omitempty"`
	// Failed is set for one that was cancelled, too.
	Failed bool `json:"failed,omitempty"`
}

func spanOf(b buildx.PastBuild, cold bool) span {
	return span{From: b.Started, To: b.Ended, Cold: cold, Failed: b.Failed}
}

func (s span) running() bool { return s.To.IsZero() }

func (s span) failed() bool { return s.Failed }

// late is how long after its end a build that failed may make records: what it was at ends when it notices.
const late = 2 * time.Second

// made tells whether a record of that time is of the build's.
func (s span) made(t time.Time) bool {
	if s.Failed {
		s.To = s.To.Add(late)
	}
	return s.has(t, 0)
}

func (s span) has(t time.Time, margin time.Duration) bool {
	return !t.Before(s.From.Add(-margin)) && (s.To.IsZero() || !t.After(s.To.Add(margin)))
}

// coldSuffix is between the namespace of a lab and the number of a cold build.
const coldSuffix = "-cold-"

// mountNamespace is the build argument that keeps cache mounts apart. BuildKit's frontend knows it.
const mountNamespace = "BUILDKIT_CACHE_MOUNT_NS"

// is tells whether a namespace of cache mounts is the lab's, and whether it is that of a cold build.
func (m marks) is(namespace string) (ours, cold bool) {
	rest, ok := strings.CutPrefix(namespace, m.Namespace)
	cold = strings.HasPrefix(rest, coldSuffix)
	return ok && (rest == "" || cold), cold
}

// mounts tells whether a record is a cache mount of the lab. Its ID is the last thing in the description.
func (m marks) mounts(r buildx.CacheRecord) bool {
	const mark = ` with id "`
	i := strings.LastIndex(r.Description, mark)
	if r.Type != buildx.MountRecord || i < 0 {
		return false
	}
	namespace, _, _ := strings.Cut(r.Description[i+len(mark):], "/")
	ours, _ := m.is(namespace)
	return ours
}

// other is a build of somebody else.
type other struct {
	span
	// related tells that it may have taken results of the lab's builds from the cache: they have instructions in common.
	related bool
}

// margin is added to builds of others: a record is made within the time of its build, but not by the same reading of the clock.
const margin = 100 * time.Millisecond

// sorter tells whose records are.
type sorter struct {
	marks
	ours   []span
	others []other
}

// newSorter sorts builds into the lab's and those of others. names are the instructions of a build; not ok is that they
// can't be had.
func newSorter(m marks, builds []buildx.PastBuild, names func(ref string) (map[string]bool, bool)) sorter {
	s := sorter{marks: m}
	var own []string
	known := maps.Clone(m.Builds)
	for _, b := range builds {
		if is, cold := m.is(b.Args[mountNamespace]); is {
			if known == nil {
				known = map[string]span{}
			}
			known[b.Ref] = spanOf(b, cold)
		}
	}
	for ref, sp := range known {
		s.ours, own = append(s.ours, sp), append(own, ref)
	}
	for _, b := range builds {
		if _, ours := known[b.Ref]; ours || m.Past[b.Ref] {
			continue
		}
		s.others = append(s.others, other{span: span{From: b.Started, To: b.Ended}, related: b.Ended.IsZero() || related(b.Ref, own, names)})
	}
	return s
}

// related tells whether a build and any of others have an instruction in common, or that can't be told.
func related(ref string, own []string, names func(string) (map[string]bool, bool)) bool {
	theirs, ok := names(ref)
	if !ok {
		return true
	}
	for _, o := range own {
		mine, ok := names(o)
		if !ok {
			return true
		}
		for name := range mine {
			if theirs[name] {
				return true
			}
		}
	}
	return false
}

// made tells whether a build of the lab's ran when a record was made, and no record of that name was there before.
func (s sorter) made(r buildx.CacheRecord) bool {
	if s.Records[r.ID] {
		return false
	}
	return s.mounts(r) || s.Fetched[r.ID] || slices.ContainsFunc(s.ours, func(o span) bool { return o.made(r.CreatedAt) })
}

// mine tells whether a record is the lab's beyond doubt. One that was made while somebody else built may be theirs; one that
// was there before a related build ended may be what that build found in the cache, and would have to do again.
func (s sorter) mine(r buildx.CacheRecord) bool {
	if !s.made(r) {
		return false
	}
	if s.mounts(r) {
		return true
	}
	if s.Fetched[r.ID] {
		return len(s.others) == 0
	}
	for _, o := range s.others {
		if o.has(r.CreatedAt, margin) || o.related && (o.To.IsZero() || r.CreatedAt.Before(o.To)) {
			return false
		}
	}
	return true
}

// cold tells whether a record was made by a cold build.
func (s sorter) cold(r buildx.CacheRecord) bool {
	return slices.ContainsFunc(s.ours, func(o span) bool { return o.Cold && o.made(r.CreatedAt) })
}

// first is when the lab's first build began; zero if there was none.
func (s sorter) first() time.Time {
	var t time.Time
	for _, o := range s.ours {
		if t.IsZero() || o.From.Before(t) {
			t = o.From
		}
	}
	return t
}

// removable are those of all records that may go and that none is built on that stays: BuildKit keeps these.
func removable(all []buildx.CacheRecord, goes func(buildx.CacheRecord) bool) []buildx.CacheRecord {
	stay := withParents(all, func(r buildx.CacheRecord) bool { return !goes(r) })
	return slices.DeleteFunc(slices.Clone(all), func(r buildx.CacheRecord) bool { return stay[r.ID] })
}
