package buildx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/identity"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Touched is what a builder has of the steps of some graphs.
type Touched struct {
	// Records are IDs of cache records by the digests of the steps whose results they hold, as the graphs have them. They are
	// told apart by what BuildKit says of them, so that two of one description may both be there.
	Records map[string][]string
	// Loaded are all records that hold a result of one of the graphs, by ID: those that were used during the probe, by whomever,
	// and such that BuildKit noted no use of because something else held them all the while. The lower layers of an image are
	// not among them: Parents of a record leads there.
	Loaded []string
	// Missing says of every other step why it has no record.
	Missing map[string]string
	// Busy says that some were not asked for because of builds that are under way.
	Busy bool
}

// Evidence is what speaks for it that a builder has the result of a step.
type Evidence int

const (
	// None is nothing.
	None Evidence = iota
	// Seen is that a build found it there once, and that there is a record like it.
	Seen
	// Made is that the very record is there that was made when the step ran.
	Made
)

// ErrNoProbe says that a builder can't be asked for single steps without the danger that it runs them.
var ErrNoProbe = errors.New("can't be asked for steps without the danger that they run")

// TouchOptions are for Touch.
type TouchOptions struct {
	// Evidence is what speaks for the result of a step, by its digest. Where it is nil all were seen.
	Evidence func(digest string) Evidence
	// Meanwhile is called when Touch begins to wait for BuildKit, once for each node: then there is time for what else there is to
	// do. It returns at once.
	Meanwhile func()
}

// Touch finds the cache records that hold results of graphs by asking the builder for each of them, and runs no step.
//
// BuildKit has no such question: what it doesn't find in its cache it makes. So the steps that it is asked for can't be made.
// A RUN is given an environment that no process can be started with, which is no part of its cache key. A local folder is
// sent once, so that BuildKit knows what the steps that read it would be found under; then it is one that this client
// refuses to send, so that nothing which reads it can be made. What is left, such as a WORKDIR, is only asked for when
// there is a record that looks like it, and removed again in case that it was not it.
//
// A build of somebody else that comes to a RUN in the moment in which BuildKit is asked for that, and has no result of it,
// fails with the question, as builds of the same step are one to BuildKit. So what may come to that is only asked for when there
// is evidence, by the digest of the step, that its result is there; and when it was only seen there, not while a build is under
// way that may be at such a RUN. What is not asked for is among Missing.
func (l *Live) Touch(ctx context.Context, sources []steps.Source, o TouchOptions) (*Touched, error) {
	if !within(l.Version, keyed, cmp.Or(linked(), l.Version)) { // a test binary doesn't know what it is linked with
		version := cmp.Or(l.Version, "that doesn't tell its version")
		return nil, fmt.Errorf("a BuildKit %s %w; those of %s to %s can", version, ErrNoProbe, keyed, cmp.Or(linked(), keyed))
	}
	out := &Touched{Records: map[string][]string{}, Missing: map[string]string{}}
	loaded := map[string]bool{}
	for i, c := range l.clients {
		p, err := newProbe(l, c, sources)
		if err != nil {
			return nil, err
		}
		p.TouchOptions, p.foreseen = o, l.look(i)
		if err := p.run(ctx); err != nil {
			return nil, err
		}
		p.report(out, loaded)
	}
	for dgst := range out.Records {
		delete(out.Missing, dgst)
	}
	l.foreseen = nil
	l.asked.Store(false)
	out.Loaded = slices.Sorted(maps.Keys(loaded))
	return out, nil
}

// probe is a run of Touch on one node.
type probe struct {
	TouchOptions
	live   *Live
	client *client.Client
	// id begins the names of all vertices, and with that the descriptions of records that were made by mistake.
	id    string
	graph *probeGraph
	doors *doors
	// barred has all operations as they are asked for when no folder is sent any more.
	barred *inquiry
	seen   *sightings
	// before and after are all records by ID.
	before, after map[string]*client.UsageInfo
	foreseen      []*client.UsageInfo
	looks         *looks
	watch         *watch
	// spoiled is set when a command was tried in this job: whoever comes to it would share that as long as the job lasts.
	spoiled atomic.Bool
	// alone is set when no two steps are asked for at once any more, and stop takes all questions back.
	alone atomic.Bool
	stop  func()
}

func newProbe(l *Live, c *client.Client, sources []steps.Source) (*probe, error) {
	g, err := newProbeGraph(sources)
	if err != nil {
		return nil, err
	}
	return &probe{live: l, client: c, id: "probe-" + identity.NewID(), graph: g, seen: newSightings(), looks: newLooks()}, nil
}

func (p *probe) run(ctx context.Context) error {
	if len(p.graph.nodes) == 0 {
		return nil
	}
	if err := p.lookFirst(ctx); err != nil {
		return err
	}
	var err error
	if p.doors, err = openDoors(ctx, p); err != nil {
		return err
	}
	p.watch = newWatch(ctx, p.client)
	err = p.ask(ctx)
	p.watch.stop()
	p.doors.close()
	if err := errors.Join(err, p.settle(ctx)); err != nil {
		return err
	}
	return p.undo(ctx)
}

// ask is all that is asked of BuildKit.
func (p *probe) ask(ctx context.Context) error {
	if err := p.converse(ctx, p.askSources); err != nil {
		return err
	}
	if err := p.idle(ctx); err != nil {
		return err
	}
	if err := p.converse(ctx, p.prepare); err != nil {
		return err
	}
	for p.spoiled.Store(true); p.spoiled.Load(); {
		p.spoiled.Store(false)
		if err := p.converse(ctx, p.askSteps); err != nil {
			return err
		}
	}
	return p.askRest(ctx)
}

// report adds what was found to out.
func (p *probe) report(out *Touched, loaded map[string]bool) {
	for id := range p.moved() {
		loaded[id] = true
	}
	for _, n := range p.graph.nodes {
		for _, id := range n.records {
			loaded[id] = true
		}
		for _, dgst := range n.digests {
			if n.state == isHit || n.isLocal() && len(n.records) > 0 {
				out.Records[dgst] = union(out.Records[dgst], n.records)
			} else {
				out.Missing[dgst] = n.why
				out.Busy = out.Busy || n.why == isBuilt || n.why == isUnclear
			}
		}
	}
}

// union are the elements of both, each once, sorted.
func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
