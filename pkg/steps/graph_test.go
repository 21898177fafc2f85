package steps

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
)

// stub answers every question for an image with the same configuration.
type stub struct{}

const stubDigest = digest.Digest("sha256:0123456789012345678901234567890123456789012345678901234567890123")

func (stub) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, stubDigest, []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:1"]},"config":{"Env":["PATH=/bin"]}}`), nil
}

func (stub) ResolveSourceMetadata(context.Context, *pb.SourceOp, sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return nil, os.ErrInvalid
}

// project is a folder with a Dockerfile.
type project struct {
	t     testing.TB
	dir   string
	attrs map[string]string
	store string
	// later is by how much the clock is ahead of the file system's.
	later time.Duration
}

func newProject(t testing.TB, files map[string]string) *project {
	t.Helper()
	p := &project{t: t, dir: t.TempDir(), attrs: map[string]string{}}
	for name, text := range files {
		p.write(name, text)
	}
	return p
}

func (p *project) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	assert.NilError(p.t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NilError(p.t, os.WriteFile(path, []byte(text), 0o644))
}

func (p *project) graph() *Graph {
	p.t.Helper()
	res, err := frontend.Convert(context.Background(), frontend.Request{
		Attrs: p.attrs, Builder: frontend.Unknown(), Images: stub{},
		Read: func(_, file string) ([]byte, error) { return frontend.ReadFile(p.dir, file) },
	})
	assert.NilError(p.t, err)
	disk := NewDisk(p.store)
	disk.now = disk.now.Add(p.later)
	g, err := New(context.Background(), Source{
		Service: "web", Definition: res.Graphs[0].Definition, Image: res.Graphs[0].Image,
		Folders: map[string]string{"context": p.dir}, Dockerfile: filepath.Join(p.dir, "Dockerfile"),
	}, NewContents(disk), Rules{})
	assert.NilError(p.t, err)
	assert.NilError(p.t, disk.Close())
	return g
}

// changed names the steps whose keys are others than before.
func changed(before, after *Graph) []string {
	old := map[string]bool{}
	for _, s := range before.Steps {
		old[s.Key] = true
	}
	out := []string{}
	for _, s := range after.Steps {
		if !old[s.Key] {
			out = append(out, s.Name)
		}
	}
	return out
}

var small = map[string]string{
	"Dockerfile": `FROM busybox AS deps
WORKDIR /srv
COPY list.txt ./
RUN --mount=type=cache,target=/cache cat list.txt
FROM deps
ARG VERSION=1
COPY src src
RUN --mount=type=bind,source=tool,target=/tool /tool/run
CMD ["run"]
`,
	"list.txt": "a\nb\n", "src/a/b.txt": "b", "src/c.txt": "c", "tool/run": "#!", ".dockerignore": "*.md\n", "README.md": "x",
}

func TestSteps(t *testing.T) {
	p := newProject(t, small)
	g := p.graph()
	var names []string
	for _, s := range g.Steps {
		assert.Equal(t, s.Unknown, "")
		assert.Equal(t, len(s.Key), 64)
		names = append(names, s.Stage+": "+s.Name)
	}
	assert.DeepEqual(t, names, []string{
		"deps: [deps 1/4] FROM docker.io/library/busybox:latest@" + stubDigest.String(),
		"deps: [deps 2/4] WORKDIR /srv",
		"deps: [deps 3/4] COPY list.txt ./",
		"deps: [deps 4/4] RUN --mount=type=cache,target=/cache cat list.txt",
		"stage-1: [stage-1 1/2] COPY src src",
		"stage-1: [stage-1 2/2] RUN --mount=type=bind,source=tool,target=/tool /tool/run",
	})
	copying := &g.Steps[4]
	assert.Equal(t, copying.Line, 7)
	assert.DeepEqual(t, copying.Inputs, []string{g.Steps[3].Digest})
	copying.LoadTakes()
	var paths []string
	for _, f := range copying.Takes {
		paths = append(paths, f.Path)
	}
	assert.DeepEqual(t, paths, []string{"src", "src/a", "src/a/b.txt", "src/c.txt"})
	assert.DeepEqual(t, g.Steps[3].Mounts, []Mount{{ID: "//cache", Target: "/cache", Sharing: "shared"}})
	assert.Equal(t, g.Steps[5].Env["VERSION"], "1")
}

func TestKeysFollowWhatBuildKitCompares(t *testing.T) {
	run := "[stage-1 2/2] RUN --mount=type=bind,source=tool,target=/tool /tool/run"
	dockerfile := small["Dockerfile"]
	for _, tc := range []struct {
		name  string
		write map[string]string
		do    func(p *project)
		want  []string
	}{
		{name: "nothing", want: []string{}},
		{name: "ignored file", write: map[string]string{"README.md": "y"}, want: []string{}},
		{name: "file that nothing takes", write: map[string]string{"other": "y"}, want: []string{}},
		{name: "source", write: map[string]string{"src/a/b.txt": "new"}, want: []string{"[stage-1 1/2] COPY src src", run}},
		{name: "bind mount", write: map[string]string{"tool/run": "new"}, want: []string{run}},
		{name: "argument", do: func(p *project) { p.attrs["build-arg:VERSION"] = "2" }, want: []string{run}},
		{name: "comment", write: map[string]string{"Dockerfile": "# hello\n" + dockerfile}, want: []string{}},
		{name: "configuration", write: map[string]string{"Dockerfile": dockerfile + "LABEL a=b\n"}, want: []string{}},
		{name: "times", do: func(p *project) { touch(p.t, filepath.Join(p.dir, "src/c.txt")) }, want: []string{}},
		{
			name: "permissions", do: func(p *project) { assert.NilError(p.t, os.Chmod(filepath.Join(p.dir, "src/c.txt"), 0o664)) },
			want: []string{"[stage-1 1/2] COPY src src", run},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProject(t, small)
			before := p.graph()
			for name, text := range tc.write {
				p.write(name, text)
			}
			if tc.do != nil {
				tc.do(p)
			}
			after := p.graph()
			assert.DeepEqual(t, changed(before, after), tc.want)
			if tc.name == "configuration" {
				assert.Assert(t, before.Key != after.Key)
			}
		})
	}
}

func touch(t testing.TB, path string) {
	t.Helper()
	info, err := os.Stat(path)
	assert.NilError(t, err)
	assert.NilError(t, os.Chtimes(path, info.ModTime().Add(1e9), info.ModTime().Add(1e9)))
}
