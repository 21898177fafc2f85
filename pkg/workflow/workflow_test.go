package workflow

import (
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

var pins = Pins{Plugin: "v1.2.3", BuildKit: "v0.34.2", Docker: "29.9.3", Go: "1.26.8"}

// projects are some to write workflows for, by the names of their golden files.
func projects() map[string]Facts {
	shop := Facts{Project: "shop", Dir: ".", Branch: "main", Targets: []string{"prod"}, Pins: pins, Services: []Service{
		{Name: "api", Images: []string{"ghcr.io/acme/api:latest"}, CacheMounts: true},
		{Name: "web", Images: []string{"ghcr.io/acme/web:latest"}},
	}}
	nameless := shop
	nameless.Services = []Service{{Name: "web"}}
	all := Facts{
		Project: "shop", Dir: "deploy/it's here", Branch: "release+1", Targets: []string{"prod", "web=web release"}, Bench: true, Pins: pins,
		Flags: []string{"--project-directory", "."}, Named: []string{"web", "api"}, Cache: "registry=registry.example.com/acme/cache,compression=zstd",
		Variables: map[string]string{"COMPOSE_FILE": "compose.yaml:compose.${{x}}.yaml", "COMPOSE_PROJECT_NAME": "no"},
		Services: []Service{
			{Name: "api", Images: []string{"acme/api", "registry.example.com/acme/api:1"}, CacheMounts: true, Secrets: []string{"NPM_TOKEN"}, SSH: true},
			{Name: "web", SecretFiles: []string{"/run/token"}, Secrets: []string{"NPM_TOKEN", "KEY"}},
		},
		Taken: true,
	}
	all.Pins.Plugin = Branch
	off := shop
	off.Cache, off.Services = "off", []Service{{Name: "web", Images: []string{"web"}}}
	return map[string]Facts{"shop": shop, "nameless": nameless, "all": all, "off": off}
}

// TestNew has what is written for some projects in testdata; -update writes it.
func TestNew(t *testing.T) {
	for name, f := range projects() {
		for _, f.CI = range []CI{GitHub, GitLab} {
			t.Run(name+"/"+string(f.CI), func(t *testing.T) {
				w := New(f)
				golden.Assert(t, "# "+w.Path+"\n"+w.Text+"--- notes\n"+strings.Join(w.Notes, "\n")+"\n", name+"."+string(f.CI)+".golden")
				assert.Assert(t, IsOurs(w.Text))
				var doc map[string]any
				assert.NilError(t, yaml.Unmarshal([]byte(w.Text), &doc))
			})
		}
	}
}

var (
	uses   = regexp.MustCompile(`(?m)^\s*-?\s*uses:.*$`)
	pinned = regexp.MustCompile(`uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	image  = regexp.MustCompile(`(?m)(?:image[:=] ?|services: \[')(\S+?)'?\]?$`)
)

// All that a job takes has a version.
func TestPinned(t *testing.T) {
	for name, f := range projects() {
		f.CI = GitHub
		found := uses.FindAllString(New(f).Text, -1)
		assert.Assert(t, len(found) > 0, name)
		for _, line := range found {
			assert.Assert(t, pinned.MatchString(line), "%s: %s", name, line)
		}
		f.CI = GitLab
		images := image.FindAllStringSubmatch(New(f).Text, -1)
		assert.Assert(t, len(images) >= 3, name)
		for _, m := range images {
			_, tag, _ := strings.Cut(m[1], ":")
			assert.Assert(t, regexp.MustCompile(`^v?\d+\.\d+\.\d+`).MatchString(tag), "%s: %s", name, m[1])
		}
	}
}

// What YAML reads is what was meant, in every place that text of a project comes to.
func TestValues(t *testing.T) {
	texts := []string{
		"main", "1.10", "0x1f", "1e3", ".5", "no", "On", "~", "null", "", " x ", "a: b", "a #b", "#", "- a", "-", "?x", "'", `"x"`, `it's "so"`, "a:", "*x", "&x", "!x",
		"a\nb", "\x00", "ä\u2028", "[a]", "{a}", "%a", "@a", "`a`", "=", "<<", "a, b", "2026-01-01", "+1", "y",
	}
	for _, text := range texts {
		f := projects()["shop"]
		f.CI, f.Dir, f.Branch = GitHub, text, "main"
		f.Variables = map[string]string{"COMPOSE_PROFILES": text}
		var doc struct {
			Jobs struct {
				Build struct {
					Env      map[string]any
					Defaults struct{ Run map[string]any }
				}
			}
		}
		assert.NilError(t, yaml.Unmarshal([]byte(New(f).Text), &doc), "%q", text)
		assert.Equal(t, doc.Jobs.Build.Env["COMPOSE_PROFILES"], text)
		assert.Equal(t, doc.Jobs.Build.Defaults.Run["working-directory"], text)
	}
	for branch, want := range map[string]string{"a+b": `a\+b`, "!x": `\!x`, "release/1,2": "release/1,2"} {
		f := projects()["shop"]
		f.Branch = branch
		var doc struct {
			On struct{ Push struct{ Branches []string } }
		}
		assert.NilError(t, yaml.Unmarshal([]byte(New(f).Text), &doc))
		assert.DeepEqual(t, doc.On.Push.Branches, []string{want})
	}
}

func TestRevisionOf(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3": "v1.2.3", "v1.2.3-rc.1": "v1.2.3-rc.1", "v1.2.3-4-gabcdef1": "abcdef1", "abcdef1": "abcdef1", "abcdef1-dirty": "abcdef1",
		"v0.0.0-20261006174519-bd98f4747414": "bd98f4747414", "v1.2.4-0.20261006174519-bd98f4747414": "bd98f4747414",
		"v1.2.3-rc.1.0.20261006174519-bd98f4747414": "bd98f4747414", "dev": "", "(devel)": "", "": "", "dev-dirty": "",
	} {
		got, modified := RevisionOf(version)
		assert.Equal(t, got, want, version)
		assert.Equal(t, modified, strings.HasSuffix(version, "-dirty"))
	}
	assert.Equal(t, Release("v29.9.3+incompatible"), "v29.9.3")
	assert.Equal(t, Release("v0.0.0-20261006174519-bd98f4747414"), "")
	assert.Equal(t, GoRelease("go1.26.8"), "1.26.8")
	assert.Equal(t, GoRelease("devel go1.27-abc"), "")
	for _, bad := range []string{"", "-x", "a b", "a;b", "$(x)", "a..b", "'"} {
		assert.Assert(t, !IsRevision(bad), bad)
	}
}

func TestPushed(t *testing.T) {
	for _, c := range []struct {
		images []string
		hosts  []string
		why    string
	}{
		{[]string{"ghcr.io/a/b", "acme/web:1"}, []string{"docker.io", "ghcr.io"}, ""},
		{[]string{"docker.io/library/busybox"}, []string{"docker.io"}, ""},
		{[]string{"localhost:5000/web"}, []string{"localhost:5000"}, ""},
		{[]string{"ghcr.io/a/b", "web:1"}, nil, `the image of service "web" names no registry: web:1`},
		{[]string{"UPPER"}, nil, `the image of service "web" is no name: UPPER`},
		{nil, nil, "no service has an image name in a registry: web"},
	} {
		hosts, why := pushed([]Service{{Name: "web", Images: c.images}})
		assert.DeepEqual(t, hosts, c.hosts)
		assert.Equal(t, why, c.why)
	}
	user, password := loginNames("123.example.com:5000")
	assert.Equal(t, user+" "+password, "REGISTRY_123_EXAMPLE_COM_5000_USER REGISTRY_123_EXAMPLE_COM_5000_PASSWORD")
}
