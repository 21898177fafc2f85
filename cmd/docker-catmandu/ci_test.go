package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/workflow"
)

var ciProject = map[string]string{
	"app/compose.yaml": `name: shop
services:
  web:
    image: registry.example.com/acme/web
    build:
      context: .
      secrets: [token]
  jobs: {build: {context: ., target: jobs}}
secrets: {token: {environment: NPM_TOKEN}}
`,
	"app/Dockerfile": "FROM scratch AS jobs\nFROM scratch AS web\nRUN --mount=type=cache,target=/c true\n",
}

// What a workflow runs are commands that there are, with flags that they have. Its steps run here with a docker, git and make that do
// nothing but note what they are called with.
func TestCIInitCommands(t *testing.T) {
	for shell, ci := range map[string]string{"bash": "github", "sh": "gitlab"} {
		t.Run(ci, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skip("no " + shell + " in PATH")
			}
			r := newRepository(t, ciProject)
			text, _, err := runCommand(t, &fakeBuilder{}, "--project-directory", "app", "ci", "init", ci, "--output", "-", "--bench", "--plugin-version", "v1")
			assert.NilError(t, err)
			calls, variables := ciCalls(t, r.dir, shell, text)
			if ci == "github" {
				assert.Equal(t, variables, "CACHE=registry=ghcr.io/acme/shop/cache\n") // a registry takes no capitals
			}
			var names []string
			for _, call := range calls {
				if call[0] != "catmandu" {
					continue
				}
				root := newRootCommand(&app{})
				cmd, rest, err := root.Traverse(call[1:])
				assert.NilError(t, err, "%q", call)
				assert.NilError(t, cmd.ParseFlags(rest), "%q", call)
				assert.NilError(t, cmd.ValidateArgs(cmd.Flags().Args()), "%q", call)
				names = append(names, strings.TrimPrefix(cmd.CommandPath(), "catmandu "))
			}
			slices.Sort(names)
			assert.DeepEqual(t, slices.Compact(names), []string{"bench", "build", "cache restore", "cache save"})
		})
	}
}

// ciCalls are the arguments of each call of docker in a workflow, and what it gives later steps as variables.
func ciCalls(t *testing.T, dir, shell, text string) (calls [][]string, variables string) {
	t.Helper()
	stubs := t.TempDir()
	for _, name := range []string{"docker", "git", "make", "mv", "cp"} {
		stub := "#!/bin/sh\n{ for a; do printf '%s\\n' \"$a\"; done; echo; } >>\"$STUBS/" + name + ".log\"\n"
		assert.NilError(t, os.WriteFile(filepath.Join(stubs, name), []byte(stub), 0o755))
	}
	var doc any
	assert.NilError(t, yaml.Unmarshal([]byte(text), &doc))
	for _, script := range ciScripts(doc) {
		cmd := exec.Command(shell, "-e", "-c", script)
		cmd.Dir = dir
		cmd.Env = []string{
			"PATH=" + stubs + ":" + os.Getenv("PATH"), "STUBS=" + stubs, "HOME=" + stubs, "RUNNER_TEMP=" + stubs, "GITHUB_ENV=" + filepath.Join(stubs, "env"),
			"GITHUB_REPOSITORY=Acme/Shop", "CACHE=registry=example.com/cache", "CI_REGISTRY_IMAGE=example.com/acme/shop", "PUSH=--push",
			"CI_COMMIT_BRANCH=main", "CI_DEFAULT_BRANCH=main", "CI_MERGE_REQUEST_DIFF_BASE_SHA=abc", "GITHUB_BASE_REF=main", "PASSWORD=x",
		}
		out, err := cmd.CombinedOutput()
		assert.NilError(t, err, "%s\n%s", script, out)
	}
	log, err := os.ReadFile(filepath.Join(stubs, "docker.log"))
	assert.NilError(t, err)
	for call := range strings.SplitSeq(strings.TrimSpace(string(log)), "\n\n") {
		calls = append(calls, strings.Split(call, "\n"))
	}
	env, _ := os.ReadFile(filepath.Join(stubs, "env"))
	return calls, string(env)
}

// ciScripts are all that the steps or jobs of a workflow run.
func ciScripts(doc any) []string {
	var out []string
	switch v := doc.(type) {
	case []any:
		for _, item := range v {
			out = append(out, ciScripts(item)...)
		}
	case map[string]any:
		for key, value := range v {
			lines, isList := value.([]any)
			switch text, isText := value.(string); {
			case key == "run" && isText:
				out = append(out, text)
			case isList && (key == "script" || key == "before_script" || key == "after_script"):
				var all []string
				for _, line := range lines {
					all = append(all, line.(string))
				}
				out = append(out, strings.Join(all, "\n"))
			default:
				out = append(out, ciScripts(value)...)
			}
		}
	}
	return out
}

// A workflow is for the repository that the project is in, says which files were chosen, and what a job won't have.
func TestCIInitFacts(t *testing.T) {
	files := map[string]string{".gitignore": ".env\n", "app/more.yaml": "services: {web: {build: {args: {A: b}}}}\n", "app/.env": "A=b\n"}
	for name, text := range ciProject {
		files[name] = text
	}
	r := newRepository(t, files)
	t.Chdir(filepath.Join(r.dir, "app"))
	out, errs, err := runCommand(t, &fakeBuilder{}, "-f", "compose.yaml", "-f", "more.yaml", "-p", "x", "ci", "init", "github", "--plugin-version", "v1", "web")
	assert.NilError(t, err)
	path := filepath.Join(r.dir, ".github/workflows/build.yaml")
	assert.Equal(t, strings.TrimSpace(out), path)
	text, err := os.ReadFile(path)
	assert.NilError(t, err)
	for _, want := range []string{
		"working-directory: app\n", "COMPOSE_FILE: compose.yaml:more.yaml\n", "COMPOSE_PROJECT_NAME: x\n", "      - main\n",
		"run: docker catmandu build --target prod --cache \"$CACHE\" --push web\n", "NPM_TOKEN: ${{ secrets.NPM_TOKEN }}\n",
	} {
		assert.Assert(t, strings.Contains(string(text), want), "%s\n%s", want, text)
	}
	assert.Assert(t, strings.Contains(errs, "note: app/.env is ignored by git: a job doesn't have it"), errs)

	// What is there is not written over, but is fine when it is the same.
	_, _, err = runCommand(t, &fakeBuilder{}, "-f", "compose.yaml", "-f", "more.yaml", "-p", "x", "ci", "init", "github", "--plugin-version", "v1", "web")
	assert.NilError(t, err)
	_, _, err = runCommand(t, &fakeBuilder{}, "ci", "init", "github", "--plugin-version", "v2")
	assert.ErrorContains(t, err, path+" is there already\nhint: --force")
	_, _, err = runCommand(t, &fakeBuilder{}, "ci", "init", "github", "--plugin-version", "v2", "--force")
	assert.NilError(t, err)
	text, err = os.ReadFile(path)
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(text), "checkout -q v2\n"))
	_, _, err = runCommand(t, &fakeBuilder{}, "-f", "-", "ci", "init", "github", "--plugin-version", "v2")
	assert.Assert(t, err != nil)
}

// A dev build installs what the plugin's repository has now, or its branch where that doesn't say.
func TestCIInitPin(t *testing.T) {
	r := newRepository(t, ciProject)
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "url."+r.dir+".insteadOf")
	t.Setenv("GIT_CONFIG_VALUE_0", workflow.Repository)
	out, errs, err := runCommand(t, &fakeBuilder{}, "--project-directory", "app", "ci", "init", "github", "-o", "-")
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(out, " checkout -q "+r.git("rev-parse", "main")+"\n"), out)
	assert.Assert(t, !strings.Contains(errs, "not pinned"), errs)
	t.Setenv("GIT_CONFIG_KEY_0", "url."+r.dir+"/nowhere.insteadOf")
	out, errs, err = runCommand(t, &fakeBuilder{}, "--project-directory", "app", "ci", "init", "github", "-o", "-")
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(out, " checkout -q main\n"), out)
	assert.Assert(t, strings.Contains(errs, "note: the plugin is not pinned"), errs)
}
