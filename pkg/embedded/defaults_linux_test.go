package embedded

import (
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestDefaultOptions(t *testing.T) {
	owners := map[string]int{"/root": 0, "/run": 0, "/home/jo": 1000, "/run/user/1000": 1000, "/run/user/0": 0}
	for _, tc := range []struct {
		name string
		euid int
		env  map[string]string
		want Options
		err  string
	}{
		{
			name: "root", env: map[string]string{"HOME": "/root"},
			want: Options{Socket: "/run/docker-catmandu/buildkitd.sock", Root: "/root/.cache/docker-catmandu/buildkit"},
		},
		{
			name: "sudo keeps HOME", env: map[string]string{"HOME": "/home/jo", "XDG_RUNTIME_DIR": "/run/user/1000"},
			want: Options{Socket: "/run/docker-catmandu/buildkitd.sock", Root: "/var/cache/docker-catmandu/buildkit"},
		},
		{
			name: "user", euid: 1000, env: map[string]string{"HOME": "/home/jo"},
			want: Options{Socket: "/run/user/1000/docker-catmandu/buildkitd.sock", Root: "/home/jo/.cache/docker-catmandu/buildkit"},
		},
		{
			name: "XDG", euid: 1000, env: map[string]string{"XDG_CACHE_HOME": "/c", "XDG_RUNTIME_DIR": "/run/user/1000", "HOME": "/x"},
			want: Options{Socket: "/run/user/1000/docker-catmandu/buildkitd.sock", Root: "/c/docker-catmandu/buildkit"},
		},
		{
			name: "no runtime folder, su kept one", euid: 1001, env: map[string]string{"HOME": "/h", "XDG_RUNTIME_DIR": "/run/user/1000"},
			want: Options{Socket: "/h/.cache/docker-catmandu/buildkit/buildkitd.sock", Root: "/h/.cache/docker-catmandu/buildkit"},
		},
		{
			name: "all set", euid: 1000,
			env:  map[string]string{EnvRoot: "/r", EnvSocket: "/s", EnvIdle: "90s", EnvConfig: "/c", EnvGC: "off"},
			want: Options{Socket: "/s", Root: "/r", Idle: 90 * time.Second, Config: "/c", KeepAll: true},
		},
		{name: "no home", euid: 1000, err: "HOME is not set\nhint: set CATMANDU_BUILDKIT_ROOT"},
		{name: "idle", env: map[string]string{EnvIdle: "5"}, err: `CATMANDU_BUILDKIT_IDLE: "5" is not a duration`},
		{name: "collection", env: map[string]string{EnvGC: "no"}, err: `CATMANDU_BUILDKIT_GC: "no" is neither on nor off`},
		{name: "negative", env: map[string]string{EnvIdle: "-5s"}, err: "negative"},
		{name: "relative", env: map[string]string{EnvRoot: "r"}, err: `state folder "r": not an absolute path`},
		{name: "relative socket", env: map[string]string{EnvSocket: "s"}, err: `socket "s": not an absolute path`},
		{name: "long", env: map[string]string{EnvSocket: "/" + strings.Repeat("s", 107)}, err: "longer than 107 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := userEnv{
				euid:   tc.euid,
				getenv: func(key string) string { return tc.env[key] },
				owner: func(dir string) (int, bool) {
					uid, ok := owners[dir]
					return uid, ok
				},
			}
			o, err := e.options()
			if tc.err != "" {
				assert.ErrorContains(t, err, tc.err)
				return
			}
			assert.NilError(t, err)
			if tc.env[EnvIdle] == "" {
				tc.want.Idle = defaultIdle
			}
			assert.DeepEqual(t, o, tc.want)
		})
	}
}

func TestIdleForEver(t *testing.T) {
	t.Setenv(EnvRoot, "/r")
	t.Setenv(EnvIdle, "0")
	o, err := DefaultOptions()
	assert.NilError(t, err)
	assert.Equal(t, o.Idle, time.Duration(0))
}

func TestConfigDirs(t *testing.T) {
	both := map[string]string{"XDG_CONFIG_HOME": "/x", "HOME": "/h"}
	home := map[string]string{"HOME": "/h"}
	for _, tc := range []struct {
		root bool
		env  map[string]string
		want []string
	}{
		{true, both, []string{"/x", "/etc"}},
		{true, home, []string{"/etc"}},
		{false, both, []string{"/x", "/h/.config"}},
		{false, home, []string{"/h/.config"}},
	} {
		assert.DeepEqual(t, configDirs(tc.root, func(key string) string { return tc.env[key] }), tc.want)
	}
}
