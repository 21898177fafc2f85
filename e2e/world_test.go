//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// world is what all scripts share: a registry that stands in for Docker Hub, a BuildKit, an old engine, and a new one with containerd's image
// store.
type world struct {
	dir, bin string
	registry string // host:port
	daemons  []*daemon
}

type daemon struct {
	cmd *exec.Cmd
	log string
}

func (w *world) env() []string {
	return []string{
		"E2E_DIR=" + w.dir,
		"E2E_BIN=" + w.bin,
		"REGISTRY=" + w.registry,
		"BUILDKIT_ADDR=unix://" + w.path("buildkitd.sock"),
		"BUILDKITD_CONFIG=" + w.path("container.toml"),
		"ENGINE_HOST=unix://" + w.path("engine.sock"),
		"CONTAINERD_ENGINE_HOST=unix://" + w.path("store/engine.sock"),
	}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) start() error {
	var err error
	if w.bin, err = filepath.Abs("../bin"); err != nil {
		return err
	}
	for _, tool := range []string{"docker-catmandu", "tools/buildkitd", "tools/engine/dockerd", "debian/usr/sbin/dockerd"} {
		if _, err := os.Stat(filepath.Join(w.bin, tool)); err != nil {
			return fmt.Errorf("%w\nhint: make e2e builds and fetches what is missing", err)
		}
	}
	if w.registry, err = freeAddress(); err != nil {
		return err
	}
	if err := w.writeConfigs(); err != nil {
		return err
	}
	if err := w.wrapRunc(); err != nil {
		return err
	}
	if err := w.addUser(); err != nil {
		return err
	}
	registry, err := w.run("debian/usr/bin/docker-registry", "serve", w.path("registry.yaml"))
	if err != nil {
		return err
	}
	buildkitd, err := w.run("tools/buildkitd", "--config", w.path("buildkitd.toml"))
	if err != nil {
		return err
	}
	engine, err := w.startEngine(graphDriver)
	if err != nil {
		return err
	}
	if err := registry.ready(answers("tcp", w.registry, "/v2/")); err != nil {
		return err
	}
	if err := w.fillRegistry(); err != nil {
		return err
	}
	if err := buildkitd.ready(listens(w.path("buildkitd.sock"))); err != nil {
		return err
	}
	store, err := w.startStore()
	if err != nil {
		return err
	}
	return errors.Join(
		engine.ready(answers("unix", w.path("engine.sock"), "/_ping")),
		store.ready(answers("unix", w.path("store/engine.sock"), "/_ping")))
}

// writeConfigs configures what scripts share. BuildKit and engine collect no garbage: bench fails when records are gone that were there
// before, whoever removed them.
func (w *world) writeConfigs() error {
	mirrors := fmt.Sprintf(`
[registry."docker.io"]
  mirrors = [%q]
[registry.%[1]q]
  http = true
`, w.registry)
	return errors.Join(
		os.WriteFile(w.path("registry.yaml"), fmt.Appendf(nil, `
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}
http: {addr: %q}
`, w.path("registry"), w.registry), 0o600),
		os.WriteFile(w.path("buildkitd.toml"), fmt.Appendf(nil, `
root = %q
[grpc]
  address = ["unix://%s"]
[worker.oci]
  networkMode = "host"
  gc = false
[worker.containerd]
  enabled = false
%s`, w.path("buildkitd"), w.path("buildkitd.sock"), mirrors), 0o600),
		os.WriteFile(w.path("container.toml"), []byte(mirrors), 0o600),
		os.WriteFile(w.path("engine.json"), []byte(`{"builder": {"gc": {"enabled": false}}}`), 0o600),
	)
}

// wrapRunc puts a runc before the real one. A new engine asks for a time namespace, which Debian's runc does not know.
// And where a machine withholds CAP_SYS_RESOURCE, an engine as old as ours gives a privileged container every
// capability that the kernel knows, which runc then refuses.
func (w *world) wrapRunc() error {
	runc, err := exec.LookPath("runc")
	if err != nil {
		return err
	}
	const sysResource = 24
	has, err := bounded(sysResource)
	if err != nil {
		return err
	}
	edit := `s/,{"type":"time"}//g;s/{"type":"time"},//g`
	if !has {
		edit += `;s/"CAP_SYS_RESOURCE",//g`
	}
	return errors.Join(os.Mkdir(w.path("path"), 0o755), os.WriteFile(w.path("path/runc"), fmt.Appendf(nil, `#!/bin/sh
for argument; do
	case $last in
	--bundle) sed -i '%[2]s' "$argument/config.json" ;;
	--process) sed -i '%[2]s' "$argument" ;;
	esac
	last=$argument
done
exec %[1]s "$@"
`, runc, edit), 0o755))
}

// addUser makes the unprivileged user "e2e" with subordinate IDs, for this mount namespace only: useradd would replace
// files of the machine, so changed copies are mounted over them.
func (w *world) addUser() error {
	for name, line := range map[string]string{
		"passwd": "e2e:x:54321:54321::/:/bin/sh",
		"group":  "e2e:x:54321:",
		"subuid": "e2e:543210000:65536",
		"subgid": "e2e:543210000:65536",
	} {
		path := filepath.Join("/etc", name)
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%w\nhint: make e2e installs uidmap", err)
		}
		if err := os.WriteFile(w.path(name), append(content, line+"\n"...), 0o644); err != nil {
			return err
		}
		if err := syscall.Mount(w.path(name), path, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// bounded tells whether a capability is in the bounding set.
func bounded(capability int) (bool, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false, err
	}
	_, rest, _ := strings.Cut(string(status), "CapBnd:")
	set, err := strconv.ParseUint(strings.Fields(rest)[0], 16, 64)
	return set>>capability&1 == 1, err
}

// run starts a daemon.
func (w *world) run(program string, args ...string) (*daemon, error) {
	log, err := os.Create(w.path(filepath.Base(program) + ".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(w.bin, program), args...)
	path := []string{w.path("path"), filepath.Dir(cmd.Path), w.bin + "/debian/usr/sbin", w.bin + "/debian/usr/bin", os.Getenv("PATH")}
	cmd.Env = append(os.Environ(), "PATH="+strings.Join(path, ":"))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C at a terminal is not for daemons
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &daemon{cmd: cmd, log: log.Name()}
	w.daemons = append(w.daemons, d)
	return d, nil
}

// ready waits until the daemon answers; when it ends instead, the error is what it wrote.
func (d *daemon) ready(answers func() bool) error {
	name := filepath.Base(d.cmd.Path)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if answers() {
			return nil
		}
		if d.ended() {
			log, _ := os.ReadFile(d.log)
			return fmt.Errorf("%s ended: %s", name, bytes.TrimSpace(log))
		}
	}
	return fmt.Errorf("%s does not answer", name)
}

func (d *daemon) ended() bool {
	pid, err := syscall.Wait4(d.cmd.Process.Pid, nil, syscall.WNOHANG, nil)
	return pid != 0 || err != nil
}

// stop lets the daemons end by themselves, so that nothing of them stays in cgroups, but not for long.
func (w *world) stop() {
	for _, d := range w.daemons {
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		w.daemons = slices.DeleteFunc(w.daemons, (*daemon).ended)
		if len(w.daemons) == 0 {
			return
		}
	}
}

// answers tells whether an HTTP server is there.
func answers(network, address, path string) func() bool {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
	return func() bool {
		response, err := client.Get("http://localhost" + path)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	}
}

func listens(socket string) func() bool {
	return func() bool {
		c, err := net.Dial("unix", socket)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// libraries lists the shared libraries of a program with their paths.
func libraries(program string) ([]string, error) {
	out, err := exec.Command("ldd", program).Output()
	if err != nil {
		return nil, fmt.Errorf("ldd %s: %w", program, err)
	}
	var paths []string
	for _, field := range strings.Fields(string(out)) {
		if strings.HasPrefix(field, "/") {
			paths = append(paths, field)
		}
	}
	return paths, nil
}
