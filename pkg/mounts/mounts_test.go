package mounts

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// images answers every question for an image alike.
type images struct{}

func (images) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, digest.FromString(ref), []byte(`{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"]}}`), nil
}

func (images) ResolveSourceMetadata(context.Context, *pb.SourceOp, sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	return nil, os.ErrInvalid
}

// find is what the Dockerfile in a folder has; files is its context.
func find(t *testing.T, services map[string]map[string]string, attrs map[string]string) []Mount {
	t.Helper()
	var sources []steps.Source
	var graphs []*steps.Graph
	for name, files := range services {
		dir := t.TempDir()
		for file, text := range files {
			assert.NilError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755))
			assert.NilError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
		}
		res, err := frontend.Convert(t.Context(), frontend.Request{
			Attrs: attrs, Builder: frontend.Unknown(), Images: images{},
			Read: func(_, file string) ([]byte, error) { return frontend.ReadFile(dir, file) },
		})
		assert.NilError(t, err)
		contents := steps.NewContents(steps.NewDisk(""))
		for _, g := range res.Graphs {
			s := steps.Source{
				Service: name, Platform: g.Platform, Definition: g.Definition, Folders: map[string]string{"context": dir},
				Dockerfile: filepath.Join(dir, "Dockerfile"),
			}
			steps, err := steps.New(t.Context(), s, contents, steps.Rules{})
			assert.NilError(t, err)
			sources, graphs = append(sources, s), append(graphs, steps)
		}
	}
	found, err := New(sources, graphs, "linux/amd64")
	assert.NilError(t, err)
	return found
}

func one(t *testing.T, files map[string]string) Mount {
	t.Helper()
	found := find(t, map[string]map[string]string{"web": files}, nil)
	assert.Equal(t, len(found), 1)
	return found[0]
}

func TestMounts(t *testing.T) {
	for name, test := range map[string]struct {
		run  string
		want Mount
	}{
		"default": {
			"--mount=type=cache,target=/root/.npm true",
			Mount{ID: "//root/.npm", Target: "/root/.npm", Sharing: []string{"shared"}},
		},
		"an ID": {
			"--mount=type=cache,id=npm,target=/root/.npm,sharing=locked true",
			Mount{ID: "/npm", Target: "/root/.npm", Sharing: []string{"locked"}},
		},
		"an owner": {
			"--mount=type=cache,target=/c,uid=1000,gid=100,mode=0750 true",
			Mount{ID: "//c", Target: "/c", Sharing: []string{"shared"}, On: "owner 1000:100 mode 0750", Selector: "/cache"},
		},
		"permissions": {
			"--mount=type=cache,target=/c,mode=0700,sharing=private true",
			Mount{ID: "//c", Target: "/c", Sharing: []string{"private"}, On: "owner 0:0 mode 0700", Selector: "/cache"},
		},
		"a relative target": {
			"--mount=type=cache,target=cache true",
			Mount{ID: "/cache", Target: "/app/cache", Sharing: []string{"shared"}},
		},
		"several steps": {
			"--mount=type=cache,id=x,target=/a true\nRUN --mount=type=cache,id=x,target=/b,sharing=locked true",
			Mount{ID: "/x", Target: "/a", Sharing: []string{"locked", "shared"}},
		},
		"beside others": {
			"--mount=type=secret,id=s --mount=type=tmpfs,target=/t --mount=type=bind,target=/src --mount=type=cache,target=/c true",
			Mount{ID: "//c", Target: "/c", Sharing: []string{"shared"}},
		},
	} {
		m := one(t, map[string]string{"Dockerfile": "FROM base\nWORKDIR /app\nRUN " + test.run + "\n"})
		test.want.Platforms, test.want.Services, test.want.Locks = []string{"linux/amd64"}, []string{"web"}, []string{}
		assert.Equal(t, m.Base != nil, test.want.Selector != "", name)
		assert.Equal(t, m.IsShared(), slices.Equal(test.want.Sharing, []string{"shared"}), name)
		assert.Equal(t, m.Selector, test.want.Selector)
		got, err := json.Marshal(m)
		assert.NilError(t, err)
		want, err := json.Marshal(test.want)
		assert.NilError(t, err)
		assert.Equal(t, string(got), string(want), name)
	}
}

// TestCopy has mounts that begin as a copy of something else.
func TestCopy(t *testing.T) {
	dockerfile := "FROM base AS seed\nCOPY a /seed/a\nFROM base\nRUN --mount=type=cache,target=/c,from=seed,source=/seed true\n"
	m := one(t, map[string]string{"Dockerfile": dockerfile, "a": "1"})
	assert.Equal(t, m.Selector, "/seed")
	assert.Equal(t, len(m.Base.Def), 3) // folder, COPY, end: of the image nothing is in the mount
	assert.Equal(t, len(m.Folders), 1)
	for name := range m.Folders {
		found := false
		for _, text := range m.Base.Def {
			op := &pb.Op{}
			assert.NilError(t, op.UnmarshalVT(text))
			if op.GetSource().GetIdentifier() == "local://"+name {
				found = true
				assert.Equal(t, op.GetSource().Attrs[pb.AttrLocalSessionID], "")
			}
		}
		assert.Assert(t, found)
	}
	other := one(t, map[string]string{"Dockerfile": dockerfile + "RUN true\n", "a": "1"})
	assert.Assert(t, other.On != "")
	moved := one(t, map[string]string{"Dockerfile": "FROM base AS seed\nCOPY a /seed/b\nFROM base\nRUN --mount=type=cache,target=/c,from=seed,source=/seed true\n", "a": "1"})
	assert.Assert(t, moved.On != m.On)
}

func TestLocks(t *testing.T) {
	const npm = "RUN --mount=type=cache,target=/c npm ci\n"
	for name, test := range map[string]struct {
		dockerfile string
		want       []string
	}{
		"copied before":     {"FROM base\nCOPY package.json package-lock.json ./\n" + npm, []string{"package-lock.json"}},
		"copied with all":   {"FROM base\nCOPY . .\n" + npm, []string{"go.sum", "package-lock.json", "sub/requirements-dev.txt"}},
		"copied after":      {"FROM base\n" + npm + "COPY package-lock.json ./\n", []string{}},
		"mounted":           {"FROM base\nRUN --mount=type=bind,source=package-lock.json,target=/l --mount=type=cache,target=/c npm ci\n", []string{"package-lock.json"}},
		"by another stage":  {"FROM base AS a\nCOPY package-lock.json ./\nFROM base\nCOPY --from=a /package-lock.json ./\n" + npm, []string{"package-lock.json"}},
		"by nobody's stage": {"FROM base AS a\nCOPY package-lock.json ./\nFROM base\n" + npm, []string{}},
		"of no step":        {"FROM base\nCOPY package.json ./\n" + npm, []string{}},
		"ignored":           {"FROM base\nCOPY --exclude=go.sum --exclude=sub . .\n" + npm, []string{"package-lock.json"}},
	} {
		m := one(t, map[string]string{
			"Dockerfile": test.dockerfile, "package.json": "{}", "package-lock.json": "{1}", "go.sum": "x", "sub/requirements-dev.txt": "y", "sub/main.py": "",
		})
		assert.DeepEqual(t, m.Locks, test.want)
		assert.Equal(t, m.LocksDigest != "", len(test.want) > 0, name)
	}
}

// TestLocksDigest changes with the content of lock files, and with nothing else.
func TestLocksDigest(t *testing.T) {
	files := func(more ...string) map[string]string {
		out := map[string]string{"Dockerfile": "FROM base\nCOPY . .\nRUN --mount=type=cache,target=/c npm ci\n", "package-lock.json": "{1}", "main.js": "a"}
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	first := one(t, files())
	assert.Equal(t, one(t, files("main.js", "b")).LocksDigest, first.LocksDigest)
	assert.Assert(t, one(t, files("package-lock.json", "{2}")).LocksDigest != first.LocksDigest)
	assert.Assert(t, one(t, files("go.sum", "x")).LocksDigest != first.LocksDigest)
	elsewhere := files("web/package-lock.json", "{1}")
	delete(elsewhere, "package-lock.json")
	assert.Equal(t, one(t, elsewhere).LocksDigest, first.LocksDigest)
}

// TestTogether has a mount that two services share, for two platforms.
func TestTogether(t *testing.T) {
	dockerfile := "FROM base\nCOPY go.sum .\nRUN --mount=type=cache,id=go,target=/go true\n"
	found := find(t, map[string]map[string]string{
		"web": {"Dockerfile": dockerfile, "go.sum": "1"}, "api": {"Dockerfile": dockerfile, "go.sum": "2"},
	}, map[string]string{"platform": "linux/amd64,linux/arm64"})
	assert.Equal(t, len(found), 1)
	assert.DeepEqual(t, found[0].Services, []string{"api", "web"})
	assert.DeepEqual(t, found[0].Platforms, []string{"linux/amd64", "linux/arm64"})
	assert.Equal(t, len(found[0].contents), 2)

	namespace := find(t, map[string]map[string]string{"web": {"Dockerfile": dockerfile, "go.sum": "1"}},
		map[string]string{"build-arg:BUILDKIT_CACHE_MOUNT_NS": "team"})
	assert.Equal(t, namespace[0].ID, "team/go")
}
