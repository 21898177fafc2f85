package buildx

import (
	"context"
	"strings"
	"sync"
	"time"

	control "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// watch follows what a node builds for others.
type watch struct {
	client *client.Client
	ctx    context.Context // of all that is followed
	stop   context.CancelFunc

	mu     sync.Mutex
	builds map[string]*atWork // by name
	// begun is closed when there is a build that was not there at the last look.
	begun chan struct{}
}

// atWork is a build under way.
type atWork struct {
	// instructions are those of its vertices, as far as they are known.
	instructions map[string]bool
	// shown is closed when they are there, or none will be. late is set when that was waited for in vain.
	shown chan struct{}
	once  sync.Once
	late  bool
}

// graphTime is how long the graph of a build is waited for that a frontend still makes.
const graphTime = 2 * time.Second

func newWatch(ctx context.Context, c *client.Client) *watch {
	w := &watch{client: c, builds: map[string]*atWork{}, begun: make(chan struct{})}
	w.ctx, w.stop = context.WithCancel(ctx)
	go w.listen()
	return w
}

// listen hears of builds that begin. What it misses, a look finds.
func (w *watch) listen() {
	s, err := listen(w.ctx, w.client, &control.BuildHistoryRequest{ActiveOnly: true})
	for err == nil {
		var event *control.BuildHistoryEvent
		if event, err = s.Recv(); err != nil {
			break
		}
		if b, ok := pastBuild(event); ok && b.Ended.IsZero() {
			w.follow(b.Ref)
		}
	}
}

// follow makes a build one that is followed, and tells who waits for such.
func (w *watch) follow(ref string) *atWork {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b := w.builds[ref]; b != nil {
		return b
	}
	b := &atWork{instructions: map[string]bool{}, shown: make(chan struct{})}
	w.builds[ref] = b
	close(w.begun)
	w.begun = make(chan struct{})
	go w.read(ref, b)
	return b
}

// read reads the vertices of a build until it ends.
func (w *watch) read(ref string, b *atWork) {
	defer b.show()
	s, err := w.client.ControlClient().Status(w.ctx, &control.StatusRequest{Ref: ref})
	for err == nil {
		var status *control.StatusResponse
		if status, err = s.Recv(); err != nil {
			break
		}
		shows := false
		w.mu.Lock()
		for _, v := range status.Vertexes {
			b.instructions[steps.Alike(v.Name)] = true
			shows = shows || !isPreparation(v.Name)
		}
		w.mu.Unlock()
		if shows {
			b.show()
		}
	}
}

func (b *atWork) show() { b.once.Do(func() { close(b.shown) }) }

// isPreparation tells whether a vertex is there before a frontend knows which steps there are.
func isPreparation(name string) bool {
	return strings.HasPrefix(name, "[") && !steps.IsStep(name) || strings.HasPrefix(name, "importing cache ") ||
		strings.HasPrefix(name, "resolve image config ") || strings.HasPrefix(name, imageScheme)
}

// look finds the builds that are under way, and waits for their graphs. begun is closed when another one begins. shown is false
// when there is a graph that doesn't come.
func (w *watch) look(ctx context.Context) (builds []*atWork, begun <-chan struct{}, shown bool, err error) {
	for {
		w.mu.Lock()
		begun = w.begun
		w.mu.Unlock()
		refs, err := active(ctx, w.client)
		if err != nil {
			return nil, nil, false, err
		}
		builds = nil
		for _, ref := range refs {
			builds = append(builds, w.follow(ref))
		}
		for _, b := range builds {
			if shown, err := w.wait(ctx, b); err != nil || !shown {
				return nil, nil, false, err
			}
		}
		select {
		case <-begun: // there was one more
		default:
			return builds, begun, true, nil
		}
	}
}

// wait waits for the graph of a build. One that doesn't come is not waited for again.
func (w *watch) wait(ctx context.Context, b *atWork) (shown bool, err error) {
	w.mu.Lock()
	patience := graphTime
	if b.late {
		patience = 0
	}
	w.mu.Unlock()
	select {
	case <-b.shown:
		return true, nil
	default:
	}
	select {
	case <-b.shown:
		return true, nil
	case <-time.After(patience):
	case <-ctx.Done():
		return false, ctx.Err()
	}
	w.mu.Lock()
	b.late = true
	w.mu.Unlock()
	return false, nil
}

// has tells whether one of the builds has a step that may be one of those of the graph. Names of stages may be others, and
// options; a graph that no Dockerfile is behind names a command by its arguments.
func (w *watch) has(builds []*atWork, tried []*node) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range tried {
		for _, b := range builds {
			if b.instructions[steps.Alike(n.name)] || b.instructions[steps.Alike(n.command())] {
				return true
			}
		}
	}
	return false
}
