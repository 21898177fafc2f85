//go:build e2e

package lab

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/flags"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// These tests need root, runc and what make packages unpacks.

// testDir is a folder with a short path, for sockets.
func testDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lab") //nolint:usetesting // t.TempDir has the name of the test in its path
	assert.NilError(t, err)
	t.Cleanup(func() { assert.Check(t, os.RemoveAll(dir)) })
	return dir
}

// newOptions are those of a lab in a folder of the test, for a user without an engine.
func newOptions(t *testing.T, dir string) Options {
	t.Helper()
	assert.Equal(t, os.Geteuid(), 0, "these tests need root")
	t.Setenv(asEnv, "serve") // for the daemon
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, "docker"))
	t.Setenv("BUILDX_CONFIG", filepath.Join(dir, "docker", "buildx"))
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "docker", "buildx"), 0o700))
	t.Setenv("DOCKER_HOST", "unix:///nonexistent.sock")
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	o, err := optionsIn(dir)
	assert.NilError(t, err)
	o.Notices = t.Output()
	return o
}

func optionsIn(dir string) (Options, error) {
	self, err := os.Executable()
	if err != nil {
		return Options{}, err
	}
	cli, err := command.NewDockerCli(command.WithCombinedStreams(io.Discard))
	if err != nil {
		return Options{}, err
	}
	return Options{
		ID: "s1", Dir: filepath.Join(dir, "labs"), Project: "shop", CLI: cli, ProjectDir: dir,
		ConfigDir: filepath.Join(dir, "buildx"), Daemon: []string{self},
	}, cli.Initialize(flags.NewClientOptions())
}

// newPlan is a plan of one service, of a Dockerfile in a folder that has a file too.
func newPlan(t *testing.T, dockerfile, content string) *targets.Plan {
	t.Helper()
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "file"), []byte(content), 0o644))
	return planOf(dir)
}

// planOf is a plan of the service in a folder.
func planOf(dir string) *targets.Plan {
	return &targets.Plan{Project: "shop", Dir: dir, Targets: []targets.Target{{
		Service: "web", Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile"), Tags: []string{"shop-web"}, Build: compose.Build{},
	}}}
}

// build builds a plan and returns how many of its steps were cached.
func build(ctx context.Context, b *buildx.Builder, p *targets.Plan) (cached, total int, sources []steps.Source, err error) {
	found := make(chan steps.Source, 10)
	r, err := b.Build(ctx, p, buildx.BuildOptions{
		Outputs: buildx.Outputs{Specs: []string{"type=cacheonly"}}, Progress: "quiet", Out: io.Discard, Notices: io.Discard,
		Graph: func(s steps.Source) { found <- s },
	})
	close(found)
	for s := range found {
		sources = append(sources, s)
	}
	if r != nil {
		for _, s := range r.Steps {
			total++
			if s.Cached {
				cached++
			}
		}
	}
	return cached, total, sources, err
}

func mustBuild(t *testing.T, b *buildx.Builder, p *targets.Plan) (cached, total int) {
	t.Helper()
	cached, total, _, err := build(t.Context(), b, p)
	assert.NilError(t, err)
	return cached, total
}

// registry serves one image with a static busybox, and counts what is fetched of its layer. At /hold it tells that it was asked
// and answers when it may.
type registry struct {
	url, image    string
	pulls         atomic.Int32
	asked, answer chan struct{}
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	busybox, err := os.ReadFile("../../bin/debian/bin/busybox")
	assert.NilError(t, err, "make packages unpacks it")
	var layer, plain bytes.Buffer
	tw := tar.NewWriter(&plain)
	assert.NilError(t, tw.WriteHeader(&tar.Header{Name: "bin/busybox", Mode: 0o755, Size: int64(len(busybox))}))
	_, err = tw.Write(busybox)
	assert.NilError(t, err)
	assert.NilError(t, tw.WriteHeader(&tar.Header{Name: "bin/sh", Typeflag: tar.TypeSymlink, Linkname: "busybox"}))
	assert.NilError(t, tw.Close())
	gz := gzip.NewWriter(&layer)
	_, err = gz.Write(plain.Bytes())
	assert.NilError(t, err)
	assert.NilError(t, gz.Close())

	blobs := map[string][]byte{}
	add := func(content []byte) map[string]any {
		d := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
		blobs[d] = content
		return map[string]any{"digest": d, "size": len(content)}
	}
	typed := func(d map[string]any, mediaType string) map[string]any {
		d["mediaType"] = mediaType
		return d
	}
	marshal := func(v any) []byte {
		text, err := json.Marshal(v)
		assert.NilError(t, err)
		return text
	}
	l := typed(add(layer.Bytes()), "application/vnd.oci.image.layer.v1.tar+gzip")
	config := typed(add(marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{"Env": []string{"PATH=/bin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(plain.Bytes()))}},
	})), "application/vnd.oci.image.config.v1+json")
	const manifestType = "application/vnd.oci.image.manifest.v1+json"
	manifest := marshal(map[string]any{"schemaVersion": 2, "mediaType": manifestType, "config": config, "layers": []any{l}})
	top := add(manifest)

	r := &registry{asked: make(chan struct{}, 1), answer: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name := req.URL.Path[strings.LastIndex(req.URL.Path, "/")+1:]
		if strings.Contains(req.URL.Path, "/manifests/") {
			w.Header().Set("Content-Type", manifestType)
			w.Header().Set("Docker-Content-Digest", top["digest"].(string))
			_, _ = w.Write(manifest)
			return
		}
		if content, ok := blobs[name]; ok {
			if name == l["digest"] && req.Method == http.MethodGet {
				r.pulls.Add(1)
			}
			_, _ = w.Write(content)
			return
		}
		switch req.URL.Path {
		case "/v2/":
		case "/hold":
			r.asked <- struct{}{}
			<-r.answer
		default:
			http.NotFound(w, req)
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	r.image = strings.TrimPrefix(server.URL, "http://") + "/base:1"
	return r
}
