//go:build e2e

package buildx_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/flags"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// These tests need root, runc, and what make tools and make packages make.

// world is a BuildKit, a registry with one image, and a project.
type world struct {
	t     testing.TB
	dir   string
	image string
	// ran is told of every command that a step runs.
	ran *atomic.Int32
	// stop stops BuildKit.
	stop    func()
	builder *buildx.Builder
	live    *buildx.Live
}

// newWorld starts a BuildKit with nothing in it.
func newWorld(t testing.TB) *world {
	t.Helper()
	assert.Equal(t, os.Geteuid(), 0, "these tests need root")
	dir, err := os.MkdirTemp("", "touch") //nolint:usetesting // t.TempDir has the name of the test in its path, too long for a socket
	assert.NilError(t, err)
	t.Cleanup(func() { assert.Check(t, os.RemoveAll(dir)) })
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, "docker"))
	t.Setenv("BUILDX_CONFIG", filepath.Join(dir, "docker", "buildx"))
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "docker", "buildx"), 0o700))
	t.Setenv("DOCKER_HOST", "unix:///nonexistent.sock")
	w := &world{t: t, dir: filepath.Join(dir, "project"), ran: &atomic.Int32{}}
	w.image = serveImage(t, w.ran)
	if host := os.Getenv("ENGINE_HOST"); host != "" {
		t.Setenv("DOCKER_HOST", host)
		w.open("default")
		return w
	}
	w.stop = startBuildKit(t, dir)
	out, err := exec.Command("../../bin/tools/cli-plugins/docker-buildx", "create", "--name", "touch", "--driver", "remote", "unix://"+dir+"/d.sock").CombinedOutput()
	assert.NilError(t, err, "%s\nhint: make tools", out)
	w.open("touch")
	return w
}

// isEngine tells whether an engine of package e2e's world builds: its steps reach no network.
func (w *world) isEngine() bool { return os.Getenv("ENGINE_HOST") != "" }

// open makes a builder the one that is used.
func (w *world) open(name string) {
	w.t.Helper()
	cli, err := command.NewDockerCli(command.WithCombinedStreams(io.Discard))
	assert.NilError(w.t, err)
	assert.NilError(w.t, cli.Initialize(flags.NewClientOptions()))
	assert.NilError(w.t, os.MkdirAll(w.dir, 0o755))
	w.builder, err = buildx.Open(w.t.Context(), cli, buildx.OpenOptions{Name: name, Dir: w.dir, Notices: w.t.Output()})
	assert.NilError(w.t, err)
	w.live, err = w.builder.Live(w.t.Context())
	assert.NilError(w.t, err)
}

// restart starts BuildKit anew, with the cache that it had.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.stop = startBuildKit(w.t, filepath.Dir(w.dir))
	w.open("touch")
}

func startBuildKit(t testing.TB, dir string) (stop func()) {
	t.Helper()
	assert.NilError(t, os.WriteFile(dir+"/buildkitd.toml", fmt.Appendf(nil, `
debug = false
root = %q
[grpc]
  address = [%q]
[worker.oci]
  networkMode = "host"
  gc = false
[worker.containerd]
  enabled = false
`, dir+"/root", "unix://"+dir+"/d.sock"), 0o600))
	log, err := os.Create(dir + "/log")
	assert.NilError(t, err)
	cmd := exec.Command("../../bin/tools/buildkitd", "--config", dir+"/buildkitd.toml")
	cmd.Stdout, cmd.Stderr = log, log
	assert.NilError(t, cmd.Start())
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // it says that it was interrupted
		log.Close()
		_ = os.Remove(dir + "/d.sock")
	})
	t.Cleanup(stop)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("unix", dir+"/d.sock"); err == nil {
			c.Close()
			return stop
		}
		assert.Assert(t, time.Now().Before(deadline), "buildkitd does not answer")
	}
}

// serveImage is a registry of one image: a static busybox in one layer, and an empty file in another. It counts who asks for
// /ran.
func serveImage(t testing.TB, ran *atomic.Int32) string {
	t.Helper()
	busybox, err := os.ReadFile("../../bin/debian/bin/busybox")
	assert.NilError(t, err, "make packages unpacks it")
	blobs := map[string][]byte{}
	add := func(mediaType string, content []byte) map[string]any {
		d := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
		blobs[d] = content
		return map[string]any{"digest": d, "size": len(content), "mediaType": mediaType}
	}
	marshal := func(v any) []byte {
		text, err := json.Marshal(v)
		assert.NilError(t, err)
		return text
	}
	var layers, ids []any
	for _, files := range [][]tar.Header{
		{{Name: "bin/busybox", Mode: 0o755, Size: int64(len(busybox))}, {Name: "bin/sh", Typeflag: tar.TypeSymlink, Linkname: "busybox"}},
		{{Name: "etc/empty", Mode: 0o644}},
	} {
		var plain, packed bytes.Buffer
		tw := tar.NewWriter(&plain)
		for _, h := range files {
			assert.NilError(t, tw.WriteHeader(&h))
			if h.Size > 0 {
				_, err = tw.Write(busybox)
				assert.NilError(t, err)
			}
		}
		assert.NilError(t, tw.Close())
		gz := gzip.NewWriter(&packed)
		_, err = gz.Write(plain.Bytes())
		assert.NilError(t, err)
		assert.NilError(t, gz.Close())
		layers = append(layers, add("application/vnd.oci.image.layer.v1.tar+gzip", packed.Bytes()))
		ids = append(ids, fmt.Sprintf("sha256:%x", sha256.Sum256(plain.Bytes())))
	}
	config := marshal(map[string]any{
		"architecture": "amd64", "os": "linux",
		"config": map[string]any{"Env": []string{"PATH=/bin"}, "OnBuild": []string{"RUN echo onbuild >/onbuild"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": ids},
	})
	plain := bytes.ReplaceAll(config, []byte(`"OnBuild":["RUN echo onbuild \u003e/onbuild"],`), nil)
	plain = bytes.ReplaceAll(plain, []byte(`,"OnBuild":["RUN echo onbuild \u003e/onbuild"]`), nil)
	assert.Assert(t, len(plain) < len(config))
	const manifestType = "application/vnd.oci.image.manifest.v1+json"
	manifests := map[string][]byte{}
	for tag, c := range map[string][]byte{"1": plain, "onbuild": config} {
		manifests[tag] = marshal(map[string]any{
			"schemaVersion": 2, "mediaType": manifestType, "config": add("application/vnd.oci.image.config.v1+json", c), "layers": layers,
		})
		d := fmt.Sprintf("sha256:%x", sha256.Sum256(manifests[tag]))
		manifests[d] = manifests[tag]
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name := req.URL.Path[strings.LastIndex(req.URL.Path, "/")+1:]
		if m, ok := manifests[name]; ok && strings.Contains(req.URL.Path, "/manifests/") {
			w.Header().Set("Content-Type", manifestType)
			w.Header().Set("Docker-Content-Digest", fmt.Sprintf("sha256:%x", sha256.Sum256(m)))
			_, _ = w.Write(m)
			return
		}
		if content, ok := blobs[name]; ok {
			_, _ = w.Write(content)
		} else if name == "ran" {
			ran.Add(1)
		} else if req.URL.Path != "/v2/" {
			http.NotFound(w, req)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/base:1"
}

var runs = regexp.MustCompile(`(?m)^(RUN (--\S+ )*)`)

// write writes files of the project. In a Dockerfile "@" is the image, and "RUN " tells the registry that it runs.
func (w *world) write(files map[string]string) {
	w.t.Helper()
	for name, text := range files {
		if strings.HasSuffix(name, "Dockerfile") {
			text = strings.ReplaceAll(text, "@", w.image)
			host, _, _ := strings.Cut(w.image, "/")
			text = runs.ReplaceAllString(text, "${1}busybox wget -q -O /dev/null http://"+host+"/ran; ")
		}
		path := filepath.Join(w.dir, name)
		assert.NilError(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(w.t, os.WriteFile(path, []byte(text), 0o644))
	}
}

// plan is a plan of services, each in the folder of its name.
func (w *world) plan(services ...string) *targets.Plan {
	p := &targets.Plan{Project: "shop", Dir: w.dir}
	for _, s := range services {
		dir := filepath.Join(w.dir, s)
		p.Targets = append(p.Targets, targets.Target{
			Service: s, Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile"), Tags: []string{"shop-" + s}, Build: compose.Build{},
		})
	}
	return p
}

// build builds a plan and returns how many of its steps ran.
func (w *world) build(p *targets.Plan) int {
	w.t.Helper()
	r, err := w.builder.Build(w.t.Context(), p, buildx.BuildOptions{
		Outputs: buildx.Outputs{Specs: []string{"type=cacheonly"}}, Progress: "quiet", Out: io.Discard, Notices: io.Discard,
	})
	assert.NilError(w.t, err)
	ran := 0
	for _, s := range r.Steps {
		if !s.Cached && s.Name != "" && strings.HasPrefix(s.Name, "[") {
			ran++
		}
	}
	return ran
}

// sources are the graphs of a plan.
func (w *world) sources(p *targets.Plan) []steps.Source {
	w.t.Helper()
	out, err := w.live.Graphs(w.t.Context(), p, buildx.Asking{})
	assert.NilError(w.t, err)
	for _, s := range out {
		assert.Equal(w.t, s.Unknown, "")
	}
	return out
}

func (w *world) records() map[string]buildx.CacheRecord {
	w.t.Helper()
	list, err := w.live.CacheRecords(context.WithoutCancel(w.t.Context()))
	assert.NilError(w.t, err)
	out := map[string]buildx.CacheRecord{}
	for _, r := range list {
		out[r.ID] = r
	}
	return out
}

// settled are the records once nothing holds a copy of a local folder: while a build that has just ended still lets go of one,
// BuildKit lists it by its snapshot, under another ID and as a step's result (cache/manager.go, DiskUsage).
func (w *world) settled() map[string]buildx.CacheRecord {
	w.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		records, held := w.records(), false
		for _, r := range records {
			held = held || r.Type == buildx.RegularRecord && strings.HasPrefix(r.Description, "local source for ")
		}
		if !held || time.Now().After(deadline) {
			return records
		}
	}
}
