package buildx

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/buildx/util/progress"
	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Step is one vertex of the build graph. Its digest is its identity; its name is for display.
type Step struct {
	Service string `json:"service"`
	Digest  string `json:"digest"`
	// Name is BuildKit's, without the service: "[deps 2/3] RUN …".
	Name    string    `json:"name"`
	Inputs  []string  `json:"inputs"`
	Started time.Time `json:"started,omitzero"`
	// Seconds is how long it was at work, without its waiting.
	Seconds float64 `json:"seconds"`
	Cached  bool    `json:"cached"`
	Error   string  `json:"error,omitempty"`
	// Done is false for a step that was stopped before its end.
	Done bool `json:"-"`
	// Moved is how much later all that was by the builder's clock, where buildx moved the times.
	Moved time.Duration `json:"-"`
	// Ended is its last end, and Busy are the intervals in which it was at work; both are empty for what never was.
	Ended time.Time  `json:"-"`
	Busy  []Interval `json:"-"`
}

// recorder keeps what the progress stream says of every vertex, on its way to the display.
type recorder struct {
	progress.Writer
	services []string

	mu    sync.Mutex
	steps map[stepID]*span
	// owners are the services whose builds have a vertex, when all are one job.
	owners map[digest.Digest][]string
	// sent are the bytes of local folders that went to the builder.
	sent map[transfer]int64
	// patience sees every vertex; it may be nil.
	patience *patience
}

// stepID tells apart the same vertex in the builds of two services.
type stepID struct {
	service string
	digest  digest.Digest
}

// span is a vertex with all the intervals in which it was at work: BuildKit sends one for each part, such as
// the resolving, download and extraction of an image.
type span struct {
	vertex client.Vertex
	name   string
	cached bool
	// fetched tells that something came over the network for it, and bytes how much, by what it was.
	fetched bool
	bytes   map[string]int64
	// layers are those that a cache export writes.
	layers map[string]bool
	times  []Interval
	// moved is how much later they were by the builder's clock.
	moved time.Duration
}

// newRecorder records into itself what it writes to w. buildx puts the service before the name of a vertex when
// there are several.
func newRecorder(w progress.Writer, services []string) *recorder {
	return &recorder{Writer: w, services: services, steps: map[stepID]*span{}, sent: map[transfer]int64{}}
}

// Write records a status and passes it on.
func (r *recorder) Write(s *client.SolveStatus) {
	r.mu.Lock()
	moved := unmark(s)
	for _, v := range s.Vertexes {
		r.patience.see(v)
		r.note(v, moved)
	}
	for _, st := range s.Statuses {
		r.noteStatus(st)
	}
	r.mu.Unlock()
	calm(s)
	r.Writer.Write(s)
}

// own tells the services of vertices that are of one job. Nothing else says whose they are.
func (r *recorder) own(owners map[digest.Digest][]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owners = owners
}

func (r *recorder) note(v *client.Vertex, moved time.Duration) {
	owners := r.owners[v.Digest]
	if len(owners) == 0 {
		service, name := r.split(v.Name)
		r.noteOf(service, name, v, moved)
		return
	}
	for _, service := range owners {
		r.noteOf(service, v.Name, v, moved)
	}
	v.Name = r.shown(owners, v.Name)
}

// shown puts the services before the name of a vertex of a job, the first of them and how many more.
func (r *recorder) shown(owners []string, name string) string {
	if len(r.services) == 1 {
		return name
	}
	prefix := owners[0]
	if n := len(owners) - 1; n > 0 {
		prefix += fmt.Sprintf(" +%d", n)
	}
	if rest, ok := strings.CutPrefix(name, "["); ok {
		return "[" + prefix + " " + rest
	}
	return "[" + prefix + "] " + name
}

func (r *recorder) noteOf(service, name string, v *client.Vertex, moved time.Duration) {
	id := stepID{service, v.Digest}
	s := r.steps[id]
	if s == nil {
		s = &span{}
		r.steps[id] = s
	}
	s.vertex, s.name = *v, name
	// A hit that has to be fetched is sent as cached first, and then as at work.
	s.cached = s.cached || v.Cached
	if v.Started != nil && v.Completed != nil {
		s.times, s.moved = append(s.times, Interval{*v.Started, *v.Completed}), moved
	}
}

// noteStatus sees downloads, and what is sent. A status names its vertex by digest alone, so it counts for all services that
// have it.
func (r *recorder) noteStatus(st *client.VertexStatus) {
	if strings.HasPrefix(st.ID, transferring) {
		r.noteTransfer(st)
		return
	}
	fetches := strings.HasPrefix(st.ID, "sha256:") || strings.HasPrefix(st.ID, "extracting ")
	if !fetches && !strings.HasPrefix(st.ID, writing) {
		return
	}
	for id, s := range r.steps {
		if id.digest == st.Vertex {
			s.fetched = s.fetched || fetches
			s.noteCache(st)
		}
	}
}

// hit tells whether a step cost no work. BuildKit never calls a FROM cached: it is when nothing was downloaded.
func (s *span) hit() bool {
	return s.cached || steps.IsFrom(s.name) && s.vertex.Completed != nil && s.vertex.Error == "" && !s.fetched
}

// split takes the service from the name of a vertex.
func (r *recorder) split(name string) (service, rest string) {
	if len(r.services) == 1 {
		return r.services[0], name
	}
	head, tail, _ := strings.Cut(strings.TrimPrefix(name, "["), " ")
	if service, ok := strings.CutSuffix(head, "]"); ok && slices.Contains(r.services, service) {
		return service, tail
	}
	if slices.Contains(r.services, head) {
		return head, "[" + tail
	}
	return "", name
}

// all returns the steps that came of Dockerfiles, in the order of their starting.
func (r *recorder) all() []Step {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []Step{}
	for id, s := range r.steps {
		if !steps.IsStep(s.name) {
			continue
		}
		step := Step{
			Service: id.service, Digest: id.digest.String(), Name: s.name, Inputs: []string{},
			Cached: s.hit(), Error: s.vertex.Error, Seconds: busy(s.times).Seconds(), Done: s.vertex.Completed != nil,
			Moved: s.moved,
		}
		_, step.Ended = bounds(s.times)
		step.Busy = slices.Clone(s.times)
		for _, in := range s.vertex.Inputs {
			step.Inputs = append(step.Inputs, in.String())
		}
		if len(s.times) > 0 {
			step.Started, _ = bounds(s.times)
		} else if s.vertex.Started != nil {
			step.Started = *s.vertex.Started
		}
		out = append(out, step)
	}
	slices.SortFunc(out, func(a, b Step) int {
		if c := a.Started.Compare(b.Started); c != 0 {
			return c
		}
		return strings.Compare(a.Service+a.Name+a.Digest, b.Service+b.Name+b.Digest)
	})
	return out
}

// counts returns how many distinct lines of a Dockerfile ran for a service and how many of them were cached. A
// line may be several vertices (COPY --link): it is cached if all of them are.
func counts(steps []Step, service string) (cached, total int) {
	lines := map[string]bool{}
	for _, s := range steps {
		if s.Service != service {
			continue
		}
		hit, seen := lines[s.Name]
		lines[s.Name] = s.Cached && (hit || !seen)
	}
	for hit := range maps.Values(lines) {
		if hit {
			cached++
		}
	}
	return cached, len(lines)
}
