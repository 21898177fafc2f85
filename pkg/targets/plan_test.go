package targets

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

const multi = "FROM a AS base\nFROM base AS deps\nFROM base AS dev\nFROM base AS prod\n"

// shopDir makes a project directory of "path", "content" pairs.
func shopDir(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(files[i+1]), 0o644))
	}
	return dir
}

// service is one whose build section is written at line 4 of file.
func service(dir, file, name string, b compose.Build) compose.Service {
	at := compose.Position{File: filepath.Join(dir, file), Line: 4}
	positions := map[string]compose.Position{"": at, "build": at, "build.context": at}
	if b.Target != "" {
		positions["build.target"] = at
	}
	if b.Dockerfile != "" {
		positions["build.dockerfile"] = at
	}
	return compose.Service{Name: name, Build: b, Selected: true, Positions: positions}
}

func project(dir string, services ...compose.Service) *compose.Project {
	return &compose.Project{Name: "shop", Dir: dir, Files: []string{filepath.Join(dir, "compose.yaml")}, Services: services}
}

func stageOf(t *testing.T, p *compose.Project, r Request, name string) Target {
	t.Helper()
	plan, err := New(p, r)
	assert.NilError(t, err)
	for _, target := range plan.Targets {
		if target.Service == name {
			return target
		}
	}
	t.Fatalf("no target %s", name)
	return Target{}
}

func TestNewAsCompose(t *testing.T) {
	dir := shopDir(t, "Dockerfile", multi, "api/dockerfile", "FROM a\n")
	web := service(dir, "compose.override.yaml", "web", compose.Build{Context: dir, Target: "DEV"})
	api := service(dir, "compose.yaml", "api", compose.Build{Context: filepath.Join(dir, "api")})
	p := project(dir, web, api)

	target := stageOf(t, p, Request{}, "web")
	assert.Equal(t, target.Stage, "dev", "as the Dockerfile writes it")
	assert.Equal(t, target.Reason, "build.target in compose.override.yaml:4")
	assert.DeepEqual(t, target.Tags, []string{"shop-web"})
	target = stageOf(t, p, Request{}, "api")
	assert.Equal(t, target.Stage, "")
	assert.Equal(t, target.Reason, "last stage")
	assert.Equal(t, target.Dockerfile, filepath.Join(dir, "api", "dockerfile"))
}

func TestNewOverride(t *testing.T) {
	dir := shopDir(t, "Dockerfile", multi)
	base := service(dir, "compose.yaml", "web", compose.Build{Context: dir, Target: "prod"})
	web := service(dir, "compose.override.yaml", "web", compose.Build{Context: dir, Target: "dev", Args: map[string]string{"DEBUG": "1"}})
	tools := service(dir, "compose.override.yaml", "tools", compose.Build{Context: dir, Target: "deps"})
	p := project(dir, web, tools)
	p.Override = filepath.Join(dir, "compose.override.yaml")
	p.Base = []compose.Service{base}

	prod := stageOf(t, p, Request{Target: "prod"}, "web")
	assert.Equal(t, prod.Stage, "prod")
	assert.Equal(t, prod.Reason, "build.target in compose.yaml:4")
	assert.Equal(t, len(prod.Build.Args), 0, "the override's arguments are for development")
	assert.DeepEqual(t, prod.Tags, []string{"shop-web", "shop-web:prod"})

	dev := stageOf(t, p, Request{Target: "dev"}, "web")
	assert.Equal(t, dev.Stage, "dev")
	assert.Equal(t, dev.Build.Args["DEBUG"], "1")
	dev.Build.Args["DEBUG"] = "0"
	assert.Equal(t, p.Services[0].Build.Args["DEBUG"], "1", "a plan shares nothing with the project")

	plan, err := New(p, Request{Target: "prod"})
	assert.NilError(t, err)
	assert.Equal(t, len(plan.Warnings), 1)
	assert.Equal(t, plan.Warnings[0].Service, "tools")
	assert.Equal(t, plan.Warnings[0].Message, `no production stage; building "deps"`)
}

func TestNewSiblingFiles(t *testing.T) {
	dir := shopDir(t, "Dockerfile", multi, "Dockerfile.web", "FROM a AS app\n", "web/Dockerfile", multi)
	p := project(dir, service(dir, "compose.yaml", "web", compose.Build{Context: dir, Dockerfile: "Dockerfile", Target: "dev"}))
	sibling := func(name string, alone, merged *compose.Build) compose.Sibling {
		s := compose.Sibling{File: filepath.Join(dir, name)}
		if alone != nil {
			s.Alone = []compose.Service{service(dir, name, "web", *alone)}
		}
		if merged != nil {
			s.Merged = []compose.Service{service(dir, name, "web", *merged)}
		}
		return s
	}
	app := compose.Build{Context: dir, Dockerfile: "Dockerfile.web", Target: "app"}
	base := compose.Build{Context: dir, Dockerfile: "Dockerfile", Target: "base"}

	p.Siblings = []compose.Sibling{
		sibling("compose.prod-eu.yaml", &base, nil), sibling("compose.prod.yaml", &app, nil), sibling("compose.dev.yaml", &base, nil),
	}
	target := stageOf(t, p, Request{Target: "prod"}, "web")
	assert.Equal(t, target.Stage, "app")
	assert.Equal(t, target.Reason, "from compose.prod.yaml")
	assert.Equal(t, target.Dockerfile, filepath.Join(dir, "Dockerfile.web"))
	assert.Equal(t, stageOf(t, p, Request{Target: "dev"}, "web").Stage, "base")

	// A file that builds nothing differently, or cannot be built, tells nothing.
	missing := compose.Build{Context: filepath.Join(dir, "none")}
	p.Siblings = []compose.Sibling{sibling("compose.prod.yaml", &missing, &p.Services[0].Build)}
	assert.Equal(t, stageOf(t, p, Request{Target: "prod"}, "web").Stage, "prod")

	// On top of the project's files, unless the file names a build context of its own.
	partial := sibling("compose.prod.yaml", &base, &app)
	delete(partial.Alone[0].Positions, "build.context")
	delete(partial.Alone[0].Positions, "build.dockerfile")
	p.Siblings = []compose.Sibling{partial}
	assert.Equal(t, stageOf(t, p, Request{Target: "prod"}, "web").Stage, "app")

	// The plain file counts when only a file of the other kind is loaded.
	p.Siblings = []compose.Sibling{sibling("compose.yaml", &app, nil)}
	assert.Equal(t, stageOf(t, p, Request{Target: "prod"}, "web").Stage, "prod")
	p.Files = []string{filepath.Join(dir, "compose.dev.yaml")}
	assert.Equal(t, stageOf(t, p, Request{Target: "prod"}, "web").Stage, "app")

	// A loaded file of the kind is what the user chose.
	p.Siblings = []compose.Sibling{sibling("compose.dev-eu.yaml", &app, nil)}
	assert.Equal(t, stageOf(t, p, Request{Target: "dev"}, "web").Stage, "dev")
}

func TestNewExplicit(t *testing.T) {
	dir := shopDir(t, "Dockerfile", multi, "Dockerfile.ship", "FROM a AS ship\n", "api/Dockerfile", "FROM a AS app\n")
	web := service(dir, "compose.yaml", "web", compose.Build{Context: dir, Target: "nonsense"})
	api := service(dir, "compose.yaml", "api", compose.Build{Context: filepath.Join(dir, "api")})
	p := project(dir, web, api)
	at := compose.Position{File: filepath.Join(dir, "compose.yaml"), Line: 9}
	p.Config.Targets = map[string]compose.Stage{"prod": {Target: "deps", Position: at}}

	target := stageOf(t, p, Request{Target: "prod"}, "web")
	assert.Equal(t, target.Stage+" "+target.Reason, "deps x-catmandu in compose.yaml:9")
	target = stageOf(t, p, Request{Target: "prod"}, "api")
	assert.Equal(t, target.Stage+" "+target.Reason, "app last stage", "the project's choice is not in this Dockerfile")

	p.Services[0].Config.Targets = map[string]compose.Stage{"prod": {Dockerfile: "Dockerfile.ship", Position: at}}
	target = stageOf(t, p, Request{Target: "prod"}, "web")
	assert.Equal(t, target.Stage, "ship")
	assert.Equal(t, target.Dockerfile, filepath.Join(dir, "Dockerfile.ship"))

	target = stageOf(t, p, Request{Target: "prod", Services: map[string]string{"web": "Base"}}, "web")
	assert.Equal(t, target.Stage+" "+target.Reason, "base --target web=Base")
	assert.DeepEqual(t, target.Tags, []string{"shop-web", "shop-web:prod"})

	target = stageOf(t, p, Request{Services: map[string]string{"web": "prod"}}, "web")
	assert.Equal(t, target.Stage, "ship")
	assert.DeepEqual(t, target.Tags, []string{"shop-web", "shop-web:prod"})
}

func TestNewStage(t *testing.T) {
	dir := shopDir(t, "Dockerfile", multi, "api/Dockerfile", "FROM a AS app\n")
	web := service(dir, "compose.yaml", "web", compose.Build{Context: dir, Target: "dev"})
	api := service(dir, "compose.yaml", "api", compose.Build{Context: filepath.Join(dir, "api"), Target: "app"})
	plan, err := New(project(dir, web, api), Request{Target: "deps"})
	assert.NilError(t, err)
	assert.Equal(t, plan.Kind, Kind(""))
	assert.Equal(t, plan.Targets[0].Stage, "app")
	assert.Equal(t, plan.Targets[1].Stage, "deps")
	assert.DeepEqual(t, plan.Targets[1].Tags, []string{"shop-web"})
	assert.Equal(t, plan.Warnings[0].Message, `no stage "deps" in Dockerfile; building "app"`)
}

func TestNewUnread(t *testing.T) {
	dir := shopDir(t)
	remote := service(dir, "compose.yaml", "web", compose.Build{Context: "https://example.org/shop.git#main", Target: "prod"})
	inline := service(dir, "compose.yaml", "api", compose.Build{Context: dir, DockerfileInline: multi})
	p := project(dir, remote, inline)
	target := stageOf(t, p, Request{Target: "prod"}, "web")
	assert.Equal(t, target.Stage+", "+target.Reason, "prod, remote context")
	assert.Equal(t, target.Dockerfile, "Dockerfile")
	target = stageOf(t, p, Request{Target: "dev"}, "api")
	assert.Equal(t, target.Stage, "dev")
	assert.Equal(t, target.Dockerfile, "")
	assert.Equal(t, stageOf(t, p, Request{}, "web").Reason, "build.target in compose.yaml:4")
}

func TestNewErrors(t *testing.T) {
	dir := shopDir(t, "Dockerfile", multi, "api/Dockerfile.prod", multi, "file", "")
	at := compose.Position{File: filepath.Join(dir, "compose.yaml"), Line: 9}
	web := func(b compose.Build) *compose.Project {
		b.Context = filepath.Join(dir, b.Context)
		return project(dir, service(dir, "compose.yaml", "web", b))
	}
	platform := web(compose.Build{Platforms: []string{"linux/amd64"}})
	platform.Services[0].Platform = "linux/arm64"
	config := web(compose.Build{})
	config.Services[0].Config.Targets = map[string]compose.Stage{"prod": {Target: "prd", Position: at}}

	for _, tc := range []struct {
		project *compose.Project
		request Request
		want    string
	}{
		{web(compose.Build{Target: "prd"}), Request{}, `service "web": compose.yaml:4: Dockerfile has no stage "prd" (it has base, deps, dev, prod)` + "\nhint: did you mean \"prod\"?"},
		{web(compose.Build{Target: "prd"}), Request{Target: "dev"}, `service "web": compose.yaml:4: Dockerfile has no stage "prd" (it has base, deps, dev, prod)` + "\nhint: did you mean \"prod\"?"},
		{web(compose.Build{}), Request{Services: map[string]string{"web": "frontend"}}, `service "web": Dockerfile has no stage "frontend" (it has base, deps, dev, prod)`},
		{web(compose.Build{}), Request{Services: map[string]string{"wbe": "prod"}}, `service "wbe": not among those to build (web)` + "\nhint: did you mean \"web\"?"},
		{web(compose.Build{}), Request{Target: "frontend"}, `no service has a stage "frontend" (there are base, deps, dev, prod)`},
		{web(compose.Build{}), Request{Target: "prdo"}, `no service has a stage "prdo" (there are base, deps, dev, prod)` + "\nhint: did you mean \"prod\"?"},
		{config, Request{Target: "prod"}, `service "web": compose.yaml:9: Dockerfile has no stage "prd" (it has base, deps, dev, prod)` + "\nhint: did you mean \"prod\"?"},
		{web(compose.Build{Context: "api"}), Request{}, `service "web": compose.yaml:4: no Dockerfile at DIR/api/Dockerfile` + "\nhint: in that directory there are Dockerfile.prod; name one in build.dockerfile"},
		{web(compose.Build{Context: "apu"}), Request{}, `service "web": compose.yaml:4: build context DIR/apu does not exist` + "\nhint: did you mean \"api\"?"},
		{web(compose.Build{Context: "file"}), Request{}, `service "web": compose.yaml:4: build context DIR/file is not a directory`},
		{web(compose.Build{Dockerfile: "api"}), Request{}, `service "web": compose.yaml:4: DIR/api: is a directory`},
		{platform, Request{}, `service "web": build.platforms does not include platform "linux/arm64"`},
	} {
		_, err := New(tc.project, tc.request)
		assert.Error(t, err, strings.ReplaceAll(tc.want, "DIR", dir))
	}
}

func TestNewJoinsErrors(t *testing.T) {
	dir := shopDir(t, "Dockerfile", multi)
	bad := compose.Build{Context: dir, Target: "none"}
	p := project(dir, service(dir, "compose.yaml", "web", bad), service(dir, "compose.yaml", "api", bad))
	_, err := New(p, Request{})
	assert.ErrorContains(t, err, "service \"api\": compose.yaml:4: Dockerfile has no stage \"none\" (it has base, deps, dev, prod)\nservice \"web\"")
}

func TestPlanJSON(t *testing.T) {
	dir := shopDir(t, "web/Dockerfile", multi, "lib/Dockerfile", "FROM a\n")
	web := service(dir, "compose.yaml", "web", compose.Build{
		Context: filepath.Join(dir, "web"), Target: "dev", Tags: []string{"shop/web:next"}, Platforms: []string{"linux/amd64"},
		CacheFrom: []string{"registry.example.org/shop/web:cache"}, CacheTo: []string{"type=local,dest=cache"},
		AdditionalContexts: map[string]string{"lib": "service:lib"},
	})
	web.Image = "localhost:5000/shop/web"
	lib := service(dir, "compose.yaml", "lib", compose.Build{Context: filepath.Join(dir, "lib")})
	lib.Selected, lib.Platform = false, "linux/amd64"
	plan, err := New(project(dir, web, lib), Request{Target: "prod"})
	assert.NilError(t, err)
	text, err := json.MarshalIndent(plan, "", "  ")
	assert.NilError(t, err)
	golden.Assert(t, strings.ReplaceAll(string(text), dir, "/shop")+"\n", "plan.json")

	again, err := New(project(dir, lib, web), Request{Target: "prod"})
	assert.NilError(t, err)
	assert.DeepEqual(t, plan, again)
}

func TestPlanJSONOfNothing(t *testing.T) {
	plan, err := New(&compose.Project{Name: "shop", Dir: "/shop"}, Request{})
	assert.NilError(t, err)
	text, err := json.Marshal(plan)
	assert.NilError(t, err)
	assert.Equal(t, string(text), `{"project":"shop","dir":"/shop","files":[],"targets":[],"warnings":[]}`)
}
