package buildx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	"github.com/docker/buildx/store"
	"github.com/docker/buildx/store/storeutil"
	"github.com/docker/buildx/util/confutil"
	"github.com/docker/buildx/util/dockerutil"
	"github.com/docker/cli/cli/command"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// containerDriver is buildx's word for a builder in containers.
const containerDriver = "docker-container"

// Containers are a builder in containers of its own, which no configuration of buildx knows.
type Containers struct {
	Name  string          `json:"name"`
	Nodes []ContainerNode `json:"nodes"`
}

// ContainerNode is one of them.
type ContainerNode struct {
	Name string `json:"name"`
	// Endpoint is a Docker context or the address of an engine.
	Endpoint string `json:"endpoint"`
}

// Containers are those that a builder like this one would have: a node for each of its own, or one in the engine where it has
// none in an engine.
func (b *Builder) Containers(name string) Containers {
	c := Containers{Name: name}
	for i, n := range b.nodes {
		if b.Driver == "docker" || b.Driver == containerDriver {
			c.Nodes = append(c.Nodes, ContainerNode{fmt.Sprintf("%s%d", name, i), n.Endpoint})
		}
	}
	if len(c.Nodes) == 0 {
		c.Nodes = []ContainerNode{{name + "0", b.cli.CurrentContext()}}
	}
	return c
}

// Contain makes a builder in containers and starts it. Image, options, flags and configuration are those of this builder, if it is
// in containers too; else it reaches what the engine reaches, with the engine's mirrors. Its cache is never collected.
// dir gets what buildx remembers of builds.
func (b *Builder) Contain(ctx context.Context, c Containers, dir string) (*Builder, error) {
	var nodes []builder.Node
	for i, at := range c.Nodes {
		n := store.Node{Name: at.Name, Endpoint: at.Endpoint, DriverOpts: map[string]string{}}
		switch {
		case b.Driver == containerDriver && i < len(b.nodes):
			like := b.nodes[i]
			n.Platforms, n.Files = slices.Clone(like.Node.Platforms), maps.Clone(like.Files)
			maps.Copy(n.DriverOpts, like.DriverOpts)
			n.BuildkitdFlags = slices.Clone(like.BuildkitdFlags)
		default:
			n.DriverOpts["network"] = "host"
			n.BuildkitdFlags = []string{"--allow-insecure-entitlement=network.host"}
			var err error
			if n.Files, err = b.configFiles(ctx, at.Endpoint); err != nil {
				return nil, err
			}
		}
		n.DriverOpts["restart-policy"] = "no"
		n.BuildkitdFlags = append(n.BuildkitdFlags, "--oci-worker-gc=false")
		node, err := containerNode(ctx, b.cli, c.Name, n)
		if err != nil {
			return nil, fmt.Errorf("builder %q: %w", c.Name, err)
		}
		nodes = append(nodes, node)
	}
	contained := handmade(ctx, b.cli, c.Name, containerDriver, dir, nodes...)
	return contained, contained.Start(ctx)
}

func containerNode(ctx context.Context, cli command.Cli, name string, n store.Node) (builder.Node, error) {
	registry, err := storeutil.GetImageConfig(cli, &store.NodeGroup{Nodes: []store.Node{n}})
	if err != nil {
		return builder.Node{}, err
	}
	factory, err := driver.GetFactory(containerDriver, true)
	if err != nil {
		return builder.Node{}, err
	}
	api, err := dockerutil.NewClientAPI(cli, n.Endpoint)
	if err != nil {
		return builder.Node{}, err
	}
	d, err := driver.GetDriver(ctx, factory, driver.InitConfig{
		Name: driver.BuilderName(n.Name), EndpointAddr: n.Endpoint, DockerAPI: api, ContextStore: cli.ContextStore(),
		BuildkitdFlags: n.BuildkitdFlags, Files: n.Files, DriverOpts: n.DriverOpts, Auth: registry.Auth, Platforms: n.Platforms,
	})
	return builder.Node{
		Node: n, Builder: name, Driver: d, Platforms: n.Platforms, ImageOpt: registry, ProxyConfig: storeutil.GetProxyConfig(cli),
	}, err
}

// configFiles are the configuration of a BuildKit in place of an engine: the one that buildx gives new builders, or what the
// engine itself has been told of registries.
func (b *Builder) configFiles(ctx context.Context, endpoint string) (map[string][]byte, error) {
	if path, ok := confutil.NewConfig(b.cli).BuildKitConfigFile(); ok {
		return confutil.LoadConfigFiles(path)
	}
	api, err := dockerutil.NewClientAPI(b.cli, endpoint)
	if err != nil {
		return nil, err
	}
	info, err := api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, err
	}
	r := info.Info.RegistryConfig
	if r == nil {
		return nil, nil
	}
	var insecure []string
	for name, index := range r.IndexConfigs {
		if index != nil && !index.Secure && name != "docker.io" {
			insecure = append(insecure, name)
		}
	}
	text := registriesConfig(r.Mirrors, insecure)
	if text == "" {
		return nil, nil
	}
	return map[string][]byte{"buildkitd.toml": []byte(text)}, nil
}

// registriesConfig is a buildkitd.toml for the mirrors of Docker Hub and the insecure registries of an engine.
func registriesConfig(mirrors, insecure []string) string {
	var s strings.Builder
	hosts := map[string]string{}
	for _, name := range insecure { // the engine tries both for them
		hosts[name] = "http = true\ninsecure = true\n"
	}
	var list []string
	for _, m := range mirrors {
		u, err := url.Parse(m)
		if err != nil || u.Host == "" {
			continue
		}
		list = append(list, fmt.Sprintf("%q", u.Host+strings.TrimSuffix(u.Path, "/")))
		if u.Scheme == "http" {
			hosts[u.Host] = "http = true\n"
		}
	}
	if len(list) > 0 {
		fmt.Fprintf(&s, "[registry.\"docker.io\"]\nmirrors = [%s]\n", strings.Join(list, ", "))
	}
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		fmt.Fprintf(&s, "[registry.%q]\n%s", host, hosts[host])
	}
	return s.String()
}

// RemoveContainers removes containers with their caches. Those that are not there are no error.
func RemoveContainers(ctx context.Context, cli command.Cli, c Containers) error {
	var errs []error
	for _, n := range c.Nodes {
		if err := removeContainer(ctx, cli, c.Name, n); err != nil {
			errs = append(errs, fmt.Errorf("container %s: %w", driver.BuilderName(n.Name), err))
		}
	}
	return errors.Join(errs...)
}

func removeContainer(ctx context.Context, cli command.Cli, name string, n ContainerNode) error {
	node, err := containerNode(ctx, cli, name, store.Node{Name: n.Name, Endpoint: n.Endpoint})
	if err != nil {
		return err
	}
	if err := node.Driver.Rm(ctx, true, true, true); err != nil {
		return err
	}
	// A container that is gone does not name its volume any more.
	api := node.Driver.Config().DockerAPI
	_, err = api.VolumeRemove(ctx, driver.BuilderName(n.Name)+"_state", client.VolumeRemoveOptions{})
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// statsTimeout bounds a look at a container: an old engine takes a second for it.
const statsTimeout = 5 * time.Second

// CPUSeconds is what the containers of a builder have used, as their engines count it.
func (b *Builder) CPUSeconds(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	sum := 0.0
	for _, n := range b.nodes {
		if n.Driver == nil || n.Driver.Factory().Name() != containerDriver {
			return 0, fmt.Errorf("builder %q: not in containers", b.Name)
		}
		config := n.Driver.Config()
		result, err := config.DockerAPI.ContainerStats(ctx, config.Name, client.ContainerStatsOptions{})
		if err != nil {
			return 0, err
		}
		var stats container.StatsResponse
		err = json.NewDecoder(result.Body).Decode(&stats)
		_ = result.Body.Close()
		if err != nil {
			return 0, err
		}
		if stats.CPUStats.CPUUsage.TotalUsage == 0 {
			return 0, errors.New("the engine counts no CPU time")
		}
		sum += time.Duration(stats.CPUStats.CPUUsage.TotalUsage).Seconds()
	}
	return sum, nil
}
