package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"docker-catmandu": main})
}

// TestScripts runs the real main; nothing that it could build with answers.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       golden.FlagUpdate(),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"config", "cache", "run"} {
				if err := os.MkdirAll(filepath.Join(env.WorkDir, "."+name), 0o700); err != nil {
					return err
				}
			}
			env.Setenv("DOCKER_CONFIG", filepath.Join(env.WorkDir, ".config"))
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
			env.Setenv("XDG_RUNTIME_DIR", filepath.Join(env.WorkDir, ".run"))
			env.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
			env.Setenv("CATMANDU_BUILDKIT_SOCKET", filepath.Join(env.WorkDir, ".run/buildkitd.sock")) // not the machine's own
			env.Setenv("PATH", filepath.Dir(os.Args[0])+":"+env.Getenv("PATH"))
			return nil
		},
	})
}

// fakeBuilder answers with what it was made with.
type fakeBuilder struct {
	result *buildx.Result
	err    error
	plan   *targets.Plan
	opts   buildx.BuildOptions
	merged *buildx.Merge
	name   string
}

func (f *fakeBuilder) Build(_ context.Context, p *targets.Plan, o buildx.BuildOptions) (*buildx.Result, error) {
	f.plan, f.opts = p, o
	return f.result, f.err
}

func (f *fakeBuilder) Live(context.Context) (*buildx.Live, error) { return nil, buildx.ErrNotRunning }

func (f *fakeBuilder) Running(context.Context, buildx.BuildOptions) (*buildx.Live, error) {
	return nil, buildx.ErrNotRunning
}

// run runs a command line with a builder that is not there.
func runCommand(t *testing.T, f *fakeBuilder, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, display: &errs}
	a.open = func(_ context.Context, name, _ string) (builder, error) {
		f.name = name
		return f, nil
	}
	a.peek = func(context.Context, string, string) (*buildx.Live, error) { return nil, buildx.ErrNotRunning }
	a.pushMerge = func(_ context.Context, m *buildx.Merge, name string) error {
		f.name, f.merged = name, m
		for i := range m.Indexes {
			m.Indexes[i].Digest = "sha256:0"
		}
		return f.err
	}
	a.builders = func() ([]string, error) { return []string{"ci", "default"}, nil }
	cmd := newRootCommand(a)
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err = cmd.ExecuteContext(context.Background())
	return out.String(), errs.String(), err
}

// inProject changes into a new folder with files ("name" → text).
func inProject(t *testing.T, files map[string]string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	for name, text := range files {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	t.Chdir(dir)
	t.Setenv("CATMANDU_CACHE_DIR", filepath.Join(dir, ".cache"))
}

func lines(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }
