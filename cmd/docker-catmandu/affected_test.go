package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/comparison"
)

// repositoryFiles are a project of four services: web is built from base, and docs is not like the others.
func repositoryFiles() map[string]string {
	return map[string]string{
		"compose.yaml": `services:
  base:
    build: base
  web:
    build:
      context: web
      args: {VERSION: "${VERSION:-1}"}
      additional_contexts: {base: "service:base"}
    ports: ["80:80"]
  api:
    build: {context: ., dockerfile: api/Dockerfile}
  docs:
    build: docs
`,
		".env":              "VERSION=1\n",
		".gitignore":        "ignored\n*.local\n",
		".dockerignore":     "web\nbase\ndocs\n*.md\n",
		"base/Dockerfile":   "FROM alpine\nCOPY tool /bin/\nCOPY other /other\n",
		"base/tool*":        "tool\n",
		"base/other":        "other\n",
		"web/Dockerfile":    "FROM base\nARG VERSION\nRUN echo $VERSION\nCOPY . /src\nCMD [\"run\"]\n",
		"web/.dockerignore": "*.md\n",
		"web/main.js":       "main\n",
		"web/README.md":     "read\n",
		"api/Dockerfile":    "# syntax=docker/dockerfile:1\n# a comment\nFROM python AS deps\nCOPY api/lock /\nRUN install\nFROM deps\nCOPY api /api\n",
		"api/lock":          "lock\n",
		"api/main.py":       "main\n",
		"docs/Dockerfile":   "FROM scratch\nCOPY a /\nLABEL v=1\n",
		"docs/a":            "a\n",
	}
}

func TestAffected(t *testing.T) {
	r := newRepository(t, repositoryFiles())
	base := r.git("rev-parse", "HEAD")
	for _, test := range []struct {
		name string
		edit func(repository)
		want string
	}{
		{"nothing", func(repository) {}, ""},
		{"content", func(r repository) { r.write(map[string]string{"web/main.js": "x"}) }, "web"},
		{"ignored by .dockerignore", func(r repository) { r.write(map[string]string{"web/README.md": "x", "x.md": "x"}) }, ""},
		{"untracked", func(r repository) { r.write(map[string]string{"web/new.js": "x"}) }, "web"},
		{"ignored by git", func(r repository) { r.write(map[string]string{"web/ignored": "x"}) }, ""},
		{"mode", func(r repository) { r.write(map[string]string{"docs/a*": "a\n"}) }, "docs"},
		{"mode that git has not", func(r repository) { assert.NilError(r.t, os.Chmod("docs/a", 0o600)) }, ""},
		{"link", func(r repository) {
			r.remove("docs/a")
			assert.NilError(r.t, os.Symlink("Dockerfile", "docs/a"))
		}, "docs"},
		{"removed", func(r repository) { r.remove("api/main.py") }, "api"},
		{"renamed", func(r repository) { r.rename("api/main.py", "api/app.py") }, "api"},
		{"not taken", func(r repository) { r.write(map[string]string{"docs/b": "x"}) }, ""},
		{"comment", func(r repository) { r.replace("docs/Dockerfile", "FROM", "# comment\nFROM") }, ""},
		{"label", func(r repository) { r.replace("docs/Dockerfile", "v=1", "v=2") }, "docs"},
		{"command", func(r repository) { r.replace("web/Dockerfile", `"run"`, `"stop"`) }, "web"},
		{"syntax", func(r repository) { r.replace("api/Dockerfile", ":1", ":1.7-labs") }, "api"},
		{"base image", func(r repository) { r.replace("api/Dockerfile", "python", "python:3.13") }, "api"},
		{"what others are built from", func(r repository) { r.write(map[string]string{"base/tool*": "x"}) }, "base web"},
		{"argument", func(r repository) { r.replace("compose.yaml", ":-1", ":-2"); r.remove(".env") }, "web"},
		{"argument from .env", func(r repository) { r.replace(".env", "1", "2") }, "web"},
		{"argument that is not used", func(r repository) { r.replace("compose.yaml", "args: {", "args: {OTHER: x, ") }, ""},
		{"port", func(r repository) { r.replace("compose.yaml", "80:80", "81:80") }, ""},
		{"label in the Compose file", func(r repository) { r.replace("compose.yaml", "build: docs", "build: {context: docs, labels: {a: b}}") }, "docs"},
		{"platforms", func(r repository) {
			r.replace("compose.yaml", "build: docs", "build: {context: docs, platforms: [linux/arm64]}")
		}, "docs"},
		{"image name", func(r repository) { r.replace("compose.yaml", "build: docs", "build: docs\n    image: docs:2") }, "docs"},
		{"new service", func(r repository) { r.replace("compose.yaml", "  docs:", "  more:\n    build: docs\n  docs:") }, "more"},
		{"removed service", func(r repository) { r.replace("compose.yaml", "  docs:\n    build: docs\n", "") }, ""},
		{"renamed context", func(r repository) {
			r.rename("docs", "manual")
			r.replace("compose.yaml", "build: docs", "build: manual")
		}, ""},
		{"renamed Compose file", func(r repository) { r.rename("compose.yaml", "docker-compose.yml") }, ""},
		{"stage", func(r repository) {
			r.replace("compose.yaml", "dockerfile: api/Dockerfile", "dockerfile: api/Dockerfile, target: deps")
		}, "api"},
		{"another Dockerfile", func(r repository) {
			r.write(map[string]string{"docs/recipe": "FROM scratch\nCOPY a /\nLABEL v=1\n"})
			r.replace("compose.yaml", "build: docs", "build: {context: docs, dockerfile: recipe}")
		}, ""},
		{"project name", func(r repository) { r.replace("compose.yaml", "services:", "name: other\nservices:") }, "api base docs web"},
		{"Dockerfile of another name", func(r repository) { r.rename("docs/Dockerfile", "docs/dockerfile") }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := repository{t, r.dir}
			r.git("checkout", "-q", "--force", base)
			r.git("clean", "-qfdx")
			test.edit(r)
			assert.Equal(t, namesOf(t, "affected", base), test.want)
			head := r.commit()
			r.git("checkout", "-q", "--force", base)
			r.write(map[string]string{"web/main.js": "dirty", "docs/a": "dirty", "compose.override.yaml": "services: {docs: {build: other}}"})
			assert.Equal(t, namesOf(t, "affected", base, head), test.want, "another revision is checked out, and changed")
		})
	}
}

// namesOf are the services that a command line names.
func namesOf(t *testing.T, args ...string) string {
	t.Helper()
	out, stderr, err := runCommand(t, &fakeBuilder{}, args...)
	assert.NilError(t, err, stderr)
	return strings.Join(strings.Fields(out), " ")
}

// inJSON is the answer of a command line.
func inJSON(t *testing.T, args ...string) (found struct {
	Base, Head commit
	comparison.Comparison
},
) {
	t.Helper()
	out, stderr, err := runCommand(t, &fakeBuilder{}, append([]string{"affected", "--format", "json"}, args...)...)
	assert.NilError(t, err, stderr)
	assert.NilError(t, json.Unmarshal([]byte(out), &found))
	return found
}

func TestAffectedReasons(t *testing.T) {
	for _, test := range []struct {
		name         string
		edit         func(repository)
		step, reason string
		line         int
	}{
		{"file", func(r repository) { r.write(map[string]string{"docs/a": "a\nb\n"}) }, "[1/1] COPY a /", "a changed: +1 −0 lines", 2},
		{"new step", func(r repository) { r.replace("docs/Dockerfile", "LABEL", "COPY Dockerfile /\nLABEL") }, "[2/2] COPY Dockerfile /", "it is new in the Dockerfile", 3},
		{"label", func(r repository) { r.replace("docs/Dockerfile", "v=1", "v=2") }, "", "Labels of the image changed: v", 0},
		{"destination", func(r repository) { r.replace("docs/Dockerfile", "a /", "a /b") }, "[1/1] COPY a /b", `its text changed: "COPY a /" → "COPY a /b"`, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepository(t, repositoryFiles())
			test.edit(r)
			found := inJSON(t, "HEAD")
			var docs *comparison.Change
			for i := range found.Changes {
				if found.Changes[i].Service == "docs" {
					docs = &found.Changes[i]
				}
			}
			assert.Assert(t, docs != nil)
			assert.Equal(t, docs.Step, test.step)
			assert.Equal(t, docs.Reason, test.reason)
			assert.Equal(t, docs.Line, test.line)
			assert.Assert(t, docs.Exact)
			if test.line > 0 {
				assert.Equal(t, docs.File, filepath.Join(r.dir, "docs", "Dockerfile"))
			}
		})
	}
}

// TestAffectedLinked names the Dockerfile that the cause lies in, of another service.
func TestAffectedLinked(t *testing.T) {
	r := newRepository(t, repositoryFiles())
	r.write(map[string]string{"base/other": "x"})
	found := inJSON(t, "HEAD")
	assert.Equal(t, len(found.Changes), 2)
	for _, c := range found.Changes {
		assert.Equal(t, c.File, filepath.Join(r.dir, "base", "Dockerfile"))
		assert.Equal(t, c.Line, 3)
	}
}

func TestAffectedServices(t *testing.T) {
	r := newRepository(t, repositoryFiles())
	r.replace("compose.yaml", "  docs:", "  manual:")
	found := inJSON(t, "HEAD")
	assert.Equal(t, len(found.Changes), 1)
	assert.Assert(t, found.Changes[0].New)
	assert.DeepEqual(t, found.Removed, []string{"docs"})
	assert.DeepEqual(t, found.Same, []string{"api", "base", "web"})
	assert.Equal(t, found.Head.ID, "")
}

// TestAffectedWithoutBase is about bases that no plan can be made of.
func TestAffectedWithoutBase(t *testing.T) {
	for _, test := range []struct {
		name   string
		edit   func(repository)
		reason string
	}{
		{"no Compose file", func(r repository) { r.remove("compose.yaml") }, "no Compose file found"},
		{"a broken one", func(r repository) { r.write(map[string]string{"compose.yaml": "services: {docs: {build: [}}"}) }, "compose.yaml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRepository(t, repositoryFiles())
			test.edit(r)
			r.commit()
			r.write(repositoryFiles())
			found := inJSON(t, "HEAD")
			assert.Equal(t, len(found.Changes), 4)
			for _, c := range found.Changes {
				assert.Assert(t, !c.Exact && strings.Contains(c.Reason, test.reason), c.Reason)
				assert.Assert(t, !strings.Contains(c.Reason, "catmandu-revision"), c.Reason)
			}
		})
	}
	t.Run("one service", func(t *testing.T) {
		r := newRepository(t, repositoryFiles())
		r.remove("docs")
		r.commit()
		r.write(repositoryFiles())
		found := inJSON(t, "HEAD")
		assert.Equal(t, len(found.Changes), 1)
		assert.Assert(t, strings.Contains(found.Changes[0].Reason, "docs does not exist"), found.Changes[0].Reason)
	})
}

func TestAffectedPlaces(t *testing.T) {
	edit := func(r repository, prefix string) {
		r.write(map[string]string{prefix + "web/main.js": "x"})
	}
	t.Run("in a subfolder", func(t *testing.T) {
		files := map[string]string{}
		for name, text := range repositoryFiles() {
			files["apps/"+name] = text
		}
		r := newRepository(t, files)
		edit(r, "apps/")
		t.Chdir(filepath.Join(r.dir, "apps", "web"))
		assert.Equal(t, namesOf(t, "affected", "HEAD"), "web")
		t.Chdir(t.TempDir())
		assert.Equal(t, namesOf(t, "--file", filepath.Join(r.dir, "apps", "compose.yaml"), "affected", "HEAD"), "web")
		assert.Equal(t, namesOf(t, "--project-directory", filepath.Join(r.dir, "apps"), "affected", "HEAD"), "web")
	})
	t.Run("through a link", func(t *testing.T) {
		r := newRepository(t, repositoryFiles())
		edit(r, "")
		link := filepath.Join(t.TempDir(), "link")
		assert.NilError(t, os.Symlink(r.dir, link))
		t.Chdir(link)
		t.Setenv("PWD", link)
		assert.Equal(t, namesOf(t, "affected", "HEAD"), "web")
	})
	t.Run("in a worktree", func(t *testing.T) {
		r := newRepository(t, repositoryFiles())
		r.git("worktree", "add", "-q", "-b", "other", "../other")
		t.Chdir(filepath.Join(r.dir, "..", "other"))
		edit(repository{t, filepath.Join(r.dir, "..", "other")}, "")
		assert.Equal(t, namesOf(t, "affected", "HEAD"), "web")
		assert.Equal(t, namesOf(t, "affected", "main", "other"), "")
	})
	t.Run("in a sparse checkout", func(t *testing.T) {
		r := newRepository(t, repositoryFiles())
		edit(r, "")
		r.commit()
		r.git("sparse-checkout", "set", "--no-cone", "/compose.yaml", "/api", "/.*")
		assert.Equal(t, namesOf(t, "affected", "HEAD~1"), "web")
	})
	t.Run("with a context outside", func(t *testing.T) {
		r := newRepository(t, repositoryFiles())
		r.write(map[string]string{"../outside/Dockerfile": "FROM scratch\nCOPY b /\n", "../outside/b": "b"})
		r.replace("compose.yaml", "build: docs", "build: ../outside")
		r.commit()
		edit(r, "")
		assert.Equal(t, namesOf(t, "affected", "HEAD"), "web")
	})
	t.Run("with files of any name", func(t *testing.T) {
		r := newRepository(t, repositoryFiles())
		r.replace("compose.yaml", "services:", "include: [more/part]\nservices:")
		r.write(map[string]string{
			"more/part":         "services: {part: {build: {context: ., dockerfile: recipe of it}}}\n",
			"more/recipe of it": "FROM scratch\nCOPY part /\n",
		})
		r.commit()
		assert.Equal(t, namesOf(t, "affected", "HEAD"), "")
		r.remove("more")
		r.replace("compose.yaml", "include: [more/part]\n", "")
		head := r.commit()
		assert.Equal(t, namesOf(t, "affected", "--exact", head, "HEAD~1"), "part")
	})
	t.Run("outside of a repository", func(t *testing.T) {
		inProject(t, repositoryFiles())
		_, _, err := runCommand(t, &fakeBuilder{}, "affected", "HEAD")
		assert.ErrorContains(t, err, "is not in a git repository")
	})
}

// TestAffectedGuesses is about what can't be known without a builder: files that the build may take count.
func TestAffectedGuesses(t *testing.T) {
	r := newRepository(t, repositoryFiles())
	r.write(map[string]string{
		"compose.yaml": `services:
  foreign: {build: a}
  remote: {build: "https://example.com/x.git"}
  url: {build: b}
`,
		"a/Dockerfile": "# syntax=example.com/frontend\nanything\n",
		"a/x":          "x",
		"b/Dockerfile": "FROM scratch\nADD https://example.com/y /\nCOPY x /\n",
		"b/x":          "x",
	})
	r.commit()
	assert.Equal(t, namesOf(t, "affected", "HEAD"), "")
	r.write(map[string]string{"a/x": "y", "b/z": "z"})
	found := inJSON(t, "HEAD")
	assert.Equal(t, len(found.Changes), 1)
	assert.Assert(t, strings.HasPrefix(found.Changes[0].Reason, "not predictable: "), found.Changes[0].Reason)
	assert.Assert(t, strings.HasSuffix(found.Changes[0].Reason, "x changed"), found.Changes[0].Reason)
	r.replace("compose.yaml", "x.git", "y.git")
	assert.Equal(t, namesOf(t, "affected", "HEAD"), "foreign remote")
	r.replace("b/Dockerfile", "y /", "z /")
	assert.Equal(t, namesOf(t, "affected", "HEAD"), "foreign remote url")
}

func TestAffectedSubmodule(t *testing.T) {
	r := newRepository(t, repositoryFiles())
	module := repository{t, filepath.Join(r.dir, "..", "module")}
	module.write(map[string]string{"m": "m"})
	module.git("init", "-q", "-b", "main")
	first := module.commit()
	module.write(map[string]string{"m": "n"})
	second := module.commit()
	r.git("submodule", "--quiet", "add", "../module", "docs/module")
	r.git("-C", "docs/module", "checkout", "-q", first)
	r.commit()
	clone := repository{t, filepath.Join(r.dir, "..", "clone")}
	r.git("clone", "-q", r.dir, clone.dir)
	t.Chdir(clone.dir)
	assert.Equal(t, namesOf(t, "affected", "HEAD"), "")
	clone.git("update-index", "--cacheinfo", "160000,"+second+",docs/module")
	assert.Equal(t, namesOf(t, "affected", "HEAD"), "api docs") // whether .dockerignore has it is not looked at
	clone.git("commit", "-qm", "x")
	assert.Equal(t, namesOf(t, "affected", "HEAD~1", "HEAD"), "api docs")
}

// TestAffectedPrivate is about what git ignores and loading a project reads: it is the same for both sides.
func TestAffectedPrivate(t *testing.T) {
	files := repositoryFiles()
	delete(files, ".env")
	files[".gitignore"] = ".env\n*.override.yaml\nbuilt\nsettings/\n"
	files["compose.yaml"] += "  built: {build: built}\n"
	r := newRepository(t, files)
	r.write(map[string]string{
		".env":                  "VERSION=7\n",
		"compose.override.yaml": "services: {docs: {build: {args: {A: b}}}}\n",
		"settings/env":          "VERSION=8\n",
		"built/Dockerfile":      "FROM scratch\nCOPY x /\n",
		"built/x":               "x",
	})
	assert.Equal(t, namesOf(t, "affected", "HEAD"), "")
	assert.Equal(t, namesOf(t, "--env-file", "settings/env", "affected", "HEAD"), "")
	r.write(map[string]string{"web/main.js": "x"})
	head := r.commit()
	assert.Equal(t, namesOf(t, "affected", "HEAD~1"), "web")
	assert.Equal(t, namesOf(t, "affected", "HEAD~1", head), "web")
}

func TestAffectedBase(t *testing.T) {
	r := newRepository(t, repositoryFiles())
	r.git("checkout", "-q", "-b", "work")
	r.write(map[string]string{"web/main.js": "x"})
	r.commit()
	r.git("checkout", "-q", "main")
	r.write(map[string]string{"docs/a": "x"})
	r.commit()
	r.git("checkout", "-q", "work")
	assert.Equal(t, namesOf(t, "affected"), "web")
	assert.Equal(t, namesOf(t, "affected", "main"), "web")
	assert.Equal(t, namesOf(t, "affected", "--exact", "main"), "docs web")
	assert.Assert(t, inJSON(t, "main").Base.MergeBase)
	t.Setenv("GITHUB_BASE_REF", "work")
	assert.Equal(t, namesOf(t, "affected"), "")
	_, _, err := runCommand(t, &fakeBuilder{}, "affected", "nowhere")
	assert.ErrorContains(t, err, `unknown git revision "nowhere"`)
	_, _, err = runCommand(t, &fakeBuilder{}, "affected", "a", "b", "c")
	assert.ErrorContains(t, err, "takes BASE and HEAD")
}

func TestAffectedTarget(t *testing.T) {
	r := newRepository(t, repositoryFiles())
	r.write(map[string]string{"api/main.py": "x"})
	assert.Equal(t, namesOf(t, "affected", "HEAD"), "api")
	assert.Equal(t, namesOf(t, "affected", "--target", "api=deps", "HEAD"), "")
	r.write(map[string]string{"api/lock": "x"})
	assert.Equal(t, namesOf(t, "affected", "--target", "api=deps", "HEAD"), "api")
	out, _, err := runCommand(t, &fakeBuilder{}, "affected", "--target", "api=deps", "--platform", "linux/amd64,linux/arm64", "--format", "github-matrix", "HEAD")
	assert.NilError(t, err)
	assert.Equal(t, out, `{"include":[{"service":"api","target":"deps","platform":"linux/amd64"},`+
		`{"service":"api","target":"deps","platform":"linux/arm64"}]}`+"\n")
}

func TestBuildAffected(t *testing.T) {
	r := newRepository(t, repositoryFiles())
	f := &fakeBuilder{result: &buildx.Result{}}
	_, stderr, err := runCommand(t, f, "build", "--affected", "HEAD")
	assert.NilError(t, err)
	assert.Assert(t, f.plan == nil)
	assert.Assert(t, strings.Contains(stderr, "nothing to build"), stderr)

	r.write(map[string]string{"web/main.js": "x"})
	_, stderr, err = runCommand(t, f, "build", "--affected", "HEAD")
	assert.NilError(t, err)
	linked := map[string]bool{}
	for _, target := range f.plan.Targets {
		linked[target.Service] = target.Linked
	}
	assert.Assert(t, maps.Equal(linked, map[string]bool{"base": true, "web": false}), "%v", linked)
	assert.Assert(t, strings.Contains(stderr, "not affected since HEAD"), stderr)
	assert.Assert(t, strings.Contains(stderr, ": api, base, docs\n"), stderr)

	f.plan = nil
	_, _, err = runCommand(t, f, "build", "--affected", "", "docs")
	assert.NilError(t, err)
	assert.Assert(t, f.plan == nil)
}
