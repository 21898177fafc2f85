// Package lab makes a builder for measuring that the user's cache never meets, and takes it away again: a private BuildKit, a
// container, or what is kept apart in the user's own builder. What a run that was killed left behind, the next one finds noted
// in a folder, and removes. It measures nothing, and of scenarios it knows only that some are cold.
package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"time"

	"github.com/docker/cli/cli/command"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Kind is how the user's cache is kept out of it.
type Kind string

// The kinds of labs.
const (
	Embedded  Kind = "embedded"  // a private BuildKit with a state folder of its own
	Container Kind = "container" // a builder in a container of its own
	Namespace Kind = "namespace" // the user's builder, with cache mounts of its own, and what was built is removed
)

// Options say what a lab is for and where.
type Options struct {
	// Kind is chosen by the user's builder when it is empty.
	Kind Kind
	// ID is that of the session; all names have it.
	ID string
	// Dir is the absolute folder where labs are noted, those of all projects.
	Dir     string
	Project string

	CLI command.Cli
	// Builder is the name of the user's builder; empty is the current one.
	Builder string
	// ProjectDir and ConfigDir are Dir and ConfigDir of buildx.OpenOptions.
	ProjectDir, ConfigDir string
	// Daemon is the command that serves a private BuildKit.
	Daemon []string
	// Notices gets a line for what the user should know; nil is nobody.
	Notices io.Writer
}

// Lab is a builder for measuring.
type Lab struct {
	options Options
	kind    Kind
	folder  *folder
	builder *buildx.Builder
	live    *buildx.Live
	watch   *watch
	place   place
	// user is the user's builder as it was; nil where a lab can't come near it.
	user *standing

	mu     sync.Mutex
	colds  int
	copies int
	closed bool
}

// place is what the kinds of labs do each in their way.
type place interface {
	prime(ctx context.Context, sources []steps.Source) error
	reset(ctx context.Context) error
	sweep(ctx context.Context) error
	// records are the lab's.
	records(ctx context.Context) ([]buildx.CacheRecord, error)
	cpu(ctx context.Context) (seconds float64, of string, err error)
	// remove takes away all that is the lab's. It works for one that was opened only in part.
	remove(ctx context.Context) error
}

// closeTime bounds the removal of a lab: an engine may be slow to remove a container.
const closeTime = 2 * time.Minute

var isID = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// Open makes a lab and starts it, and says which kind it is. Close removes it.
func Open(ctx context.Context, o Options) (*Lab, error) {
	if o.Notices == nil {
		o.Notices = io.Discard
	}
	kind, user, err := choose(ctx, o)
	if err != nil {
		return nil, err
	}
	return open(ctx, o, kind, user)
}

func open(ctx context.Context, o Options, kind Kind, user *buildx.Builder) (*Lab, error) {
	if !isID.MatchString(o.ID) {
		return nil, fmt.Errorf("session %q: it can have letters, digits, dots, dashes and underscores", o.ID)
	}
	f, err := newFolder(o.Dir, note{Kind: kind, ID: o.ID, Project: o.Project, Started: time.Now()})
	if err != nil {
		return nil, err
	}
	l := &Lab{options: o, kind: kind, folder: f}
	switch kind {
	case Embedded:
		err = l.openEmbedded(ctx)
	case Container:
		err = l.openContainer(ctx, user)
	default:
		err = l.openNamespace(ctx, user)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(context.WithoutCancel(ctx)))
	}
	return l, nil
}

// connect connects to the lab's builder, which runs.
func (l *Lab) connect(ctx context.Context, b *buildx.Builder) error {
	live, err := b.Live(ctx)
	if err != nil {
		return err
	}
	l.builder, l.live = b, live
	return nil
}

// Builder is what builds go through.
func (l *Lab) Builder() *buildx.Builder { return l.builder }

// Live is the lab's builder, to be asked about.
func (l *Lab) Live() *buildx.Live { return l.live }

// Kind is that of the lab; never empty.
func (l *Lab) Kind() Kind { return l.kind }

// Dir is a folder of the lab's own, which goes with it.
func (l *Lab) Dir() string { return l.folder.path }

// Prime sees to it that the images that graphs are built on are there and unpacked, and notes them as what Reset keeps. Graphs
// whose Dockerfiles name a syntax have to come from the lab's own builder, which then has that image.
func (l *Lab) Prime(ctx context.Context, sources []steps.Source) error {
	return l.place.prime(ctx, sources)
}

// Reset is what precedes a cold build: of the cache nothing is left but what Prime noted. In a namespace the local folders go,
// so that they are sent anew, and the rest is for Adapt.
func (l *Lab) Reset(ctx context.Context) error { return l.place.reset(ctx) }

// Sweep removes, in a namespace, what cold builds made, so that it doesn't pile up, and the lab's builds from the builder's
// history: nothing can be learned of them afterwards. Elsewhere it does nothing.
func (l *Lab) Sweep(ctx context.Context) error { return l.place.sweep(ctx) }

// Mounts are the bytes of the lab's cache mounts by the IDs of their records.
func (l *Lab) Mounts(ctx context.Context) (map[string]int64, error) {
	records, err := l.place.records(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, r := range records {
		if r.Type == buildx.MountRecord {
			out[r.ID] = r.Size
		}
	}
	return out, nil
}

// CPU is the time that the builder and its steps have used, and of what that is: "daemon" or "container". It is not ok where
// nobody counts it.
func (l *Lab) CPU(ctx context.Context) (seconds float64, of string, ok bool) {
	seconds, of, err := l.place.cpu(ctx)
	return seconds, of, err == nil
}

// Gone says that the builder went away since Open, even if it is back; nil is that the same process answers.
func (l *Lab) Gone() error { return l.watch.gone(l.live) }

// Fresh is another lab of the same kind, which is empty. It is closed by itself.
func (l *Lab) Fresh(ctx context.Context) (*Lab, error) {
	if l.kind == Namespace {
		return nil, fmt.Errorf("builder %q: it can't be had empty: it is the user's own, and stays as it is", l.builder.Name)
	}
	l.mu.Lock()
	l.copies++
	o := l.options
	o.ID, o.Notices = fmt.Sprintf("%s-%d", o.ID, l.copies), io.Discard
	l.mu.Unlock()
	var user *buildx.Builder
	if l.kind == Container {
		var err error
		if user, err = users(ctx, o); err != nil {
			return nil, err
		}
	}
	return open(ctx, o, l.kind, user)
}

// Close removes all that is the lab's, for which ctx has to outlive an interrupt. Its error also tells what the user's builder
// had when the lab was opened, and has no more.
func (l *Lab) Close(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	l.watch.stop()
	var err error
	if l.place != nil {
		err = l.place.remove(ctx)
	}
	if err != nil { // its note stays, for Clean
		err = errors.Join(err, l.folder.leave())
	} else {
		err = l.folder.remove()
	}
	return errors.Join(err, l.user.check(ctx))
}
