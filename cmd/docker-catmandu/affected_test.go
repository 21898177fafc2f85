package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

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
