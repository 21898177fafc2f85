package buildx

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Kinds of work beside the steps.
const (
	WorkContext     = "context"      // local folders, Dockerfiles and ignore files, and remote build contexts
	WorkPull        = "pull"         // images: what their names stand for, downloads, extraction
	WorkImport      = "import"       // cache imports, and what was fetched of them
	WorkExport      = "export"       // images and files, as far as they are written, sent or pushed
	WorkCacheExport = "cache-export" // caches
	WorkInternal    = "internal"     // all else that BuildKit does by itself
)

// Work is a vertex that is no step of its own, or the downloads of one that is: of a FROM, or of a step that a cache import has.
type Work struct {
	Kind string
	// Service is empty where several share it, or it is of none.
	Service string
	Name    string
	Started time.Time
	Ended   time.Time
	// Seconds is how long it was at work, in these intervals.
	Seconds float64
	Busy    []Interval
}

// workKinds are by what names begin with, the longer ones first where one is part of another.
var workKinds = []struct{ prefix, kind string }{
	{"[internal] load metadata for ", WorkPull},
	{"[auth] ", WorkPull},
	{"resolve image config for ", WorkPull},
	{"docker-image://", WorkPull},
	{"[internal] load ", WorkContext},
	{importing, WorkImport},
	{"importing to ", WorkExport}, // an engine
	{"exporting cache ", WorkCacheExport},
	{"exporting inline cache", WorkCacheExport},
	{"exporting to GitHub Actions Cache", WorkCacheExport},
	{"preparing build cache for export", WorkCacheExport},
	{"exporting ", WorkExport},
	{"pushing ", WorkExport},
	{"merging manifest list ", WorkExport},
}

// work is the kind of work that a vertex is; empty is a step and nothing else.
func (s *span) work() string {
	if steps.IsStep(s.name) {
		switch {
		case s.fetched && steps.IsFrom(s.name):
			return WorkPull
		case s.fetched && s.cached:
			return WorkImport
		}
		return ""
	}
	for _, k := range workKinds {
		if strings.HasPrefix(s.name, k.prefix) {
			return k.kind
		}
	}
	if _, what, named := strings.Cut(s.name, "] "); named && strings.HasPrefix(s.name, "[context ") {
		if strings.HasPrefix(what, "load metadata for ") || s.fetched {
			return WorkPull
		}
		if strings.HasPrefix(what, "load ") || strings.HasPrefix(what, "http") {
			return WorkContext
		}
	}
	if s.fetched {
		return WorkPull
	}
	return WorkInternal
}

// work returns what was at work beside the steps, in the order of its begin, each vertex once; and the bytes of local folders
// that were sent.
func (r *recorder) work() (all []Work, sent int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	byDigest := map[digest.Digest]*Work{}
	for id, s := range r.steps {
		kind := s.work()
		if kind == "" || len(s.times) == 0 {
			continue
		}
		w := byDigest[id.digest]
		if w == nil {
			w = &Work{Kind: kind, Service: id.service, Name: s.name}
			byDigest[id.digest] = w
		} else if w.Service != id.service {
			w.Service, w.Name = "", min(w.Name, s.name)
		}
		w.Busy = append(w.Busy, s.times...)
	}
	all = []Work{}
	for _, w := range byDigest {
		slices.SortFunc(w.Busy, func(a, b Interval) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
		w.Busy = slices.Compact(w.Busy)
		w.Started, w.Ended = bounds(w.Busy)
		w.Seconds = busy(w.Busy).Seconds()
		all = append(all, *w)
	}
	slices.SortFunc(all, func(a, b Work) int {
		return cmp.Or(a.Started.Compare(b.Started), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name), strings.Compare(a.Service, b.Service))
	})
	for _, n := range r.sent {
		sent += n
	}
	return all, sent
}

// transferring begins the name of a status that counts the bytes of a local folder.
const transferring = "transferring "

// transfer is one sending of a folder: a vertex may send it again.
type transfer struct {
	vertex  digest.Digest
	name    string
	started time.Time
}

func (r *recorder) noteTransfer(st *client.VertexStatus) {
	t := transfer{vertex: st.Vertex, name: st.ID}
	if st.Started != nil {
		t.started = *st.Started
	}
	r.sent[t] = max(r.sent[t], st.Current)
}

// Interval is a time in which something was at work.
type Interval struct{ From, To time.Time }

// busy returns the length of the union of intervals.
func busy(times []Interval) time.Duration {
	times = slices.SortedFunc(slices.Values(times), func(a, b Interval) int { return a.From.Compare(b.From) })
	var total time.Duration
	var end time.Time
	for _, t := range times {
		if t.From.Before(end) {
			t.From = end
		}
		if t.To.After(t.From) {
			total += t.To.Sub(t.From)
			end = t.To
		}
	}
	return total
}

// bounds are the first begin and the last end of intervals, zero when there are none.
func bounds(times []Interval) (first, last time.Time) {
	for _, t := range times {
		if first.IsZero() || t.From.Before(first) {
			first = t.From
		}
		if t.To.After(last) {
			last = t.To
		}
	}
	return first, last
}
