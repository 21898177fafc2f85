package buildx

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	"github.com/docker/buildx/store"
	"github.com/docker/buildx/store/storeutil"
	"github.com/docker/buildx/util/confutil"
	"github.com/docker/buildx/util/imagetools"
	"github.com/docker/cli/cli/command"
	"golang.org/x/sync/errgroup"
)

// At is a builder that no configuration of buildx knows: a BuildKit at an address, such as a private one. dir gets what buildx
// remembers of its builds.
func At(ctx context.Context, cli command.Cli, name, address, dir string) (*Builder, error) {
	hushLogs()
	registry, err := storeutil.GetImageConfig(cli, nil)
	if err != nil {
		return nil, err
	}
	node, err := remoteNode(ctx, cli, name, address, registry)
	if err != nil {
		return nil, fmt.Errorf("BuildKit at %s: %w", address, err)
	}
	return handmade(ctx, cli, name, "remote", dir, node), nil
}

// handmade is a builder of nodes that were made here.
func handmade(ctx context.Context, cli command.Cli, name, driver, dir string, nodes ...builder.Node) *Builder {
	b := &Builder{Name: name, Driver: driver, cli: cli, config: confutil.NewConfig(cli, confutil.WithDir(dir)), nodes: nodes}
	b.engine = sync.OnceValue(func() bool { return engineAnswers(ctx, cli) })
	return b
}

// remoteNode is a node at an address.
func remoteNode(ctx context.Context, cli command.Cli, name, address string, registry imagetools.Opt) (builder.Node, error) {
	factory, err := driver.GetFactory("remote", true)
	if err != nil {
		return builder.Node{}, err
	}
	d, err := driver.GetDriver(ctx, factory, driver.InitConfig{Name: name, EndpointAddr: address, Auth: registry.Auth})
	return builder.Node{
		Node: store.Node{Name: name, Endpoint: address}, Builder: name, Driver: d,
		ImageOpt: registry, ProxyConfig: storeutil.GetProxyConfig(cli),
	}, err
}

// Alone is the same builder with what buildx remembers of builds in a folder of its own. By that BuildKit tells clients apart:
// it keeps their copies of local folders apart too.
func (b *Builder) Alone(dir string) *Builder {
	alone := *b
	alone.config = confutil.NewConfig(b.cli, confutil.WithDir(dir))
	return &alone
}

// Start starts the nodes of a builder that do not run.
func (b *Builder) Start(ctx context.Context) error {
	eg, ctx := errgroup.WithContext(ctx)
	for _, node := range b.nodes {
		if node.Driver == nil {
			return errors.New("the builder has a node without a driver")
		}
		eg.Go(func() error {
			// The client outlives this call.
			if _, err := driver.Boot(ctx, context.WithoutCancel(ctx), node.Driver, nil); err != nil {
				return fmt.Errorf("builder %q: %w", b.Name, err)
			}
			return nil
		})
	}
	return eg.Wait()
}

// Same is nil while the builder is the one that was connected to, with the same cache.
func (l *Live) Same(ctx context.Context) error {
	now, err := l.builder.Live(ctx)
	if err != nil {
		return err
	}
	if now.ID != l.ID {
		return fmt.Errorf("builder %q: it was made anew", l.builder.Name)
	}
	return nil
}

// Collects tells whether a node removes records by itself to save space.
func (l *Live) Collects(ctx context.Context) (bool, error) {
	for _, c := range l.clients {
		workers, err := c.ListWorkers(ctx)
		if err != nil {
			return false, err
		}
		for _, w := range workers {
			if len(w.GCPolicy) > 0 {
				return true, nil
			}
		}
	}
	return false, nil
}
