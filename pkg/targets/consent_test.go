package targets

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

func TestAsks(t *testing.T) {
	root := t.TempDir()
	root, err := filepath.EvalSymlinks(root)
	assert.NilError(t, err)
	dir, out := filepath.Join(root, "repo/deploy"), filepath.Join(root, "out")
	for _, d := range []string{dir, filepath.Join(root, "repo/.git"), filepath.Join(root, "repo/src"), out} {
		assert.NilError(t, os.MkdirAll(d, 0o755))
	}
	assert.NilError(t, os.Symlink(out, filepath.Join(dir, "link")))
	inRepo := func(name string) string { return filepath.Join(root, "repo", name) }

	for name, tc := range map[string]struct {
		build           compose.Build
		context, file   string
		cacheTo, grants []string
		want            []string
	}{
		"the project":           {context: dir, file: filepath.Join(dir, "Dockerfile")},
		"its working tree":      {context: inRepo("src"), build: compose.Build{Secrets: []compose.Secret{{ID: "k", File: inRepo("k")}}}},
		"a URL":                 {context: "https://example.com/x.git", file: "d/Dockerfile"},
		"the agent":             {context: dir, build: compose.Build{SSH: []compose.SSHKey{{ID: "default"}}}},
		"a variable":            {context: dir, build: compose.Build{Secrets: []compose.Secret{{ID: "k", Environment: "K"}}}},
		"other contexts":        {context: dir, build: compose.Build{AdditionalContexts: map[string]string{"a": "service:a", "b": "docker-image://b"}}},
		"a context elsewhere":   {context: out, want: []string{"fs.read=" + out}},
		"through a link":        {context: filepath.Join(dir, "link"), want: []string{"fs.read=" + out}},
		"a sibling by its name": {context: inRepo("") + "-b", want: []string{"fs.read=" + inRepo("") + "-b"}},
		"a Dockerfile":          {context: dir, file: out + "/Dockerfile", want: []string{"fs.read=" + out + "/Dockerfile"}},
		"a secret":              {context: dir, build: compose.Build{Secrets: []compose.Secret{{ID: "k", File: out + "/k"}}}, want: []string{"fs.read=" + out + "/k"}},
		"an SSH key":            {context: dir, build: compose.Build{SSH: []compose.SSHKey{{ID: "k", Path: out + "/k"}}}, want: []string{"fs.read=" + out + "/k"}},
		"a named context":       {context: dir, build: compose.Build{AdditionalContexts: map[string]string{"l": "oci-layout://" + out + ":1@sha256:0"}}, want: []string{"fs.read=" + out}},
		"a cache":               {context: dir, build: compose.Build{CacheTo: []string{"type=local,dest=../../out/c"}}, want: []string{"fs.write=" + out + "/c"}},
		"a cache of the flags":  {context: dir, build: compose.Build{}, cacheTo: []string{"type=local,dest=" + out}},
		"network host":          {context: dir, build: compose.Build{Network: "host", Entitlements: []string{"network.host"}}, want: []string{"network.host"}},
		"network host alone":    {context: dir, build: compose.Build{Network: "host"}, want: []string{"network.host"}},
		"privileged":            {context: dir, build: compose.Build{Privileged: true, Entitlements: []string{"device=x"}}, want: []string{"device=x", "security.insecure"}},
		"granted":               {context: out, build: compose.Build{Network: "host", Privileged: true, Entitlements: []string{"device=x"}}, grants: []string{"fs.read=" + out, "network.host", "security.insecure", "device"}},
		"granted by a folder":   {context: out, grants: []string{"fs=" + root}},
		"granted to all":        {context: out, grants: []string{"fs=*"}},
		"granted by a link":     {context: out, grants: []string{"fs.read=" + filepath.Join(dir, "link")}},
		"granted elsewhere":     {context: out, grants: []string{"fs.read=" + root + "/ou", "fs.write=" + out}, want: []string{"fs.read=" + out}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Plan{Dir: dir, Files: []string{filepath.Join(dir, "compose.yaml"), "-"}}
			cacheTo := append(caches(dir, tc.build.CacheTo), tc.cacheTo...)
			for _, service := range []string{"a", "b"} {
				p.Targets = append(p.Targets, Target{Service: service, Context: tc.context, Dockerfile: tc.file, CacheTo: cacheTo, Build: tc.build})
			}
			var got []string
			for _, a := range p.Asks(tc.grants) {
				got = append(got, a.Allow)
				assert.DeepEqual(t, a.Services, []string{"a", "b"})
			}
			assert.DeepEqual(t, got, tc.want)
			assert.NilError(t, CheckAllow(tc.grants))
			assert.Equal(t, len(p.Asks(append(tc.want, tc.grants...))), 0, "what is asked for is what grants it")
		})
	}
}

func TestCheckAllow(t *testing.T) {
	for _, v := range []string{"", "network", "network.host=yes", "fs", "fs.read=", "fs.exec=/x", "security.*"} {
		assert.ErrorContains(t, CheckAllow([]string{v}), "--allow "+v+": must be one of network.host, ")
	}
}

func TestGranting(t *testing.T) {
	asks := []Ask{{Allow: "network.host"}, {Allow: "fs.read=/a b"}}
	assert.Equal(t, Granting(asks), `--allow network.host --allow 'fs.read=/a b'`)
}
