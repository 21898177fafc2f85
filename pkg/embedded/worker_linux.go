package embedded

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/plugins/snapshots/native"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/executor/oci"
	dockerfile "github.com/moby/buildkit/frontend/dockerfile/version"
	"github.com/moby/buildkit/util/bklog"
	"github.com/moby/buildkit/util/network/cniprovider"
	"github.com/moby/buildkit/util/network/netproviders"
	"github.com/moby/buildkit/version"
	"github.com/moby/buildkit/worker/base"
	"github.com/moby/buildkit/worker/runc"
	"golang.org/x/sync/semaphore"
)

func newWorker(cfg config.Config, hosts docker.RegistryHosts) (*base.Worker, error) {
	w := cfg.Workers.OCI
	binary, err := runcBinary(w.Binary)
	if err != nil {
		return nil, err
	}
	snapshotter, err := newSnapshotter(w.Snapshotter, cfg.Root)
	if err != nil {
		return nil, err
	}
	network := netproviders.Opt{Mode: w.Mode, CNI: cniprovider.Opt{
		Root:         cfg.Root,
		ConfigPath:   w.CNIConfigPath,
		BinaryDir:    w.CNIBinaryPath,
		PoolSize:     w.CNIPoolSize,
		BridgeName:   w.BridgeName,
		BridgeSubnet: w.BridgeSubnet,
	}}
	mode := oci.ProcessSandbox
	if w.NoProcessSandbox {
		if !w.Rootless {
			return nil, fmt.Errorf("noProcessSandbox: only without root")
		}
		mode = oci.NoProcessSandbox
	}
	var parallel *semaphore.Weighted
	if w.MaxParallelism > 0 {
		parallel = semaphore.NewWeighted(int64(w.MaxParallelism))
	}
	opt, err := runc.NewWorkerOpt(cfg.Root, snapshotter, w.Rootless, mode, w.Labels, nil, network, dnsConfig(cfg.DNS),
		binary, w.ApparmorProfile, w.SELinux, parallel, "", w.DefaultCgroupParent, nil)
	if err != nil {
		return nil, err
	}
	if opt.Platforms, err = workerPlatforms(w.Platforms); err != nil {
		return nil, err
	}
	opt.GCPolicy = gcPolicy(w.GCConfig, cfg.Root)
	opt.RegistryHosts = hosts
	opt.BuildkitVersion = client.BuildkitVersion{
		Package: version.Package, Version: version.Version, Revision: version.Revision,
		DockerfileVersion: dockerfile.Version(),
	}
	return base.NewWorker(context.Background(), opt)
}

// runcBinary is the path of the runtime.
func runcBinary(name string) (string, error) {
	if name != "" {
		return lookPath(name)
	}
	if path, err := lookPath("buildkit-runc"); err == nil {
		return path, nil
	}
	return lookPath("runc")
}

// newSnapshotter is overlayfs where the state folder's filesystem and the kernel can do it, else copies of folders.
// A state folder keeps a cache for each.
func newSnapshotter(name, root string) (runc.SnapshotterFactory, error) {
	if name == "auto" {
		name = "overlayfs"
		if err := overlayutils.Supported(root); err != nil {
			name = "native"
			bklog.L.Warnf("no overlayfs, so each layer is copied, which is slow: %v", err)
		}
	}
	f := runc.SnapshotterFactory{Name: name}
	switch name {
	case "overlayfs":
		f.New = func(root string) (snapshots.Snapshotter, error) {
			return overlay.NewSnapshotter(root, overlay.AsynchronousRemove)
		}
	case "native":
		f.New = native.NewSnapshotter
	default:
		return f, fmt.Errorf("snapshotter %q: not in the embedded BuildKit (it has overlayfs, native)", name)
	}
	return f, nil
}
