//go:build e2e

package e2e

import "fmt"

// Projects for stages, platforms and the images that they build on.

// stagesProject has stages for development and production, and some that are not reached.
func stagesProject() truthProject {
	return truthProject{name: "stages", apart: true, files: map[string]string{
		"compose.yaml": composeOf("."),
		"Dockerfile": `FROM truth/stages:1 AS base
COPY a /in/
RUN mix base >/out/base
FROM base AS unused
COPY unused /in/
RUN mix unused >/out/unused
FROM base AS build
COPY b /in/
RUN mix build >/out/build
FROM base AS dev
COPY d /in/
RUN mix dev >/out/dev
FROM base AS prod
COPY --from=build /out/build /in/
RUN mix prod >/out/prod
`,
		"a": "a of stages\n", "b": "b of stages\n", "d": "d of stages\n", "unused": "unused of stages\n",
	}, build: [][]string{{"--target", "dev"}}, mutations: append(dockerfile(
		"edit a stage that is not reached", "mix unused", "mix used", nothing,
		"new stage that is not reached", "FROM base AS dev", "FROM scratch AS new\nCOPY d /\nFROM base AS dev", nothing,
		"no stage that is not reached", "FROM base AS unused\nCOPY unused /in/\nRUN mix unused >/out/unused\n", "", nothing,
		"stages in another order", "FROM base AS build\nCOPY b /in/\nRUN mix build >/out/build\nFROM base AS dev\nCOPY d /in/\nRUN mix dev >/out/dev\n",
		"FROM base AS dev\nCOPY d /in/\nRUN mix dev >/out/dev\nFROM base AS build\nCOPY b /in/\nRUN mix build >/out/build\n", nothing,
		"another name for a stage", "FROM base AS build", "FROM base AS BUILD", nothing,
		"edit the common stage", "mix base", "mix basis", byInstruction,
		"edit the build stage", "mix build", "mix built", byInstruction,
		"insert a stage between", "FROM base AS prod\n", "FROM base AS between\nRUN mix between >/out/between\nFROM between AS prod\n", byInstruction,
	), []mutation{
		{"edit the common file", rewrite("a"), nil, byFiles},
		{"edit the build stage's file", lengthen("b"), nil, byFiles},
		{"edit the other target's file", lengthen("d"), nil, nothing},
		{"edit an unused file", lengthen("unused"), nil, nothing},
		{"the other target", nil, []string{"--target", "dev"}, nothing},
		{"edit, and the other target", lengthen("a"), []string{"--target", "dev"}, byFiles},
		{"--no-cache", nil, []string{"--no-cache"}, byNoCache},
		{"no_cache", swap("compose.yaml", "build: .", "build: {context: ., no_cache: true}"), nil, byNoCache},
	}...)}
}

// triggersProject builds on images with ONBUILD, one in the registry and one of its own.
func triggersProject() truthProject {
	return truthProject{name: "triggers", apart: true, files: map[string]string{
		"compose.yaml": composeOf("."),
		"Dockerfile": `FROM truth/triggers:1 AS own
ONBUILD COPY a /in/
ONBUILD RUN mix own >/out/1
FROM own AS middle
RUN mix middle >/out/2
COPY b /in/
`,
		"a": "a of triggers\n", "b": "b of triggers\n",
	}, mutations: append(dockerfile(
		"edit ONBUILD RUN", "mix own", "mix owned", byInstruction,
		"another ONBUILD", "ONBUILD RUN", "ONBUILD COPY b /in/early\nONBUILD RUN", byInstruction,
	), []mutation{
		{"edit what ONBUILD copies", rewrite("a"), nil, byFiles},
		{"edit what is copied after", rewrite("b"), nil, byFiles},
		{"an image with ONBUILD", func(tr *workTree) error {
			return errJoin(pushTriggers(tr, "truth/triggers-image:1", "COPY a /triggered"),
				swap("Dockerfile", "COPY b /in/\n", "COPY b /in/\nFROM truth/triggers-image:1\nCOPY --from=middle /out/2 /b\n")(tr))
		}, nil, byInstruction},
	}...)}
}

// platformsProject is built for two platforms. What runs can't be run on the other, so nothing does.
func platformsProject() truthProject {
	return truthProject{name: "platforms", files: map[string]string{
		"compose.yaml": composeOf("{context: ., platforms: [linux/amd64, linux/arm64]}"),
		"Dockerfile": `FROM scratch AS base
ARG TARGETARCH
COPY a /platforms/a
COPY bin/$TARGETARCH /platforms/bin
FROM base
COPY --link b /platforms/b
COPY --from=base /platforms/a /platforms/again
`,
		"a": "a of platforms\n", "b": "b of platforms\n", "bin/amd64": "amd64 of platforms\n", "bin/arm64": "arm64 of platforms\n",
	}, mutations: []mutation{
		{"edit a", rewrite("a"), nil, byFiles},
		{"edit b", rewrite("b"), nil, byFiles},
		{"edit one platform's", rewrite("bin/amd64"), nil, byFiles},
		{"edit the other platform's", lengthen("bin/arm64"), nil, byFiles},
		{"chmod b", chmod("b", 0o755), nil, byFiles},
		{"touch", shell("touch a b bin/*"), nil, nothing},
		{"one platform", nil, []string{"--platform", "linux/amd64"}, nothing},
		{"a label", swap("Dockerfile", "COPY --link", "LABEL a=b\nCOPY --link"), nil, nothing},
	}}
}

// prunedProject has a builder that forgets.
func prunedProject() truthProject {
	prune := func(args ...string) func(*workTree) error {
		return func(tr *workTree) error { return tr.docker(append([]string{"buildx", "prune", "--force"}, args...)...) }
	}
	byGone := want{kinds: []string{"gone"}}
	return truthProject{name: "pruned", own: true, files: map[string]string{
		"compose.yaml": composeOf("."),
		"Dockerfile": `FROM truth/pruned:1 AS build
COPY a /in/
RUN mix build >/out/1
FROM truth/pruned:1
COPY --from=build /out /in/
RUN mix last >/out/2
COPY b /in/
`,
		"a": "a of pruned\n", "b": "b of pruned\n",
	}, mutations: []mutation{
		{"prune all", prune("--all"), nil, byGone},
		{"prune", prune(), nil, byGone},
		{"prune all again", prune("--all"), nil, byGone},
		{"prune cache mounts", prune("--filter", "type=exec.cachemount"), nil, nothing},
		{"edit a", rewrite("a"), nil, byFiles},
		{"edit b", lengthen("b"), nil, byFiles},
		{"edit RUN", swap("Dockerfile", "mix last", "mix end"), nil, byInstruction},
	}}
}

// baseProject builds on an image whose tag moves.
func baseProject() truthProject {
	p := truthProject{name: "base", files: map[string]string{
		"compose.yaml": composeOf("."),
		"Dockerfile": `FROM truth/base:1 AS build
COPY a /in/
RUN mix 1 >/out/1
FROM truth/base:1 AS other
RUN mix 2 >/out/2
FROM scratch
COPY --from=build /out/1 /base1
COPY --from=other /out/2 /base2
`,
		"a": "a of base\n",
	}}
	for i := range 4 {
		p.mutations = append(p.mutations, mutation{fmt.Sprintf("the base image moves, %d", i+1), moveBase, nil, byBase})
	}
	p.mutations = append(p.mutations, []mutation{
		{"--pull", nil, []string{"--pull"}, nothing},
		{"COPY --from by number", swap("Dockerfile", "--from=build", "--from=0"), nil, nothing},
		{"edit a", rewrite("a"), nil, byFiles},
		{"another base", swap("Dockerfile", "FROM truth/base:1 AS other", "FROM build AS other"), nil, want{kinds: []string{"base", "instruction", "new"}}},
	}...)
	return p
}
