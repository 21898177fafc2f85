package buildx

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/platforms"
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
	j.nodes = slices.Clone(j.nodes)
	var all []emulation
	for _, service := range j.services {
		wanted := j.options[service].Platforms
		on := make([]placed, len(wanted))
		for i, p := range wanted {
			on[i] = choose(nodes, p)
			if len(nodes) > 1 {
				j.nodes[on[i].node] = giving(j.nodes[on[i].node], p)
			}
		}
		all = append(all, emulations(j.targets[service], j.plan.Dir, wanted, on)...)
	}
	for _, e := range all {
		_, _ = fmt.Fprintf(o.Notices, "warning: %s\n", e)
	}
	if len(all) > 0 {
		_, _ = fmt.Fprintf(o.Notices, "hint: %s\n", emulationHint(all))
	}
}

// giving returns a node as if its user had given it a platform, so that buildx takes it for that one.
func giving(n builder.Node, p ocispecs.Platform) builder.Node {
	if !slices.ContainsFunc(n.Platforms, func(has ocispecs.Platform) bool { return platforms.OnlyStrict(has).Match(p) }) {
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

// choose returns the node to build a platform. buildx takes the first that its user gave the platform or, of all
// others, the first whose BuildKit lists it, which may emulate what the next one has: so native ones come first here.
func choose(nodes []workers, p ocispecs.Platform) placed {
	listed := func(list []ocispecs.Platform) bool {
		return slices.ContainsFunc(list, func(has ocispecs.Platform) bool { return platforms.OnlyStrict(has).Match(p) })
	}
	at := func(i int) placed {
		out := placed{node: i}
		if len(nodes[i].listed) > 0 {
			out.machine = nodes[i].listed[0]
		}
		out.listed = listed(nodes[i].listed) || out.machine.OS != "" && isNative(out.machine, p)
		return out
	}
	given := slices.IndexFunc(nodes, func(w workers) bool { return listed(w.given) })
	native := slices.IndexFunc(nodes, func(w workers) bool { return len(w.listed) > 0 && isNative(w.listed[0], p) })
	able := slices.IndexFunc(nodes, func(w workers) bool { return listed(w.listed) })
	for _, i := range []int{given, native, able} {
		if i >= 0 {
			return at(i)
		}
	}
	return at(0) // as buildx
}
