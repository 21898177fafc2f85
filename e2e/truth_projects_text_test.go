//go:build e2e

package e2e

// Projects for how a Dockerfile is written down, for mounts, and for the kinds of COPY.

// textProject has heredocs.
func textProject() truthProject {
	return truthProject{name: "text", files: map[string]string{
		"compose.yaml": composeOf("."),
		"Dockerfile": `FROM truth/text:1
ARG NAME=name
COPY <<EOF /in/conf
first of text $NAME
EOF
COPY <<one <<"two" /in/
1
one
2 $NAME
two
RUN <<EOF
mix script >/out/1
echo more >>/out/1
EOF
RUN <<sh cat >/out/2
in $NAME
sh
`,
	}, mutations: dockerfile(
		"edit a heredoc file", "first of text", "second of text", byInstruction,
		"edit the first of two", "1\none", "one 1\none", byInstruction,
		"edit the second of two", "2 $NAME", "two $NAME", byInstruction,
		"edit a heredoc script", "echo more", "echo much more", byInstruction,
		"comment in a heredoc script", "echo more", "# more\necho more", byInstruction,
		"edit what a command reads", "in $NAME", "within $NAME", byInstruction,
		"an ARG in heredocs", "NAME=name", "NAME=other", want{kinds: []string{"arg", "instruction"}, name: "NAME"},
		"another word for the end", "RUN <<EOF\nmix script >/out/1\necho more >>/out/1\nEOF", "RUN <<END\nmix script >/out/1\necho more >>/out/1\nEND", nothing,
		"no variables", "COPY <<EOF", "COPY <<\"EOF\"", byInstruction,
	)}
}

// escapeProject has another escape character.
func escapeProject() truthProject {
	return truthProject{name: "escape", files: map[string]string{
		"compose.yaml": composeOf("."),
		"Dockerfile":   "# escape=`\nFROM truth/escape:1\nCOPY a `\n  /in/\nRUN mix escape `\n  >/out/1\n",
		"a":            "a of escape\n",
	}, mutations: append(dockerfile(
		"join lines of COPY", "COPY a `\n  /in/", "COPY a /in/", nothing,
		"edit RUN", "mix escape", "mix escaped", byInstruction,
		"backslash", "# escape=`\nFROM truth/escape:1\nCOPY a `\n  /in/\nRUN mix escape `\n", "FROM truth/escape:1\nCOPY a \\\n  /in/\nRUN mix escape \\\n", nothing,
	), mutation{"edit a", rewrite("a"), nil, byFiles})}
}

func mountsProject() truthProject {
	return truthProject{name: "mounts", files: map[string]string{
		"compose.yaml": `services:
  web:
    build: {context: ., secrets: [token, variable], additional_contexts: {other: other}}
secrets:
  token: {file: token}
  variable: {environment: VARIABLE}
`,
		".env":          "VARIABLE=value\n",
		".dockerignore": "Dockerfile\ncompose.yaml\n.env\ntoken\nother\n",
		"Dockerfile": `FROM truth/mounts:1 AS tools
RUN mix tools >/out/tool
FROM truth/mounts:1
RUN --mount=type=bind,source=a,target=/in/a mix a >/out/1
RUN --mount=type=bind,source=src,target=/in/src,rw mix src >/out/2 && echo written >/in/src/new
RUN --mount=type=bind,target=/in/all mix all >/out/3
RUN --mount=type=bind,from=tools,source=/out,target=/in/tools mix from >/out/4
RUN --mount=type=bind,from=other,source=o,target=/in/o mix other >/out/5
RUN --mount=type=cache,id=one,target=/var/one echo x >/var/one/x && mix cache >/out/6
RUN --mount=type=cache,target=/var/two,sharing=locked,mode=0700 mix locked >/out/7
RUN --mount=type=secret,id=token --mount=type=secret,id=variable,env=VARIABLE test -n "$VARIABLE" && echo secret >/out/8
RUN --mount=type=tmpfs,target=/in/tmp mix tmpfs >/out/9
RUN --mount=type=cache,id=three,from=tools,source=/out,target=/var/three mix three >/out/10
`,
		"a": "a of mounts\n", "src/b": "b of mounts\n", "c": "c of mounts\n", "token": "token\n", "other/o": "o of mounts\n", "other/p": "p of mounts\n",
	}, contexts: []string{".", "other"}, mutations: append(dockerfile(
		"id of a cache mount", "id=one", "id=uno", nothing,
		"sharing of a cache mount", "sharing=locked", "sharing=private", nothing,
		"mode of a cache mount", "mode=0700", "mode=0755", byInstruction,
		"target of a cache mount", "target=/var/two", "target=/var/zwei", byInstruction,
		"target of a bind mount", "target=/in/tools", "target=/in/tool", byInstruction,
		"a mount more", "RUN mix tools", "RUN --mount=type=tmpfs,target=/in/more mix tools", byInstruction,
		"a mount less", "RUN --mount=type=tmpfs,target=/in/tmp mix", "RUN mix", byInstruction,
		"size of a tmpfs", "type=tmpfs,target=/in/tmp", "type=tmpfs,target=/in/tmp,size=1000000", byInstruction,
		"no longer rw", ",rw mix src >/out/2 && echo written >/in/src/new", " mix src >/out/2", byInstruction,
		"a secret that is required", "type=secret,id=token ", "type=secret,id=token,required=true ", byInstruction,
		"target of a secret", "type=secret,id=token ", "type=secret,id=token,target=/tok ", byInstruction,
		"edit what is mounted from a stage", "mix tools", "mix tool", byInstruction,
	), []mutation{
		{"edit a mounted file", rewrite("a"), nil, byFiles},
		{"edit in a mounted folder", lengthen("src/b"), nil, byFiles},
		{"add to a mounted folder", create("src/new", "new\n"), nil, byFiles},
		{"edit in the mounted context", lengthen("c"), nil, byFiles},
		{"chmod a mounted file", chmod("a", 0o755), nil, byFiles},
		{"touch a mounted file", shell("touch a src/b"), nil, nothing},
		{"edit a secret", lengthen("token"), nil, nothing},
		{"edit a secret variable", swap(".env", "value", "worth"), nil, nothing},
		{"edit in a mounted named context", lengthen("other/o"), nil, byFiles},
		{"edit what is not mounted of it", lengthen("other/p"), nil, nothing},
	}...)}
}

// equalProject has a RUN of which often the same comes out. Then BuildKit finds what is copied of it in the cache.
func equalProject() truthProject {
	return truthProject{name: "equal", files: map[string]string{
		"compose.yaml": composeOf("."),
		"Dockerfile": `FROM truth/equal:1 AS build
COPY src /in/src
RUN wc -l </in/src/a >/out/lines
FROM truth/equal:1
COPY --from=build /out/lines /in/
RUN mix equal >/out/1
`,
		"src/a": "a of equal\n", "src/b": "b of equal\n",
	}, mutations: []mutation{
		{"other lines", rewrite("src/a"), nil, byFiles},
		{"more lines", lengthen("src/a"), nil, byFiles},
		{"lines that are not counted", lengthen("src/b"), nil, byFiles},
		{"chmod", chmod("src/a", 0o600), nil, byFiles},
		{"edit RUN", swap("Dockerfile", "wc -l <", "wc  -l <"), nil, byInstruction},
	}}
}

// copiesProject has the kinds of COPY there are.
func copiesProject() truthProject {
	return truthProject{name: "copies", files: map[string]string{
		"compose.yaml": composeOf("."),
		"Dockerfile": `FROM truth/copies:1 AS build
COPY src /in/src
RUN mix copies >/out/x && wc -l </in/src/a >/out/lines
FROM truth/copies:1
COPY --link a /in/a
COPY --link --from=build /out/x /in/x
COPY --parents deep/./er/file deep/*/other /in/parents/
COPY --exclude=*.txt --exclude=skip src /in/most
COPY --from=build /out/lines /in/lines
RUN mix end >/out/1
COPY --link --chmod=600 b /in/b
`,
		"a": "a of copies\n", "b": "b of copies\n", "src/a": "src a of copies\n", "src/t.txt": "t of copies\n", "src/skip/s": "s of copies\n",
		"deep/er/file": "file of copies\n", "deep/er/other": "other of copies\n", "deep/er/third": "third of copies\n",
	}, mutations: append(dockerfile(
		"no --link", "COPY --link a", "COPY a", byInstruction,
		"exclude less", " --exclude=skip", "", byInstruction,
		"no --parents", "COPY --parents deep/./er/file deep/*/other /in/parents/", "COPY deep/er/file deep/*/other /in/parents/", byInstruction,
		"edit RUN above a COPY --from", "mix copies", "mix copy", byInstruction,
		"COPY --from another path", "--from=build /out/lines", "--from=build /out/x", byInstruction,
	), []mutation{
		{"edit a linked file", rewrite("a"), nil, byFiles},
		{"edit a linked file at the end", lengthen("b"), nil, byFiles},
		{"edit a file with parents", rewrite("deep/er/file"), nil, byFiles},
		{"edit a file of a wildcard with parents", rewrite("deep/er/other"), nil, byFiles},
		{"edit a file that no pattern has", rewrite("deep/er/third"), nil, nothing},
		{"edit an excluded file, which another stage copies", lengthen("src/t.txt"), nil, byFiles},
		{"edit in an excluded folder, which another stage copies", lengthen("src/skip/s"), nil, byFiles},
		{"same size, so that lines stay the same", rewrite("src/a"), nil, byFiles},
		{"add an excluded file, which another stage copies", create("src/new.txt", "new\n"), nil, byFiles},
		{"add a file with parents", create("deep/new/other", "new other\n"), nil, byFiles},
		{"touch", shell("find . -type f -exec touch {} +"), nil, nothing},
	}...)}
}
