package compose

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// project writes files ("name" → text) and returns their folder.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	for name, text := range files {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func load(t *testing.T, dir string, o Options) (*Project, error) {
	t.Helper()
	t.Chdir(dir)
	if o.Environment == nil {
		o.Environment = []string{"PWD=" + dir}
	}
	return Load(context.Background(), o)
}

func mustLoad(t *testing.T, files map[string]string, o Options) *Project {
	t.Helper()
	p, err := load(t, project(t, files), o)
	assert.NilError(t, err)
	return p
}

func TestLoadMergesOverride(t *testing.T) {
	p := mustLoad(t, map[string]string{
		"compose.yaml":          "services:\n  web:\n    image: shop/web\n    build:\n      context: web\n      target: production\n  db:\n    image: postgres\n",
		"compose.override.yaml": "services:\n  web:\n    build:\n      target: development\n      args: {DEBUG: 1}\n",
	}, Options{Variants: true})
	assert.Equal(t, p.Name, "shop")
	assert.Equal(t, filepath.Base(p.Override), "compose.override.yaml")
	assert.Equal(t, len(p.Services), 1)
	web := p.Services[0]
	assert.Equal(t, web.Build.Target, "development")
	assert.DeepEqual(t, web.Build.Args, map[string]string{"DEBUG": "1"})
	assert.Equal(t, web.Build.Context, filepath.Join(p.Dir, "web"))
	assert.Equal(t, filepath.Base(web.At("build.target").String()), "compose.override.yaml:4")
	assert.Equal(t, filepath.Base(web.At("build.context").String()), "compose.yaml:5")
	assert.Equal(t, p.Base[0].Build.Target, "production")
	assert.Equal(t, len(p.Base[0].Build.Args), 0)
}

func TestFilesGivenByTheUserAreNoOverride(t *testing.T) {
	files := map[string]string{
		"compose.yaml":          "services: {web: {build: .}}",
		"compose.override.yaml": "services: {web: {build: {target: dev}}}",
		".env":                  "COMPOSE_FILE=compose.yaml:compose.override.yaml\n",
	}
	p := mustLoad(t, files, Options{})
	assert.Equal(t, p.Override, "")
	assert.Equal(t, p.Services[0].Build.Target, "dev")
	p, err := load(t, p.Dir, Options{Files: []string{"compose.yaml"}})
	assert.NilError(t, err)
	assert.Equal(t, p.Services[0].Build.Target, "")
}

// What a build does not use never stops it.
func TestLoadToleratesWhatNoBuildReads(t *testing.T) {
	for name, text := range map[string]string{
		"missing env_file":        "services: {web: {build: ., env_file: .env.missing}}",
		"missing label_file":      "services: {web: {build: ., label_file: missing}}",
		"required variable":       "services: {web: {build: ., environment: {A: '${NO_SUCH:?set it}'}}}",
		"required in healthcheck": "services: {web: {build: ., healthcheck: {test: '${NO_SUCH:?}'}}}",
		"required elsewhere":      "services: {web: {build: .}, db: {image: 'pg:${NO_SUCH:?}'}}",
		"malformed port":          "services: {web: {build: ., ports: ['0.0.0.0::${NO_SUCH}']}}",
		"undefined volume":        "services: {web: {build: ., volumes: ['data:/data']}}",
		"undefined network":       "services: {web: {build: ., networks: [back]}}",
		"undefined service":       "services: {web: {build: ., depends_on: [nobody]}}",
		"no image or build":       "services: {web: {build: .}, ghost: {environment: [A=1]}}",
		"required in volumes":     "services: {web: {build: .}}\nvolumes: {data: {name: '${NO_SUCH:?}'}}",
		"merged from anchor":      "x-base: &base {env_file: missing, ports: ['::']}\nservices: {web: {<<: *base, build: .}}",
		"anchor in what goes":     "services: {web: {environment: &env {A: b}, build: {context: ., args: *env}}}",
		"include without env":     "include: [{path: sub/compose.yaml, env_file: missing.env}]\nservices: {web: {build: .}}",
		"included and broken":     "include: [sub/compose.yaml]",
		"extended and broken":     "services: {web: {extends: {file: sub/compose.yaml, service: web2}}}",
	} {
		t.Run(name, func(t *testing.T) {
			p := mustLoad(t, map[string]string{
				"compose.yaml":     text,
				"sub/compose.yaml": "services: {web2: {build: ., env_file: missing, environment: {A: '${NO_SUCH:?}'}, ports: ['::']}}",
			}, Options{})
			assert.Assert(t, len(p.Services) > 0)
		})
	}
}

// What a build uses and cannot have is an error with file and line.
func TestLoadErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want string
		o    Options
	}{
		"required variable": {
			text: "services:\n  web:\n    build:\n      context: .\n      args:\n        VERSION: ${VERSION:?give one}\n",
			want: `compose.yaml:6: service "web": required variable VERSION is missing a value: give one`,
		},
		"secret": {
			text: "services:\n  web:\n    build:\n      context: .\n      secrets:\n        - token\n",
			want: `compose.yaml:6: service "web": secret "token" has neither file nor environment`,
		},
		"unknown key": {
			text: "services:\n  web:\n    biuld: .\n",
			want: `compose.yaml:3: `,
		},
		"unknown build key": {
			text: "services:\n  web:\n    build:\n      contxt: .\n",
			want: `compose.yaml:4: `,
		},
		"bad name": {
			text: "services:\n  web:\n    build: .\n  bad name:\n    build: .\n",
			want: `compose.yaml:4: services additional properties 'bad name' not allowed`,
		},
		"bad boolean": {
			text: "services:\n  web:\n    build:\n      context: .\n      no_cache: ${EMPTY:-}\n",
			want: `compose.yaml:5: 'services[web].build.no_cache' invalid boolean`,
		},
		"required size": {
			text: "services:\n  web:\n    build:\n      context: .\n      shm_size: ${SIZE:?}\n",
			want: `compose.yaml:5: required variable SIZE is missing a value`,
		},
		"nothing in it": {
			text: "# only words\n",
			want: `empty compose file`,
		},
		"unknown service": {
			text: "services:\n  web:\n    build: .\n",
			o:    Options{Services: []string{"wbe"}},
			want: `no such service: wbe; did you mean "web"?`,
		},
		"nothing to build": {
			text: "services:\n  web:\n    image: nginx\n",
			o:    Options{Services: []string{"web"}},
			want: `nothing to build: web: no build section`,
		},
		"context of a service": {
			text: "services:\n  web:\n    build:\n      context: .\n      additional_contexts:\n        base: service:nobody\n",
			want: `compose.yaml:6: service "web": no such service: nobody`,
		},
		"yaml": {
			text: "services:\n  web:\n\tbuild: .\n",
			want: `compose.yaml: `,
		},
		"x-catmandu": {
			text: "x-catmandu:\n  targest:\n    prod: release\nservices:\n  web:\n    build: .\n",
			want: `compose.yaml:2: x-catmandu.targest: unknown key; did you mean "targets"?`,
		},
		"x-catmandu of a service": {
			text: "services:\n  web:\n    build:\n      context: .\n      x-catmandu:\n        targets:\n          production: release\n",
			want: `compose.yaml:7: build.x-catmandu.targets.production: unknown key; did you mean "prod"?`,
		},
		"x-catmandu at the wrong place": {
			text: "services:\n  web:\n    build: .\n    x-catmandu:\n      targets: {}\n",
			want: `compose.yaml:4: service "web": x-catmandu belongs below build`,
		},
		"include that is not there": {
			text: "include:\n  - sub/compose.yaml\n",
			want: `sub/compose.yaml: no such file`,
		},
		"include cycle": {
			text: "include:\n  - compose.yaml\n",
			want: `compose.yaml:2: include cycle`,
		},
		"remote include": {
			text: "include:\n  - https://example.com/x.git\n",
			want: `compose.yaml:2: https://example.com/x.git: files from elsewhere are not supported`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := project(t, map[string]string{"compose.yaml": tc.text})
			_, err := load(t, dir, tc.o)
			assert.Assert(t, is.ErrorContains(err, strings.TrimPrefix(tc.want, "")))
			t.Log(err)
		})
	}
}

// A file of things that no build reads is an empty project, and no empty file.
func TestNothingToBuild(t *testing.T) {
	p := mustLoad(t, map[string]string{"compose.yaml": "volumes: {data: {}}\nnetworks: {back: {}}\n"}, Options{})
	assert.Equal(t, p.Name, "shop")
	assert.Equal(t, len(p.Services), 0)
}

func TestNoFile(t *testing.T) {
	_, err := load(t, project(t, map[string]string{"README": ""}), Options{})
	assert.ErrorIs(t, err, ErrNoFile)
}

func TestFilesAreFoundInParents(t *testing.T) {
	dir := project(t, map[string]string{"docker-compose.yml": "services: {web: {build: .}}", "a/b/x": ""})
	p, err := load(t, filepath.Join(dir, "a/b"), Options{})
	assert.NilError(t, err)
	assert.Equal(t, p.Dir, dir)
}

func TestProfiles(t *testing.T) {
	files := map[string]string{"compose.yaml": "services: {web: {build: .}, e2e: {build: ., profiles: [test]}}"}
	names := func(p *Project) (out []string) {
		for _, s := range p.Services {
			out = append(out, s.Name)
		}
		return out
	}
	assert.DeepEqual(t, names(mustLoad(t, files, Options{})), []string{"web"})
	assert.DeepEqual(t, names(mustLoad(t, files, Options{Profiles: []string{"test"}})), []string{"e2e", "web"})
	assert.DeepEqual(t, names(mustLoad(t, files, Options{Environment: []string{"COMPOSE_PROFILES=test"}})), []string{"e2e", "web"})
	assert.DeepEqual(t, names(mustLoad(t, files, Options{Services: []string{"e2e"}})), []string{"e2e"})
}

func TestServiceContextsAreLinked(t *testing.T) {
	p := mustLoad(t, map[string]string{"compose.yaml": `
services:
  base: {build: base, profiles: [never]}
  app: {build: {context: app, additional_contexts: {base: "service:base"}}}
  tool: {build: {context: tool, additional_contexts: {app: "target:app", l: "oci-layout://images/x:1", d: dir, i: docker-image://i}}}
`}, Options{Services: []string{"tool"}})
	assert.Equal(t, len(p.Services), 3)
	for _, s := range p.Services {
		assert.Equal(t, s.Selected, s.Name == "tool", s.Name)
	}
	assert.DeepEqual(t, p.Services[2].Build.AdditionalContexts, map[string]string{
		"app": "service:app", "l": "oci-layout://" + p.Dir + "/images/x:1", "d": p.Dir + "/dir", "i": "docker-image://i",
	})
}

func TestIncludeKeepsItsOwnFolderAndEnvironment(t *testing.T) {
	p := mustLoad(t, map[string]string{
		"compose.yaml":           "include: ['${WHERE}/compose.yaml']",
		".env":                   "WHERE=sub\nV=outer\nW=outer\n",
		"sub/.env":               "V=inner\nU=inner\n",
		"sub/compose.yaml":       "include: [deep/compose.yaml]\nservices: {web: {build: {context: web, args: {V: $V, U: $U, W: $W}}}}",
		"sub/deep/compose.yaml":  "services: {api: {extends: {file: ../base.yaml, service: base}}}",
		"sub/base.yaml":          "services: {base: {build: {context: ./base, target: x}}}",
		"sub/deep/unrelated.yml": "",
	}, Options{})
	web, _ := Find(p.Services, "web")
	assert.Equal(t, web.Build.Context, filepath.Join(p.Dir, "sub/web"))
	assert.DeepEqual(t, web.Build.Args, map[string]string{"V": "outer", "U": "inner", "W": "outer"})
	api, _ := Find(p.Services, "api")
	assert.Equal(t, api.Build.Context, filepath.Join(p.Dir, "sub/base"))
	assert.Equal(t, api.Build.Target, "x")
}

func TestResetAndOverrideTags(t *testing.T) {
	p := mustLoad(t, map[string]string{
		"compose.yaml":          "services: {web: {build: {context: ., cache_from: [a], target: x, args: {A: 1}}}}",
		"compose.override.yaml": "services: {web: {build: {cache_from: !override [b], target: !reset null}}}",
	}, Options{})
	assert.DeepEqual(t, p.Services[0].Build.CacheFrom, []string{"b"})
	assert.Equal(t, p.Services[0].Build.Target, "")
}

func TestConfigAndSiblings(t *testing.T) {
	p := mustLoad(t, map[string]string{
		"compose.yaml": `
x-catmandu: {targets: {prod: release}}
services: {web: {build: {context: ., x-catmandu: {targets: {dev: {target: debug, dockerfile: Dockerfile.dev}}}}}}
`,
		"compose.prod.yaml":   "services: {web: {build: {target: prod}}, other: {build: .}}",
		"compose.broken.yaml": "services: [",
	}, Options{Variants: true})
	assert.Equal(t, p.Config.Targets["prod"].Target, "release")
	assert.Equal(t, p.Services[0].Config.Targets["dev"].Target, "debug")
	assert.Equal(t, p.Services[0].Config.Targets["dev"].Dockerfile, "Dockerfile.dev")
	assert.Equal(t, p.Services[0].Config.Targets["dev"].Position.Line, 3)
	assert.Equal(t, len(p.Siblings), 1)
	assert.Equal(t, p.Siblings[0].Merged[0].Build.Target, "prod")
	assert.Equal(t, len(p.Siblings[0].Merged), 1)
}

func TestWarnings(t *testing.T) {
	p := mustLoad(t, map[string]string{
		"compose.yaml":       "services:\n  web:\n    build: {context: ., args: {A: $UNSET, B: '${UNSET2:-x}'}}\n    environment: {C: $UNSET3}\n    x-build-args: {X: 1}\n",
		"docker-compose.yml": "services: {}",
	}, Options{})
	var text []string
	for _, w := range p.Warnings {
		text = append(text, w.Message)
	}
	assert.DeepEqual(t, text, []string{
		"compose.yaml is used, docker-compose.yml is not",
		"nobody reads x-build-args; did you mean build.args?",
		"variable UNSET is not set: a blank string is used",
	})
	assert.Equal(t, p.Warnings[1].Position.Line, 5)
}

func TestSecretsAndLimits(t *testing.T) {
	p := mustLoad(t, map[string]string{"compose.yaml": `
services:
  web:
    build:
      context: .
      secrets: [token, {source: key, target: id_rsa}]
      ssh: [default]
      shm_size: 64m
      ulimits: {nproc: 5, nofile: {soft: 1, hard: 2}}
      args: {EMPTY: , GIVEN: }
secrets:
  token: {environment: TOKEN}
  key: {file: ./key}
`}, Options{Environment: []string{"GIVEN=yes"}})
	b := p.Services[0].Build
	assert.DeepEqual(t, b.Secrets, []Secret{{ID: "token", Environment: "TOKEN"}, {ID: "id_rsa", File: filepath.Join(p.Dir, "key")}})
	assert.DeepEqual(t, b.SSH, []SSHKey{{ID: "default"}})
	assert.Equal(t, b.ShmSize, int64(64<<20))
	assert.DeepEqual(t, b.Ulimits, map[string]Ulimit{"nproc": {5, 5}, "nofile": {1, 2}})
	assert.DeepEqual(t, b.Args, map[string]string{"GIVEN": "yes"})
}

// TestLoadWorkingDir finds files as a process in another folder would, with a folder of the process beside it.
func TestLoadWorkingDir(t *testing.T) {
	here := project(t, map[string]string{
		"compose.yaml": "services: {wrong: {build: .}}",
		"other.yaml":   "services: {wrong: {build: .}}",
		".env":         "A=wrong",
	})
	for _, test := range []struct {
		name  string
		files map[string]string
		below string
	}{
		{"in it", map[string]string{"compose.yaml": "services: {web: {build: {context: ., args: {A: $A}}}}", ".env": "A=b"}, ""},
		{"above", map[string]string{"compose.yaml": "services: {web: {build: {context: ., args: {A: $A}}}}", ".env": "A=b", "x/y": ""}, "x"},
		{"named in .env", map[string]string{"other.yaml": "services: {web: {build: {context: ., args: {A: $A}}}}", ".env": "A=b\nCOMPOSE_FILE=other.yaml"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			there := project(t, test.files)
			p, err := load(t, here, Options{WorkingDir: filepath.Join(there, test.below)})
			assert.NilError(t, err)
			assert.Equal(t, p.Dir, there)
			assert.Equal(t, len(p.Services), 1)
			assert.Equal(t, p.Services[0].Name, "web")
			assert.Equal(t, p.Services[0].Build.Args["A"], "b")
		})
	}
	t.Run("none", func(t *testing.T) {
		_, err := load(t, here, Options{WorkingDir: t.TempDir()})
		assert.ErrorIs(t, err, ErrNoFile)
	})
}
