package embedded

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/buildkit/cmd/buildkitd/config"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		i := newIdle(time.Minute)
		assert.NilError(t, i.begin()) // a session …
		time.Sleep(time.Hour)
		assert.NilError(t, i.begin()) // … and a call in it
		i.end()
		time.Sleep(time.Hour)
		i.end()
		time.Sleep(30 * time.Second)
		assert.NilError(t, i.begin())
		i.end()
		<-i.done
		assert.Equal(t, time.Since(began), 2*time.Hour+90*time.Second)
		assert.ErrorContains(t, i.begin(), "about to end")
	})
}

func TestIdleNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIdle(0)
		assert.NilError(t, i.begin())
		i.end()
		time.Sleep(1000 * time.Hour)
		assert.NilError(t, i.begin())
	})
}

func TestDaemonEnv(t *testing.T) {
	o := Options{Root: "/r", Socket: "/s/d.sock", Idle: time.Minute}
	env := []string{"PATH=/bin", "HTTPS_PROXY=p", EnvRoot + "=old", "DOCKER_CLI_PLUGIN_SOCKET=@x", "NOTIFY_SOCKET=n"}
	assert.DeepEqual(t, daemonEnv(o, env), []string{
		EnvConfig + "=", EnvIdle + "=1m0s", EnvRoot + "=/r", EnvSocket + "=/s/d.sock",
		"HTTPS_PROXY=p", "PATH=/bin:/usr/local/sbin:/usr/sbin:/sbin", "TMPDIR=/r/tmp", "XDG_RUNTIME_DIR=/s",
	})
	assert.Check(t, is.Contains(daemonEnv(o, []string{"XDG_RUNTIME_DIR=/run/user/1"}), "XDG_RUNTIME_DIR=/run/user/1"))
}

func TestRootlessKit(t *testing.T) {
	o := Options{Root: "/r"}
	args := rootlessKit("/bin/rk", o, true)
	assert.DeepEqual(t, args, []string{"/bin/rk", "--net=host", "--propagation=rslave", "--state-dir=/r/rootlesskit"})
	assert.DeepEqual(t, rootlessKit("/bin/rk", o, false), append(args, "--pidns"))
}

func TestHidesProc(t *testing.T) {
	const host = `22 27 0:20 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw
30 22 0:26 / /proc/sys/fs/binfmt_misc rw,relatime shared:9 - autofs systemd-1 rw
`
	assert.Equal(t, hidesProc(host), false)
	assert.Equal(t, hidesProc(host+"31 22 0:5 /null /proc/kcore rw,nosuid - devtmpfs udev rw\n"), true)
}

func TestZombies(t *testing.T) {
	proc := t.TempDir()
	for pid, stat := range map[string]string{
		"1": "1 (d) S 0 1", "7": "7 (git) Z 1 7", "8": "8 (a) Z 1) S 1 8", "9": "9 (x) Z 7 9", "self": "5 (x) Z 1 5",
	} {
		dir := filepath.Join(proc, pid)
		assert.NilError(t, os.Mkdir(dir, 0o700))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, "stat"), []byte(stat+"\n"), 0o600))
	}
	assert.DeepEqual(t, zombies(proc), []int{7})
}

func TestLoadConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "buildkitd.toml")
	assert.NilError(t, os.WriteFile(path, []byte(`
root = "/not/this"
insecure-entitlements = ["security.insecure"]
[grpc]
address = ["tcp://0.0.0.0:1234"]
[worker.oci]
max-parallelism = 4
reservedSpace = "1GB"
[registry."docker.io"]
mirrors = ["mirror.example"]
`), 0o600))
	cfg, err := loadConfig(Options{Root: "/r", Config: path})
	assert.NilError(t, err)
	assert.Equal(t, cfg.Root, "/r")
	assert.DeepEqual(t, cfg.Entitlements, []string{"security.insecure", "network.host"})
	assert.DeepEqual(t, cfg.Registries["docker.io"].Mirrors, []string{"mirror.example"})
	assert.Equal(t, cfg.Workers.OCI.MaxParallelism, 4)
	assert.Equal(t, cfg.Workers.OCI.Snapshotter, "auto")

	assert.NilError(t, os.WriteFile(path, []byte("nonsense"), 0o600))
	_, err = loadConfig(Options{Root: "/r", Config: path})
	assert.ErrorContains(t, err, path)
	_, err = loadConfig(Options{Root: "/r", Config: path + ".absent"})
	assert.Assert(t, is.ErrorIs(err, os.ErrNotExist))
}

func TestGCPolicy(t *testing.T) {
	off := false
	assert.Equal(t, len(gcPolicy(config.GCConfig{GC: &off}, "/")), 0)
	assert.Equal(t, len(gcPolicy(config.GCConfig{}, "/")), 4)
	rules := gcPolicy(config.GCConfig{GCPolicy: []config.GCPolicy{{KeepBytes: config.DiskSpace{Bytes: 7}}}}, "/")
	assert.Equal(t, rules[0].ReservedSpace, int64(7))
}

func TestWorkerPlatforms(t *testing.T) {
	own, err := workerPlatforms(nil)
	assert.NilError(t, err)
	assert.Assert(t, len(own) > 0)
	two, err := workerPlatforms([]string{"linux/amd64", "linux/arm64/v8"})
	assert.NilError(t, err)
	assert.Equal(t, two[1].Architecture, "arm64")
	_, err = workerPlatforms([]string{"a/b/c/d"})
	assert.ErrorContains(t, err, `platform "a/b/c/d"`)
}

func TestSnapshotterNames(t *testing.T) {
	_, err := newSnapshotter("zfs", t.TempDir())
	assert.ErrorContains(t, err, "it has overlayfs, native")
	f, err := newSnapshotter("auto", t.TempDir())
	assert.NilError(t, err)
	assert.Assert(t, f.Name == "overlayfs" || f.Name == "native")
}
