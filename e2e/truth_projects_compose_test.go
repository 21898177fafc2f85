//go:build e2e

package e2e

// Projects for what a Compose file can say.

// composeFile makes the mutations of texts in the Compose file: name, before, after, want.
func composeFile(changes ...any) []mutation {
	var all []mutation
	for i := 0; i < len(changes); i += 4 {
		name, before, after := changes[i].(string), changes[i+1].(string), changes[i+2].(string)
		all = append(all, mutation{name, swap("compose.yaml", before, after), nil, changes[i+3].(want)})
	}
	return all
}

// contextsProject reads two named contexts, of which one hides files.
func contextsProject() truthProject {
	return truthProject{name: "contexts", apart: true, files: map[string]string{
		"compose.yaml": composeOf("{context: app, additional_contexts: {data: data, other: ./more/other}}"),
		"app/Dockerfile": `FROM truth/contexts:1
COPY a /in/
COPY --from=data . /in/data/
COPY --from=other sub/o* /in/other/
RUN mix contexts >/out/1
`,
		"app/a": "a of contexts\n", "app/unused": "unused of contexts\n", "data/d": "d of contexts\n", "data/hidden": "hidden of contexts\n",
		"data/.dockerignore": "hidden\n", "more/other/sub/o": "o of contexts\n", "more/other/sub/p": "p of contexts\n", "else/sub/o": "else of contexts\n",
	}, contexts: []string{"app", "data", "more/other", "else"}, mutations: append(composeFile(
		"another folder for a named context", "./more/other", "./else", byNames("sub/o", "sub"),
		"a label of the image", "context: app", "labels: {a: b}, context: app", nothing,
	), []mutation{
		{"edit in the context", rewrite("app/a"), nil, byFiles},
		{"edit what is not copied", rewrite("app/unused"), nil, nothing},
		{"edit in a named context", rewrite("data/d"), nil, byFiles},
		{"add to a named context", create("data/new", "new\n"), nil, byFiles},
		{"chmod in a named context", chmod("data/d", 0o700), nil, byFiles},
		{"edit what a named context hides", lengthen("data/hidden"), nil, nothing},
		{"edit in the other named context", lengthen("more/other/sub/o"), nil, byFiles},
		{"edit what is not copied of it", lengthen("more/other/sub/p"), nil, nothing},
		{"add what a wildcard has", create("more/other/sub/oo", "oo\n"), nil, byFiles},
		{"touch", shell("find . -type f -exec touch {} +"), nil, nothing},
		{"the context under another name", func(tr *workTree) error {
			return errJoin(swap("compose.yaml", "context: app", "context: application")(tr), shell("mv app application")(tr))
		}, nil, nothing},
	}...)}
}

// linkedProject has a service that is built on another.
func linkedProject() truthProject {
	return truthProject{name: "linked", files: map[string]string{
		"compose.yaml": `services:
  base:
    build: {context: base}
  app:
    build: {context: app, additional_contexts: {base: "service:base"}}
`,
		"base/Dockerfile": "FROM truth/linked:1\nENV BASE=base\nCOPY a /in/\nRUN mix base >/out/1\n",
		"app/Dockerfile":  "FROM base\nCOPY b /in/\nRUN mix app >/out/2\n",
		"base/a":          "a of linked\n", "app/b": "b of linked\n", "app/unused": "unused\n",
	}, contexts: []string{"base", "app"}, mutations: []mutation{
		{"edit of the base", rewrite("base/a"), nil, byFiles},
		{"edit of the app", rewrite("app/b"), nil, byFiles},
		{"edit RUN of the base", swap("base/Dockerfile", "mix base", "mix basis"), nil, byInstruction},
		{"edit RUN of the app", swap("app/Dockerfile", "mix app", "mix application"), nil, byInstruction},
		{"edit ENV of the base", swap("base/Dockerfile", "BASE=base", "BASE=basis"), nil, byEnv("BASE")},
		{"edit what is not copied", lengthen("app/unused"), nil, nothing},
		{"a label of the base", swap("base/Dockerfile", "ENV", "LABEL a=b\nENV"), nil, nothing},
	}}
}

// sharedProject has two services of one Dockerfile and a third with the same first lines.
func sharedProject() truthProject {
	return truthProject{name: "shared", files: map[string]string{
		"compose.yaml": `services:
  api: {build: {context: ., target: api, args: {WHO: api}}}
  web: {build: {context: ., target: web, args: {WHO: web}}}
  job: {build: {context: ., dockerfile: job.Dockerfile}}
`,
		"Dockerfile": `FROM truth/shared:1 AS base
COPY a /in/
RUN mix base >/out/1
FROM base AS api
ARG WHO
RUN mix api >/out/2
FROM base AS web
ARG WHO
RUN mix web >/out/2
COPY w /in/
`,
		"job.Dockerfile": "FROM truth/shared:1\nCOPY a /in/\nRUN mix base >/out/1\nCOPY j /in/\n",
		"a":              "a of shared\n", "w": "w of shared\n", "j": "j of shared\n",
	}, mutations: append(composeFile(
		"args of one service", "WHO: api", "WHO: another", byArg("WHO"),
		"args of the other service", "WHO: web", "WHO: another", byArg("WHO"),
	), []mutation{
		{"edit what all copy", rewrite("a"), nil, byFiles},
		{"edit what one copies", rewrite("w"), nil, byFiles},
		{"edit what the third copies", rewrite("j"), nil, byFiles},
		{"edit RUN that two share", swap("Dockerfile", "mix base", "mix basis"), nil, byInstruction},
		{"edit RUN of one", swap("Dockerfile", "mix web", "mix site"), nil, byInstruction},
		{"edit the third's Dockerfile", swap("job.Dockerfile", "mix base", "mix job"), nil, byInstruction},
		{"--no-cache", nil, []string{"--no-cache"}, byNoCache},
	}...)}
}

// composeProject has settings in the Compose file that reach the build.
func composeProject() truthProject {
	return truthProject{name: "compose", apart: true, files: map[string]string{
		"compose.yaml": `services:
  web:
    image: truth-compose
    build:
      context: .
      args:
        FEED: ${FEED:-nothing}
      labels: {kind: web}
      tags: ["truth-compose:1"]
      extra_hosts: ["one:10.0.0.1"]
      shm_size: 64mb
      ulimits: {nofile: 1000}
      network: none
      pull: false
`,
		".env":          "FEED=fed\nOTHER=1\n",
		".dockerignore": ".env\ncompose.yaml\nDockerfile\nContainerfile\ncompose.override.yaml\n",
		"Dockerfile": `FROM truth/compose:1 AS build
ARG FEED
RUN mix build >/out/1
FROM truth/compose:1 AS other
COPY a /in/
RUN mix other >/out/2
FROM scratch
COPY --from=build /out/1 /compose1
COPY --from=other /out/2 /compose2
`,
		"a": "a of compose\n",
	}, mutations: append(composeFile(
		"labels", "kind: web", "kind: site", nothing,
		"tags", "truth-compose:1", "truth-compose:2", nothing,
		"image", "image: truth-compose\n", "image: truth-composed\n", nothing,
		"address of a host", "10.0.0.1", "10.0.0.2", nothing,
		"another host", "\"one:10.0.0.1\"", "\"one:10.0.0.1\", \"two:10.0.0.2\"", byInstruction,
		"shm_size", "64mb", "32mb", byInstruction,
		"ulimits", "nofile: 1000", "nofile: 2000", byInstruction,
		"network", "network: none", "network: default", byInstruction,
		"args", "FEED: ${FEED:-nothing}", "FEED: text", byArg("FEED"),
		"an arg that no stage declares", "FEED: ${FEED:-nothing}", "FEED: ${FEED:-nothing}\n        NOBODY: x", nothing,
		"pull", "pull: false", "pull: true", nothing,
	), []mutation{
		{"no cache for a stage", swap("compose.yaml", "pull: false", "no_cache_filter: [other]"), nil, byNoCache},
		{"no cache for another stage", swap("compose.yaml", "pull: false", "no_cache_filter: [build]"), nil, byNoCache},
		{"args as a list", swap("compose.yaml", "      args:\n        FEED: ${FEED:-nothing}", "      args: [\"FEED=fed\"]"), nil, nothing},
		{".env feeds an arg", swap(".env", "FEED=fed", "FEED=full"), nil, byArg("FEED")},
		{".env of no arg", swap(".env", "OTHER=1", "OTHER=2"), nil, nothing},
		{"an override file with an arg", create("compose.override.yaml", "services: {web: {build: {args: {FEED: over}}}}\n"), nil, byArg("FEED")},
		{"an override file with a target", create("compose.override.yaml", "services: {web: {build: {target: build}}}\n"), nil, nothing},
		{"edit a", rewrite("a"), nil, byFiles},
		{"the Dockerfile under another name", func(tr *workTree) error {
			return errJoin(swap("compose.yaml", "context: .\n", "context: .\n      dockerfile: Containerfile\n")(tr), shell("mv Dockerfile Containerfile")(tr))
		}, nil, nothing},
	}...)}
}

// inlineProject has its Dockerfile in the Compose file.
func inlineProject() truthProject {
	return truthProject{name: "inline", files: map[string]string{
		"compose.yaml": `services:
  web:
    build:
      context: src
      dockerfile_inline: |
        FROM truth/inline:1
        ARG A=a
        COPY a /in/
        RUN mix inline >/out/1
`,
		"src/a": "a of inline\n", "src/Dockerfile": "FROM scratch\nCOPY nothing /\n",
	}, contexts: []string{"src"}, mutations: append(composeFile(
		"edit RUN", "mix inline", "mix within", byInstruction,
		"insert RUN", "        COPY a /in/\n", "        RUN mix before >/out/0\n        COPY a /in/\n", byInstruction,
		"another name for the service", "  web:\n", "  site:\n", nothing,
		"comment", "        COPY a", "        # a\n        COPY a", nothing,
		"default of an ARG", "ARG A=a", "ARG A=b", byArg("A"),
	), []mutation{
		{"edit a", rewrite("src/a"), nil, byFiles},
		{"edit the Dockerfile that is not used", lengthen("src/Dockerfile"), nil, nothing},
	}...)}
}
