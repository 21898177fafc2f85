package embedded

import (
	"fmt"
	"os"
	"slices"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/executor/oci"
	sessionauth "github.com/moby/buildkit/session/auth"
	"github.com/moby/buildkit/util/appdefaults"
	"github.com/moby/buildkit/util/archutil"
	"github.com/moby/buildkit/util/disk"
	"github.com/moby/buildkit/util/resolver/limited"
	"github.com/moby/sys/userns"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
)

// loadConfig is the buildkitd.toml with the defaults that buildkitd would add to it.
func loadConfig(o Options) (config.Config, error) {
	path, err := findConfig(o.Config)
	if err != nil {
		return config.Config{}, err
	}
	var cfg config.Config
	if path != "" {
		if cfg, err = config.LoadFile(path); err != nil {
			return cfg, fmt.Errorf("%s: %w", path, err)
		}
	}
	cfg.Root = o.Root
	// Steps have the host's network anyway, so a build that asks for it by name asks for nothing more.
	if !slices.Contains(cfg.Entitlements, "network.host") {
		cfg.Entitlements = append(cfg.Entitlements, "network.host")
	}
	setWorkerDefaults(&cfg.Workers.OCI)
	if o.KeepAll {
		cfg.Workers.OCI.GC = new(bool)
	}
	return cfg, nil
}

func setWorkerDefaults(w *config.OCIConfig) {
	if w.Snapshotter == "" {
		w.Snapshotter = "auto"
	}
	if w.CNIConfigPath == "" {
		w.CNIConfigPath = appdefaults.DefaultCNIConfigPath
	}
	if w.CNIBinaryPath == "" {
		w.CNIBinaryPath = appdefaults.DefaultCNIBinDir
	}
	if w.BridgeName == "" {
		w.BridgeName = appdefaults.BridgeName
	}
	if w.BridgeSubnet == "" {
		w.BridgeSubnet = appdefaults.BridgeSubnet
	}
	if userns.RunningInUserNS() {
		w.Rootless = true
		w.NoProcessSandbox = w.NoProcessSandbox || hidesProc(readString("/proc/self/mountinfo"))
		if w.Mode == "" || w.Mode == "auto" {
			w.Mode = "host"
		}
	}
}

// applyGlobals sets what BuildKit keeps in variables of its packages.
func applyGlobals(cfg config.Config) error {
	logrus.SetOutput(os.Stderr)
	logrus.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	if cfg.Log.Level != "" {
		level, err := logrus.ParseLevel(cfg.Log.Level)
		if err != nil {
			return fmt.Errorf("log level: %w", err)
		}
		logrus.SetLevel(level)
	}
	s := cfg.System
	if s == nil {
		return nil
	}
	if s.PlatformsCacheMaxAge != nil {
		archutil.CacheMaxAge = s.PlatformsCacheMaxAge.Duration
	}
	if s.SessionAuthTimeout != nil {
		sessionauth.SessionAuthTimeout = s.SessionAuthTimeout.Duration
	}
	if n := s.MaxRegistryConcurrency; n != nil {
		if *n <= 0 {
			return fmt.Errorf("maxRegistryConcurrency: %d is not greater than zero", *n)
		}
		limited.SetMaxConcurrency(int64(*n))
	}
	return nil
}

// workerPlatforms are those of the configuration, else this machine's and those it has emulators for.
func workerPlatforms(names []string) ([]ocispecs.Platform, error) {
	if len(names) == 0 {
		return archutil.SupportedPlatforms(false), nil
	}
	out := make([]ocispecs.Platform, 0, len(names))
	for _, name := range names {
		p, err := platforms.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("platform %q: %w", name, err)
		}
		out = append(out, platforms.Normalize(p))
	}
	return out, nil
}

// gcPolicy is buildkitd's: rules from the configuration, else from the size of the disk. Nil is no collection.
func gcPolicy(cfg config.GCConfig, root string) []client.PruneInfo {
	if cfg.GC != nil && !*cfg.GC {
		return nil
	}
	stat, _ := disk.GetDiskStat(root)
	rules := cfg.GCPolicy
	if len(rules) == 0 {
		rules = config.DefaultGCPolicy(cfg, stat)
	}
	out := make([]client.PruneInfo, 0, len(rules))
	for _, r := range rules {
		reserved := r.ReservedSpace
		if reserved == (config.DiskSpace{}) {
			reserved = r.KeepBytes //nolint:staticcheck // the old name is still read
		}
		out = append(out, client.PruneInfo{
			Filter:        r.Filters,
			All:           r.All,
			KeepDuration:  r.KeepDuration.Duration,
			ReservedSpace: reserved.AsBytes(stat),
			MaxUsedSpace:  r.MaxUsedSpace.AsBytes(stat),
			MinFreeSpace:  r.MinFreeSpace.AsBytes(stat),
		})
	}
	return out
}

func dnsConfig(c *config.DNSConfig) *oci.DNSConfig {
	if c == nil {
		return nil
	}
	return &oci.DNSConfig{Nameservers: c.Nameservers, Options: c.Options, SearchDomains: c.SearchDomains}
}
