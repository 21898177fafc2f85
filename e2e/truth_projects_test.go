//go:build e2e

package e2e

import (
	"fmt"
	"syscall"
)

// Projects that are written down, for what files can be and how they get into an image. Those of
// truth_projects_dockerfile_test.go are about instructions, of truth_projects_compose_test.go about Compose files.

// The causes that a step may have for what was changed. Where an instruction moves to another place, to us it is another
// instruction or a new one.
var (
	byFiles       = want{kinds: []string{"files"}}
	byInstruction = want{kinds: []string{"instruction", "new"}}
	byBase        = want{kinds: []string{"base"}}
	byNoCache     = want{kinds: []string{"no-cache"}}
	byNew         = want{kinds: []string{"new"}}
)

func byArg(name string) want { return want{kinds: []string{"arg"}, name: name} }
func byEnv(name string) want { return want{kinds: []string{"env"}, name: name} }

// byNames are causes with files other than those that differ on disk.
func byNames(names ...string) want {
	w := want{kinds: []string{"files"}, files: map[string]string{}}
	for _, name := range names {
		w.files[name] = ""
	}
	return w
}

func truthProjects() []truthProject {
	return []truthProject{
		filesProject(), linksProject(), ignoreProject(), ignoreOfDockerfileProject(), oddProject(), bigProject(), wholeProject(), addProject(),
		instructionsProject(), variablesProject(), textProject(), escapeProject(), mountsProject(), equalProject(), copiesProject(), stagesProject(), triggersProject(),
		contextsProject(), linkedProject(), sharedProject(), composeProject(), inlineProject(), platformsProject(), baseProject(), prunedProject(),
	}
}

// composeOf is a Compose file of one service.
func composeOf(build string) string {
	return fmt.Sprintf("services:\n  web:\n    build: %s\n", build)
}

func filesProject() truthProject {
	p := truthProject{name: "files", files: map[string]string{
		"compose.yaml":  composeOf("."),
		".dockerignore": "Dockerfile\ncompose.yaml\n*.md\ndir/skip*\n!dir/skip-not\n",
		"Dockerfile": `FROM truth/files:1 AS base
WORKDIR /in
COPY a ./
COPY dir/ dir/
COPY *.txt txt/
COPY dir/../b ./
COPY empty full ./
COPY --chmod=600 private ./
COPY --chown=12:34 owned ./
RUN mix files >/out/1
FROM base
COPY pkg pkg
COPY tree/x* tree/
COPY absent* b ./more/
RUN mix last >/out/2
`,
		"a": "a of files\n", "b": "b\nof\nfiles\n", "dir/one": "one", "dir/two": "two\n", "dir/deep/three": "three\n", "dir/skip.me": "skipped",
		"dir/skip-not": "not skipped", "1.txt": "1\n", "2.txt": "2\n", "empty": "", "full": "full\n", "private": "private\n", "owned": "owned\n",
		"pkg/p": "p\n", "pkg/sub/q": "q\n", "tree/x1/f": "f\n", "tree/y1/g": "g\n", "README.md": "read\n", "other": "other\n",
	}}
	for _, name := range []string{"a", "b", "dir/one", "dir/deep/three", "dir/skip-not", "1.txt", "full", "private", "owned", "pkg/p", "tree/x1/f"} {
		p.mutations = append(p.mutations, mutation{"same size " + name, rewrite(name), nil, byFiles})
	}
	for _, name := range []string{"a", "dir/two", "2.txt", "owned", "pkg/sub/q"} {
		p.mutations = append(p.mutations, mutation{"longer " + name, lengthen(name), nil, byFiles})
	}
	p.mutations = append(p.mutations, []mutation{
		{"chmod +x a", chmod("a", 0o755), nil, byFiles},
		{"chmod 664 b", chmod("b", 0o664), nil, byFiles},
		{"chmod 600 dir/one", chmod("dir/one", 0o600), nil, byFiles},
		{"chmod 700 dir/deep", chmod("dir/deep", 0o700), nil, byFiles},
		{"chmod 700 pkg", chmod("pkg", 0o700), nil, byFiles},
		{"chmod 640 private, whose mode COPY sets", chmod("private", 0o640), nil, byFiles},
		{"setuid full", shell("chmod 4755 full"), nil, byFiles},
		{"chown a", shell("chown 1234:2345 a"), nil, nothing},
		{"chown -R pkg", shell("chown -R 77:88 pkg"), nil, nothing},
		{"touch a", shell("touch -d '2020-01-01' a"), nil, nothing},
		{"touch all", shell("find . -exec touch -h -d '2021-02-03 04:05:06' {} +"), nil, nothing},
		{"rename in dir", rename("dir/one", "dir/uno"), nil, byFiles},
		{"rename out of a wildcard", rename("1.txt", "1.text"), nil, byFiles},
		{"rename into a wildcard", rename("other", "other.txt"), nil, byFiles},
		{"add to dir", create("dir/new", "new\n"), nil, byFiles},
		{"add a folder to dir", create("dir/some/new", "new\n"), nil, byFiles},
		{"add an empty folder to pkg", shell("mkdir pkg/void"), nil, byFiles},
		{"add to a wildcard", create("3.txt", "3\n"), nil, byFiles},
		{"add to a wildcard that had none", create("absent1", "absent\n"), nil, byFiles},
		{"add to a folder of a wildcard", create("tree/x1/h", "h\n"), nil, byFiles},
		{"add a folder to a wildcard", create("tree/x2/f", "f2\n"), nil, byFiles},
		{"add beside a wildcard", create("tree/y1/h", "h\n"), nil, nothing},
		{"add what is not copied", create("more", "more\n"), nil, nothing},
		{"add an ignored file", create("dir/skip-too", "skipped"), nil, nothing},
		{"remove from dir", remove("dir/two"), nil, byFiles},
		{"remove a folder of pkg", remove("pkg/sub"), nil, byFiles},
		{"remove from a wildcard", remove("2.txt"), nil, byFiles},
		{"edit what is not copied", lengthen("other"), nil, nothing},
		{"edit an ignored file", rewrite("README.md"), nil, nothing},
		{"edit an ignored file in dir", rewrite("dir/skip.me"), nil, nothing},
		{"empty a file", replace("dir/two", ""), nil, byFiles},
		{"fill an empty file", replace("empty", "no more\n"), nil, byFiles},
		{"a file becomes a link", replace("dir/two", "→one"), nil, byFiles},
		{"a file becomes a folder", func(tr *workTree) error { return errJoin(remove("dir/two")(tr), create("dir/two/in", "in\n")(tr)) }, nil, byFiles},
		{"a folder becomes a file", replace("dir/deep", "shallow\n"), nil, byFiles},
		{"the same content anew", shell("cp a a2 && cat a2 >a && rm a2"), nil, nothing},
		{"an extended attribute", func(tr *workTree) error {
			return errJoin(syscall.Setxattr(tr.path("a"), "user.truth", []byte("1"), 0), shell("touch a")(tr))
		}, nil, byNames("a")},
	}...)
	return p
}

func errJoin(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func linksProject() truthProject {
	return truthProject{name: "links", apart: true, files: map[string]string{
		"compose.yaml": composeOf("."),
		"Dockerfile": `FROM truth/links:1
COPY link /in/link
COPY dir /in/dir
COPY hard1 /in/
COPY outer/inside /in/inside
RUN mix links >/out/1
`,
		"link": "→a", "a": "a of links\n", "b": "b of links\n", "dir/link": "→one", "dir/one": "1 of links\n", "dir/two": "2 of links\n",
		"dir/gone": "→nowhere", "hard1": "hard of links\n", "hard2": "=hard1", "dir/hard3": "hard 3 of links\n", "dir/hard4": "=dir/hard3",
		"outer": "→real", "real/inside": "inside of links\n",
	}, mutations: []mutation{
		{"retarget the link that is copied", replace("link", "→b"), nil, byNames("link", "a", "b")},
		{"edit what the link leads to", lengthen("a"), nil, byFiles},
		{"edit what the link does not lead to", lengthen("b"), nil, nothing},
		{"the link becomes a file", replace("link", "no link of links\n"), nil, byNames("link", "a", "b")},
		{"retarget a link in a folder", replace("dir/link", "→two"), nil, byFiles},
		{"retarget a dangling link", replace("dir/gone", "→nowhere/else"), nil, byFiles},
		{"a link in a folder becomes a file", replace("dir/link", "file\n"), nil, byFiles},
		{"edit both names of a file", shell("echo more >>hard2"), nil, byFiles},
		{"edit both names of a file in a folder", shell("echo more >>dir/hard4"), nil, byFiles},
		{"part two names of a file", shell("cp hard1 x && mv x hard1"), nil, nothing},
		{"part two names of a file in a folder", shell("cp dir/hard4 x && mv x dir/hard4"), nil, nothing},
		{"another name for a file in a folder", shell("ln dir/one dir/uno"), nil, byFiles},
		{"edit behind a folder that is a link", lengthen("real/inside"), nil, byFiles},
		{
			"a folder that is a link leads elsewhere", shell("mkdir real2 && echo 2 of links >real2/inside && ln -sfn real2 outer"), nil,
			byNames("outer", "outer/inside", "real/inside", "real2/inside", "real", "real2"),
		},
		{"chmod of the link's target", chmod("a", 0o600), nil, byFiles},
	}}
}
