package buildx

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	"github.com/moby/buildkit/client"
)

// Live is a builder that runs, to be asked about.
type Live struct {
	// ID tells the cache of one builder from that of another, and from what it was before it was made anew.
	ID string
	// Version is that of BuildKit; empty where the builder doesn't say.
	Version string
	// OS and Arch are those of the first node's machine; empty where it doesn't say.
	OS, Arch string

	builder *Builder
	node    builder.Node
	clients []*client.Client
	// names are those of the nodes, one for each client.
	names []string
	// foreseen is of Foresee, for the next Touch. asked is set when a frontend of the builder was asked for graphs.
	foreseen [][]*client.UsageInfo
	asked    atomic.Bool
}

// ErrNotRunning says that a builder would have to be started first.
var ErrNotRunning = errors.New("the builder is not running")

// Live connects to the nodes of a builder, and starts none.
func (b *Builder) Live(ctx context.Context) (*Live, error) {
	l := &Live{builder: b}
	var ids []string
	for _, node := range b.nodes {
		if node.Driver == nil {
			continue
		}
		info, err := node.Driver.Info(ctx)
		if err != nil {
			return nil, err
		}
		if info.Status != driver.Running {
			return nil, fmt.Errorf("%w: %s", ErrNotRunning, node.Name)
		}
		c, err := node.Driver.Client(ctx)
		if err != nil {
			return nil, err
		}
		workers, err := c.ListWorkers(ctx)
		if err != nil {
			return nil, err
		}
		for _, w := range workers {
			ids = append(ids, w.ID)
			if l.OS == "" && len(w.Platforms) > 0 {
				l.OS, l.Arch = w.Platforms[0].OS, w.Platforms[0].Architecture
			}
		}
		l.clients, l.names = append(l.clients, c), append(l.names, node.Name)
		if len(l.clients) == 1 {
			l.node = node
			if info, err := c.Info(ctx); err == nil {
				l.Version = info.BuildkitVersion.Version
			}
		}
	}
	if len(ids) == 0 {
		return nil, ErrNotRunning
	}
	slices.Sort(ids)
	sum := sha256.Sum256([]byte(strings.Join(ids, " ")))
	l.ID = hex.EncodeToString(sum[:8])
	return l, nil
}

// Plain tells whether this program's knowledge of BuildKit's cache keys is not of that version.
func (l *Live) Plain() bool { return IsPlain(l.Version) }

// IsPlain tells that of a version.
func IsPlain(version string) bool { return !within(version, keyed, linked()) }

// keyed is the first BuildKit whose keys were compared with those of package steps.
const keyed = "v0.33"

// foreign tells whether a builder has to be asked for all graphs: its frontend may make others than ours.
func (l *Live) foreign() bool { return !within(l.Version, oldest, linked()) }

// Records are the cache records whose descriptions are among those given, of all nodes.
func (l *Live) Records(ctx context.Context, descriptions []string) ([]*client.UsageInfo, error) {
	var out []*client.UsageInfo
	for _, c := range l.clients {
		var filters []string
		for _, d := range descriptions {
			filters = append(filters, "description=="+quoted(d))
		}
		records, err := c.DiskUsage(ctx, client.WithFilter(filters))
		if err != nil {
			return nil, err
		}
		out = append(out, records...)
	}
	return out, nil
}

// quoted is a value of a filter as containerd's filters read it.
func quoted(s string) string { return fmt.Sprintf("%q", s) }

// Driver is buildx's word for how the builder is reached.
func (l *Live) Driver() string { return l.builder.Driver }
