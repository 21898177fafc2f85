package embedded

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/moby/buildkit/cache/remotecache"
	"github.com/moby/buildkit/cache/remotecache/gha"
	"github.com/moby/buildkit/cache/remotecache/inline"
	"github.com/moby/buildkit/cache/remotecache/local"
	"github.com/moby/buildkit/cache/remotecache/registry"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/frontend"
	dockerfile "github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway"
	"github.com/moby/buildkit/frontend/gateway/forwarder"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/util/apicaps"
	"github.com/moby/buildkit/util/db/boltutil"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // the codec of BuildKit's messages
	"github.com/moby/buildkit/util/resolver"
	"github.com/moby/buildkit/worker"
	bolt "go.etcd.io/bbolt"
	"go.opentelemetry.io/otel/metric/noop"
)

// newController is what buildkitd serves: one runc worker, both frontends, history, and the cache backends that cost
// little space in the binary. stop ends the streams that wait for builds to come.
func newController(stop context.Context, cfg config.Config) (*control.Controller, error) {
	apicaps.ExportedProduct = "buildkit"
	sessions, err := session.NewManager()
	if err != nil {
		return nil, err
	}
	hosts := resolver.NewRegistryConfig(cfg.Registries)
	w, err := newWorker(cfg, hosts)
	if err != nil {
		return nil, fmt.Errorf("runc worker: %w", err)
	}
	workers := &worker.Controller{}
	if err := workers.Add(w); err != nil {
		return nil, err
	}
	frontends, err := newFrontends(cfg, workers)
	if err != nil {
		return nil, err
	}
	cache, err := bboltcachestorage.NewStore(filepath.Join(cfg.Root, "cache.db"))
	if err != nil {
		return nil, err
	}
	history, err := boltutil.SafeOpen(filepath.Join(cfg.Root, "history.db"), 0o600, &bolt.Options{
		FreelistType:   bolt.FreelistMapType,
		NoFreelistSync: true,
	})
	if err != nil {
		return nil, err
	}
	return control.NewController(control.Opt{
		SessionManager:   sessions,
		WorkerController: workers,
		Frontends:        frontends,
		ResolveCacheExporterFuncs: map[string]remotecache.ResolveCacheExporterFunc{
			"registry": registry.ResolveCacheExporterFunc(sessions, hosts),
			"local":    local.ResolveCacheExporterFunc(sessions),
			"inline":   inline.ResolveCacheExporterFunc(),
			"gha":      gha.ResolveCacheExporterFunc(cfg.Cache.GHA, nil),
		},
		ResolveCacheImporterFuncs: map[string]remotecache.ResolveCacheImporterFunc{
			"registry": registry.ResolveCacheImporterFunc(sessions, w.ContentStore(), hosts),
			"local":    local.ResolveCacheImporterFunc(sessions),
			"gha":      gha.ResolveCacheImporterFunc(cfg.Cache.GHA, nil),
		},
		CacheManager:   solver.NewCacheManager(stop, "local", cache, worker.NewCacheResultStorage(workers)),
		Entitlements:   cfg.Entitlements,
		MeterProvider:  noop.NewMeterProvider(),
		HistoryDB:      history,
		CacheStore:     cache,
		LeaseManager:   w.LeaseManager(),
		ContentStore:   w.ContentStore(),
		HistoryConfig:  cfg.History,
		ProxyNetwork:   cfg.ProxyNetwork,
		GarbageCollect: w.GarbageCollect,
		GracefulStop:   stop.Done(),
	})
}

func newFrontends(cfg config.Config, workers *worker.Controller) (map[string]frontend.Frontend, error) {
	out := map[string]frontend.Frontend{}
	if on := cfg.Frontends.Dockerfile.Enabled; on == nil || *on {
		out["dockerfile.v0"] = forwarder.NewGatewayForwarder(workers.Infos(), dockerfile.Build)
	}
	if on := cfg.Frontends.Gateway.Enabled; on == nil || *on {
		f, err := gateway.NewGatewayFrontend(workers.Infos(), cfg.Frontends.Gateway.AllowedRepositories)
		if err != nil {
			return nil, err
		}
		out["gateway.v0"] = f
	}
	return out, nil
}
