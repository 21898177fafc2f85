package buildx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/buildx/util/buildflags"
	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// BuildKit waits for ever for a registry that takes a connection and never answers. Until the connection ends, it then holds on to
// the steps that would have been looked up there, in whatever build: no build can go on without the cache. So registries are asked
// before.

// Limits of patience, where nothing else is said: for a registry to answer at all, and as many times that for a cache import.
const (
	cacheTimeout  = 5 * time.Second
	importFactors = 24
)

// buildAnswered carries out a plan without the caches in registries that don't answer.
func (b *Builder) buildAnswered(ctx context.Context, p *targets.Plan, o BuildOptions, build func(context.Context, *targets.Plan, BuildOptions) (*Result, error)) (*Result, error) {
	if o.CacheTimeout <= 0 {
		o.CacheTimeout = cacheTimeout
	}
	var unanswered []CacheUse
	for _, host := range b.silent(ctx, registryHosts(p), o) {
		_, _ = fmt.Fprintf(o.Notices, "warning: registry %s takes connections and does not answer: building without the caches there\n", host)
		unanswered = append(unanswered, CacheUse{Kind: WorkImport, Name: host, Seconds: o.CacheTimeout.Seconds(), Error: "no answer"})
		p = without(p, host)
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	o.patience = &patience{wait: importFactors * o.CacheTimeout, end: end, open: map[digest.Digest]*time.Timer{}}
	defer o.patience.close()
	result, err := build(ctx, p, o)
	if result != nil {
		result.Caches = append(unanswered, result.Caches...)
	}
	var silent *silence
	if err != nil && errors.As(context.Cause(ctx), &silent) {
		err = silent
	}
	return result, err
}

// registryHosts are those that a plan has caches at, with one of them each.
func registryHosts(p *targets.Plan) map[string]string {
	out := map[string]string{}
	for _, t := range p.Targets {
		for _, entry := range slices.Concat(t.CacheFrom, t.CacheTo) {
			if host, ref := registryOf(entry); host != "" && out[host] == "" {
				out[host] = ref
			}
		}
	}
	return out
}

// registryOf is the registry of a cache entry, and the reference there; empty for caches elsewhere.
func registryOf(entry string) (host, ref string) {
	parsed, err := buildflags.ParseCacheEntry([]string{entry})
	if err != nil || len(parsed) != 1 || parsed[0].Type != "registry" {
		return "", ""
	}
	ref = parsed[0].Attrs["ref"]
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", ""
	}
	return reference.Domain(named), ref
}

// without is a plan that leaves out the caches of a registry. An export whose failure is to be one of the build stays.
func without(p *targets.Plan, host string) *targets.Plan {
	out := *p
	out.Targets = slices.Clone(p.Targets)
	there := func(entry string) bool {
		at, _ := registryOf(entry)
		return at == host
	}
	for i := range out.Targets {
		t := &out.Targets[i]
		t.CacheFrom = slices.DeleteFunc(slices.Clone(t.CacheFrom), there)
		t.CacheTo = slices.DeleteFunc(slices.Clone(t.CacheTo), func(entry string) bool {
			return there(entry) && strings.Contains(entry, "ignore-error=true")
		})
	}
	return &out
}

// patience ends a build in which a cache import does not come to an end.
type patience struct {
	wait time.Duration
	end  context.CancelCauseFunc
	mu   sync.Mutex
	open map[digest.Digest]*time.Timer
}

func (w *patience) see(v *client.Vertex) {
	_, from, isImport := strings.Cut(v.Name, importing)
	if w == nil || !isImport {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	timer := w.open[v.Digest]
	switch {
	case v.Completed != nil && timer != nil:
		timer.Stop()
		delete(w.open, v.Digest)
	case v.Started != nil && v.Completed == nil && timer == nil:
		w.open[v.Digest] = time.AfterFunc(w.wait, func() { w.end(&silence{from, w.wait}) })
	}
}

// close stops all timers.
func (w *patience) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, timer := range w.open {
		timer.Stop()
	}
}

// silence is a cache that can't be waited for any longer.
type silence struct {
	from string
	wait time.Duration
}

func (s *silence) Error() string {
	return fmt.Sprintf("cache %s: no answer for %s\nhint: --cache off builds without it, once the builder was restarted; CATMANDU_CACHE_TIMEOUT waits longer", s.from, s.wait)
}
