//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// An engine is of one of two kinds: Debian's old one keeps images by graph driver, a new one in containerd's store.
const (
	graphDriver     = "graphdriver"
	containerdStore = "containerd"
)

// engineHost is where the scripts' engine of a kind listens.
func engineHost(kind string) string {
	return os.Getenv(map[string]string{graphDriver: "ENGINE_HOST", containerdStore: "CONTAINERD_ENGINE_HOST"}[kind])
}

// startEngine starts an engine of a kind in the world's folder; it listens on engine.sock there. For its end and for
// another start w.daemons has to be emptied by stop.
func (w *world) startEngine(kind string) (*daemon, error) {
	args := []string{
		"--config-file", w.path("engine.json"),
		"--data-root", w.path("engine"), "--exec-root", w.path("exec"), "--pidfile", w.path("engine.pid"),
		"--host", "unix://" + w.path("engine.sock"),
		"--iptables=false", "--ip-masq=false", "--init-path", filepath.Join(w.bin, "debian/usr/bin/tini-static"),
		"--registry-mirror", "http://" + w.registry,
	}
	if kind == graphDriver {
		return w.run("debian/usr/sbin/dockerd", args...)
	}
	config := fmt.Sprintf(`version = 3
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]
[grpc]
  address = %q
`, w.path("containerd"), w.path("state"), w.path("containerd.sock"))
	if err := os.WriteFile(w.path("containerd.toml"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	containerd, err := w.run("tools/engine/containerd", "--config", w.path("containerd.toml"))
	if err != nil {
		return nil, err
	}
	if err := containerd.ready(listens(w.path("containerd.sock"))); err != nil {
		return nil, err
	}
	return w.run("tools/engine/dockerd", append(args, "--containerd", w.path("containerd.sock"),
		"--feature", "containerd-snapshotter=true", "--ip6tables=false", "--ip-forward=false")...)
}

// sub is a world of its own in a folder of this one, with the same registry.
func (w *world) sub(name string) (*world, error) {
	s := &world{dir: w.path(name), bin: w.bin, registry: w.registry}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Symlink(w.path("path"), s.path("path")); err != nil {
		return nil, err
	}
	return s, s.writeConfigs()
}

// startStore starts the engine with the containerd image store that the scripts share.
func (w *world) startStore() (*daemon, error) {
	s, err := w.sub("store")
	if err != nil {
		return nil, err
	}
	d, err := s.startEngine(containerdStore)
	w.daemons = append(w.daemons, s.daemons...)
	return d, err
}

// lab is a BuildKit and an engine for one test, which may empty and restart them.
type lab struct {
	*world
	kind string
}

func newLab(name, kind string) (*lab, error) {
	outer := &world{dir: os.Getenv("E2E_DIR"), bin: os.Getenv("E2E_BIN"), registry: os.Getenv("REGISTRY")}
	w, err := outer.sub(name)
	if err != nil {
		return nil, err
	}
	l := &lab{world: w, kind: kind}
	return l, l.boot()
}

func (l *lab) boot() error {
	buildkitd, err := l.run("tools/buildkitd", "--config", l.path("buildkitd.toml"))
	if err != nil {
		return err
	}
	if err := buildkitd.ready(listens(l.path("buildkitd.sock"))); err != nil {
		return err
	}
	engine, err := l.startEngine(l.kind)
	if err != nil {
		return err
	}
	return engine.ready(answers("unix", l.path("engine.sock"), "/_ping"))
}

// restart ends the engine and, with the containerd store, its containerd, and starts them again on what they stored.
func (l *lab) restart() error {
	l.stop()
	if len(l.daemons) > 0 {
		for _, d := range l.daemons {
			_ = syscall.Kill(d.cmd.Process.Pid, syscall.SIGKILL)
		}
		return fmt.Errorf("%d daemons did not end", len(l.daemons))
	}
	time.Sleep(50 * time.Millisecond)
	return l.boot()
}

func (l *lab) host() string { return "unix://" + l.path("engine.sock") }
