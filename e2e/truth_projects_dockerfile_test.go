//go:build e2e

package e2e

// Projects for what a Dockerfile can say.

// dockerfile makes the mutations of texts in the Dockerfile: name, before, after, want.
func dockerfile(changes ...any) []mutation {
	var all []mutation
	for i := 0; i < len(changes); i += 4 {
		name, before, after := changes[i].(string), changes[i+1].(string), changes[i+2].(string)
		all = append(all, mutation{name, swap("Dockerfile", before, after), nil, changes[i+3].(want)})
	}
	return all
}

func instructionsProject() truthProject {
	return truthProject{
		name: "instructions", files: map[string]string{
			"compose.yaml": composeOf("."),
			"Dockerfile": `# what for
FROM truth/instructions:1 AS base
LABEL kind=base
WORKDIR /in/work
RUN mix first >/out/1
COPY a ./
RUN mix second \
    >/out/2
RUN --network=none mix third >/out/3
USER 65534
RUN mix fourth >/out/4
FROM base AS last
SHELL ["/bin/sh", "-ec"]
RUN mix fifth >/out/5
COPY b ./
STOPSIGNAL SIGTERM
HEALTHCHECK CMD true
EXPOSE 80
VOLUME /data
ENTRYPOINT ["/bin/mix"]
CMD ["a"]
`,
			"a": "a of instructions\n", "b": "b of instructions\n",
		}, mutations: append(dockerfile(
			"edit the label of a stage", "LABEL kind=base", "LABEL kind=stage", nothing,
			"another label", "FROM base AS last\n", "FROM base AS last\nLABEL other=label\n", nothing,
			"no CMD", "CMD [\"a\"]\n", "", nothing,
			"edit CMD", "CMD [\"a\"]", "CMD [\"b\", \"c\"]", nothing,
			"edit ENTRYPOINT", "/bin/mix\"]", "/bin/sh\"]", nothing,
			"edit EXPOSE", "EXPOSE 80", "EXPOSE 443 8080", nothing,
			"edit HEALTHCHECK", "HEALTHCHECK CMD true", "HEALTHCHECK --interval=5s CMD false", nothing,
			"edit STOPSIGNAL", "SIGTERM", "SIGINT", nothing,
			"edit VOLUME", "VOLUME /data", "VOLUME /data /more", nothing,
			"USER at the end", "CMD [", "USER 12:34\nCMD [", nothing,
			"comment", "# what for", "# what it is for", nothing,
			"comment in the middle", "COPY a ./", "# a\nCOPY a ./", nothing,
			"comment between continued lines", "RUN mix second \\\n", "RUN mix second \\\n# why\n", nothing,
			"blank lines", "COPY b ./\n", "\n\nCOPY b ./\n\n", nothing,
			"lower case", "COPY b ./", "copy b ./", nothing,
			"spaces in COPY", "COPY b ./\n", "COPY  b   ./ \n", nothing,
			"join continued lines", "RUN mix second \\\n    >/out/2", "RUN mix second     >/out/2", nothing,
			"indent continued lines", "RUN mix second \\\n    >/out/2", "RUN mix second \\\n  >/out/2", byInstruction,
			"check directive", "# what for\n", "# check=skip=all\n# what for\n", nothing,
			"edit RUN", "mix fifth", "mix five", byInstruction,
			"edit RUN early", "mix first", "mix one", byInstruction,
			"no network", "RUN mix fourth", "RUN --network=none mix fourth", byInstruction,
			"a network again", "RUN --network=none mix third", "RUN mix third", byInstruction,
			"other WORKDIR", "WORKDIR /in/work", "WORKDIR /in/other", byInstruction,
			"WORKDIR with a slash", "WORKDIR /in/work", "WORKDIR /in/work/", byInstruction,
			"other USER", "USER 65534", "USER nobody", byInstruction,
			"other SHELL", "\"-ec\"", "\"-uc\"", byInstruction,
			"exec form", "RUN mix fifth >/out/5", "RUN [\"mix\", \"fifth\"]", byInstruction,
			"insert RUN at the end", "STOPSIGNAL", "RUN mix sixth >/out/6\nSTOPSIGNAL", byInstruction,
			"insert RUN early", "COPY a ./", "RUN mix seventh >/out/7\nCOPY a ./", byInstruction,
			"insert COPY early", "RUN mix first", "COPY b /in/early\nRUN mix first", byInstruction,
			"delete RUN", "RUN mix first >/out/1\n", "", byInstruction,
			"delete COPY", "COPY a ./\n", "", byInstruction,
			"delete the last step", "COPY b ./\n", "", byInstruction,
			"swap RUN and COPY", "RUN mix fifth >/out/5\nCOPY b ./", "COPY b ./\nRUN mix fifth >/out/5", byInstruction,
			"other source", "COPY b ./", "COPY a ./again", byInstruction,
			"other destination", "COPY b ./", "COPY b ./bb", byInstruction,
			"COPY --chmod", "COPY b ./", "COPY --chmod=700 b ./", byInstruction,
			"COPY --chown", "COPY b ./", "COPY --chown=1:2 b ./", byInstruction,
			"COPY --link", "COPY b ./", "COPY --link b ./", byInstruction,
			"ADD for COPY", "COPY b ./", "ADD b ./", want{kinds: []string{"instruction", "new"}},
		), mutation{"--no-cache", nil, []string{"--no-cache"}, byNoCache}),
	}
}

func variablesProject() truthProject {
	return truthProject{name: "variables", apart: true, files: map[string]string{
		"compose.yaml": composeOf("{context: ., args: {GIVEN: from-compose}}"),
		"Dockerfile": `ARG VERSION=1
FROM truth/variables:$VERSION AS base
ARG BELOW=1
COPY a /in/
FROM base AS build
ARG GLOBAL_OF_STAGE
ARG USED=used
ARG GIVEN=default
ENV EARLY=early OTHER=other
RUN mix $USED >/out/1
ENV BETWEEN=between
ARG LATE=late
RUN mix env >/out/2
ENV AFTER=after
COPY a /in/$LATE
FROM base
ARG DIR=dir
ARG VALUE=value
ENV DERIVED=$VALUE
ARG UNUSED=1
WORKDIR /in/$DIR
COPY --from=build /out /in/out
LABEL derived=$VALUE
`,
		"a": "a of variables\n",
	}, mutations: append(dockerfile(
		"default of an ARG", "ARG USED=used", "ARG USED=more", byArg("USED"),
		"default of an ARG that is in a path, and that a RUN sees", "ARG LATE=late", "ARG LATE=later", want{kinds: []string{"arg", "instruction"}, name: "LATE"},
		"default of an ARG of the stage below", "ARG BELOW=1", "ARG BELOW=2", byArg("BELOW"),
		"default of an ARG in a path", "ARG DIR=dir", "ARG DIR=folder", want{kinds: []string{"arg", "instruction", "new"}, name: "DIR"},
		"default of an ARG that no RUN sees", "ARG UNUSED=1", "ARG UNUSED=2", nothing,
		"default of an ARG in an ENV that no RUN sees", "ARG VALUE=value", "ARG VALUE=worth", nothing,
		"default of an ARG before FROM, to the same image", "ARG VERSION=1", "ARG VERSION=\"1\"", nothing,
		"ENV before RUN", "EARLY=early", "EARLY=earlier", byEnv("EARLY"),
		"one of two ENV", "OTHER=other", "OTHER=another", byEnv("OTHER"),
		"ENV between", "BETWEEN=between", "BETWEEN=amid", byEnv("BETWEEN"),
		"ENV after all RUNs", "AFTER=after", "AFTER=afterwards", nothing,
		"new ENV before RUN", "ENV BETWEEN", "ENV NEW=new\nENV BETWEEN", want{kinds: []string{"env", "instruction", "new"}, name: "NEW"},
		"new ENV after RUN", "ENV AFTER", "ENV NEW=new\nENV AFTER", nothing,
		"no ENV before RUN", "ENV BETWEEN=between\n", "", want{kinds: []string{"env", "instruction", "new"}, name: "BETWEEN"},
		"new ARG before RUN", "ARG LATE", "ARG MORE=more\nARG LATE", want{kinds: []string{"arg", "instruction", "new"}, name: "MORE"},
		"an ARG without value", "ARG LATE=late", "ARG EMPTY\nARG LATE=late", nothing,
		"order of ENV in a line", "EARLY=early OTHER=other", "OTHER=other EARLY=early", want{kinds: []string{"env", "instruction"}},
		"ENV becomes ARG", "ENV BETWEEN=between", "ARG BETWEEN=between", nothing,
	), []mutation{
		{"--build-arg USED", nil, []string{"--build-arg", "USED=flag"}, byArg("USED")},
		{"--build-arg GIVEN", nil, []string{"--build-arg", "GIVEN=flag"}, byArg("GIVEN")},
		{"--build-arg LATE, which is in a path too", nil, []string{"--build-arg", "LATE=flag"}, want{kinds: []string{"arg", "instruction"}, name: "LATE"}},
		{"--build-arg as the default", nil, []string{"--build-arg", "USED=used"}, nothing},
		{"--build-arg that no stage declares", nil, []string{"--build-arg", "NOBODY=1"}, nothing},
		{"--build-arg that no RUN sees", nil, []string{"--build-arg", "UNUSED=flag"}, nothing},
		{"--build-arg of a proxy", nil, []string{"--build-arg", "http_proxy=http://nowhere.invalid"}, nothing},
		{"default of an ARG that Compose gives", swap("Dockerfile", "ARG GIVEN=default", "ARG GIVEN=another"), nil, nothing},
		{"args of the Compose file", swap("compose.yaml", "from-compose", "from-there"), nil, byArg("GIVEN")},
		{"no args in the Compose file", swap("compose.yaml", ", args: {GIVEN: from-compose}", ""), nil, byArg("GIVEN")},
		{"--build-arg SOURCE_DATE_EPOCH", nil, []string{"--build-arg", "SOURCE_DATE_EPOCH=1000000000"}, want{kinds: []string{"arg", "instruction"}}},
		{"edit a", rewrite("a"), nil, byFiles},
	}...)}
}
