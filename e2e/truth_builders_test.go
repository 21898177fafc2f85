//go:build e2e

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// remote chooses the BuildKit that all share, or one for the project alone.
func remote(env *testscript.Env, p truthProject) (stop func(), err error) {
	address, stop := os.Getenv("BUILDKIT_ADDR"), func() {}
	if p.own {
		w, err := truthWorld().sub("b" + p.name)
		if err != nil {
			return nil, err
		}
		d, err := w.run("tools/buildkitd", "--config", w.path("buildkitd.toml"))
		if err == nil {
			err = d.ready(listens(w.path("buildkitd.sock")))
		}
		if err != nil {
			return nil, err
		}
		address, stop = "unix://"+w.path("buildkitd.sock"), w.stop
	}
	env.Setenv("BUILDX_BUILDER", "remote")
	return stop, docker(env, "buildx", "create", "--name", "remote", "--driver", "remote", address)
}

// TestTruthBuilders is a small TestTruth with the other builders, of which one is a BuildKit of years ago.
func TestTruthBuilders(t *testing.T) {
	for _, b := range builders {
		if b.name == "remote" || b.name == "container" { // the same BuildKit
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			all := &score{observed: os.Getenv("TRUTH_OBSERVE") != ""}
			r, err := newTruthRun(builderProject("by-"+b.name), 1, all, func(env *testscript.Env, _ truthProject) (func(), error) {
				return func() {}, errors.Join(b.setup(env), wake(env))
			})
			check(t, err)
			check(t, r.run())
			t.Log(all)
			for _, problem := range all.problems(1) {
				t.Error(problem)
			}
		})
	}
}

// wake builds nothing, so that the builder runs: while none does, nobody can tell what an image's tag stands for.
func wake(env *testscript.Env) error {
	dir := mkdir(filepath.Join(env.WorkDir, "wake"))
	text := composeOf("{dockerfile_inline: FROM scratch}")
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	return docker(env, "catmandu", "--project-directory", dir, "build", "--output", "type=cacheonly")
}

// builderProject is understood by all builders.
func builderProject(name string) truthProject {
	return truthProject{name: name, files: map[string]string{
		"compose.yaml": composeOf("{context: ., args: {GIVEN: from-compose}}"),
		"Dockerfile": strings.ReplaceAll(`FROM truth/NAME:1 AS base
WORKDIR /in
COPY a ./
ARG GIVEN
RUN mix base >/out/1
FROM base AS build
COPY src src
ENV KIND=build
RUN --mount=type=bind,source=m,target=/in/m --mount=type=cache,target=/var/c mix build >/out/2
FROM base AS prod
COPY --from=build /out/2 ./
COPY *.txt ./
RUN mix prod >/out/3
CMD ["a"]
`, "NAME", name),
		"a": "a of " + name + "\n", "src/b": "b of " + name + "\n", "src/sub/c": "c of " + name + "\n", "m": "m of " + name + "\n",
		"d.txt": "d of " + name + "\n", "unused": "unused of " + name + "\n",
	}, mutations: append(dockerfile(
		"edit RUN", "mix build", "mix built", byInstruction,
		"edit ENV", "KIND=build", "KIND=built", byEnv("KIND"),
		"edit CMD", "CMD [\"a\"]", "CMD [\"b\"]", nothing,
		"comment", "FROM base AS prod", "# prod\nFROM base AS prod", nothing,
		"insert RUN", "COPY *.txt", "RUN mix more >/out/4\nCOPY *.txt", byInstruction,
		"delete COPY", "COPY *.txt ./\n", "", byInstruction,
	), []mutation{
		{"edit a", rewrite("a"), nil, byFiles},
		{"edit in a folder", lengthen("src/sub/c"), nil, byFiles},
		{"edit a mounted file", rewrite("m"), nil, byFiles},
		{"add to a wildcard", create("e.txt", "e\n"), nil, byFiles},
		{"chmod", chmod("src/b", 0o755), nil, byFiles},
		{"touch", shell("touch a src/b d.txt"), nil, nothing},
		{"edit what is not copied", lengthen("unused"), nil, nothing},
		{"args of the Compose file", swap("compose.yaml", "from-compose", "from-there"), nil, byArg("GIVEN")},
		{"--build-arg", nil, []string{"--build-arg", "GIVEN=flag"}, byArg("GIVEN")},
		{"the base image moves", moveBase, nil, byBase},
		{"--no-cache", nil, []string{"--no-cache"}, byNoCache},
	}...)}
}
