package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

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
