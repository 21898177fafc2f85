package buildx

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/containerd/platforms"
	"github.com/docker/buildx/build/resolver"
	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	"github.com/docker/buildx/util/progress"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
)

// place chooses nodes for the platforms of the plan and warns of what they have to emulate. A plan without platforms
// asks no node. What goes wrong here goes wrong again in the build, and is told there.
func (j *job) place(ctx context.Context, o BuildOptions) {
	if !slices.ContainsFunc(j.services, func(s string) bool { return len(j.options[s].Platforms) > 0 }) {
		return
	}
	nodes, err := j.ask(ctx, o)
	if err != nil {
		logrus.Debugf("platforms of builder %q: %v", j.builder.Name, err)
		return
	}
	on := map[string][]placed{}
	for _, service := range j.services {
		for _, p := range j.options[service].Platforms {
			on[service] = append(on[service], choose(nodes, p))
		}
	}
	if len(nodes) > 1 {
		if err := j.settle(ctx, nodes, on); err != nil {
			logrus.Debugf("nodes of builder %q: %v", j.builder.Name, err)
			return
		}
	}
	var all []emulation
	for _, service := range j.services {
		all = append(all, emulations(j.targets[service], j.plan.Dir, j.options[service].Platforms, on[service])...)
	}
	for _, e := range all {
		_, _ = fmt.Fprintf(o.Notices, "warning: %s\n", e)
	}
	if len(all) > 0 {
		_, _ = fmt.Fprintf(o.Notices, "hint: %s\n", emulationHint(all))
	}
}

// settle lets buildx build on the nodes that were chosen; or tells where buildx builds, if it must have its way.
func (j *job) settle(ctx context.Context, nodes []workers, on map[string][]placed) error {
	if !j.splits(on) {
		j.nodes = slices.Clone(j.nodes)
		for service, places := range on {
			for i, p := range j.options[service].Platforms {
				j.nodes[places[i].node] = giving(j.nodes[places[i].node], p)
			}
		}
		return nil
	}
	for service, places := range on {
		for i, p := range j.options[service].Platforms {
			found, err := resolver.Resolve(ctx, j.nodes, []ocispecs.Platform{p}, nil)
			if err != nil {
				return err
			}
			node, err := strconv.Atoi(found[0].Key())
			if err != nil {
				return err
			}
			places[i] = nodes[node].place(node, p)
		}
	}
	return nil
}

// splits tells whether the nodes that were chosen part what must be built on one: an image that is exported as a whole, or
// targets that are built from one another and are not for the same platforms.
func (j *job) splits(on map[string][]placed) bool {
	linked, first := isLinked(j.options), j.targets[j.services[0]].Platforms
	for _, service := range j.services {
		if linked && !slices.Equal(j.targets[service].Platforms, first) {
			return true
		}
		places := on[service]
		several := slices.ContainsFunc(places, func(p placed) bool { return p.node != places[0].node })
		whole := func(e client.ExportEntry) bool {
			return e.Type == client.ExporterOCI || e.Type == client.ExporterDocker || e.Type == client.ExporterTar
		}
		if several && slices.ContainsFunc(j.destinations[service].entries, whole) {
			return true
		}
	}
	return false
}

// giving returns a node as if its user had given it a platform, so that buildx takes it for that one.
func giving(n builder.Node, p ocispecs.Platform) builder.Node {
	if !lists(n.Platforms, p) {
		n.Platforms = append(slices.Clone(n.Platforms), p)
	}
	return n
}

// ask asks all nodes for their platforms.
func (j *job) ask(ctx context.Context, o BuildOptions) ([]workers, error) {
	out := make([]workers, len(j.nodes))
	var eg errgroup.Group // without a context of its own: clients are kept for the build
	for i, n := range j.nodes {
		eg.Go(func() error {
			c, err := running(ctx, n, o)
			if err != nil {
				return err
			}
			list, err := c.ListWorkers(ctx)
			if err != nil {
				return err
			}
			out[i].given = n.Platforms
			for _, w := range list {
				out[i].listed = append(out[i].listed, w.Platforms...)
			}
			return nil
		})
	}
	return out, eg.Wait()
}

// running returns a client of a node. One that has to be started first shows that.
func running(ctx context.Context, n builder.Node, o BuildOptions) (*client.Client, error) {
	info, err := n.Driver.Info(ctx)
	if err != nil {
		return nil, err
	}
	if info.Status == driver.Running {
		return n.Driver.Client(ctx)
	}
	printer, err := progress.NewPrinter(context.WithoutCancel(ctx), o.Out, progressui.DisplayMode(o.Progress))
	if err != nil {
		return nil, err
	}
	c, err := driver.Boot(ctx, ctx, n.Driver, printer)
	if waitErr := printer.Wait(); err == nil {
		err = waitErr
	}
	return c, err
}

// placed is where a platform is built.
type placed struct {
	// node is the index of the node.
	node int
	// machine is the native platform of the node.
	machine ocispecs.Platform
	// listed tells that the node says it can run the platform.
	listed bool
}

// workers are the platforms of a node: those its user gave to buildx, and those its BuildKit lists, the native first.
type workers struct {
	given, listed []ocispecs.Platform
}

// lists tells whether one of a node's platforms is p.
func lists(list []ocispecs.Platform, p ocispecs.Platform) bool {
	return slices.ContainsFunc(list, func(has ocispecs.Platform) bool { return platforms.OnlyStrict(has).Match(p) })
}

// place is how a node builds a platform.
func (w workers) place(node int, p ocispecs.Platform) placed {
	out := placed{node: node}
	if len(w.listed) > 0 {
		out.machine = w.listed[0]
		out.listed = lists(w.listed, p) || isNative(out.machine, p)
	}
	return out
}

// choose returns the node to build a platform. buildx takes the first that its user gave the platform or, of all
// others, the first whose BuildKit lists it, which may emulate what the next one has: so native ones come first here.
func choose(nodes []workers, p ocispecs.Platform) placed {
	for _, fits := range []func(workers) bool{
		func(w workers) bool { return lists(w.given, p) },
		func(w workers) bool { return len(w.listed) > 0 && isNative(w.listed[0], p) },
		func(w workers) bool { return lists(w.listed, p) },
		func(workers) bool { return true }, // as buildx
	} {
		if i := slices.IndexFunc(nodes, fits); i >= 0 {
			return nodes[i].place(i, p)
		}
	}
	return placed{}
}
