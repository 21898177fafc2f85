//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Projects for what a build context is made of.

// ignoreProject has a .dockerignore that changes.
func ignoreProject() truthProject {
	return truthProject{name: "ignore", apart: true, files: map[string]string{
		"compose.yaml":  composeOf("."),
		".dockerignore": "# what is not for the image\n*.log\nnode_modules\n**/*.tmp\nDockerfile\ncompose.yaml\n.dockerignore\n",
		"Dockerfile":    "FROM truth/ignore:1\nCOPY src /in/src\nRUN mix 1 >/out/1\nCOPY . /in/all\nRUN mix 2 >/out/2\n",
		"src/a":         "a of ignore\n", "src/b.tmp": "tmp\n", "src/sub/c": "c\n", "x.log": "log\n", "top": "top\n", "node_modules/m": "m\n",
	}, mutations: []mutation{
		{"comment in .dockerignore", swap(".dockerignore", "what is not", "all that is not"), nil, nothing},
		{"pattern for nothing", swap(".dockerignore", "*.log\n", "*.log\n*.nothing\n"), nil, nothing},
		{"hide src/a", swap(".dockerignore", "*.log\n", "*.log\nsrc/a\n"), nil, byNames("src/a", ".dockerignore")},
		{"hide src/sub", swap(".dockerignore", "*.log\n", "*.log\nsrc/sub\n"), nil, byNames("src/sub", "src/sub/c", ".dockerignore")},
		{"hide top", swap(".dockerignore", "*.log\n", "*.log\ntop\n"), nil, byNames("top", ".dockerignore")},
		{"reveal *.tmp", swap(".dockerignore", "**/*.tmp\n", ""), nil, byNames("src/b.tmp", ".dockerignore")},
		{"reveal by exception", swap(".dockerignore", "**/*.tmp\n", "**/*.tmp\n!src/b.tmp\n"), nil, byNames("src/b.tmp", ".dockerignore")},
		{"reveal x.log", swap(".dockerignore", "*.log\n", "*.lo\n"), nil, byNames("x.log", ".dockerignore")},
		{"reveal node_modules", swap(".dockerignore", "node_modules\n", ""), nil, byNames("node_modules", "node_modules/m", ".dockerignore")},
		{"reveal .dockerignore itself", swap(".dockerignore", "compose.yaml\n.dockerignore\n", "compose.yaml\n"), nil, byNames(".dockerignore")},
		{"edit a hidden file", lengthen("x.log"), nil, nothing},
		{"edit a file", lengthen("src/a"), nil, byFiles},
		{"edit below a hidden folder", lengthen("node_modules/m"), nil, nothing},
		{
			"no .dockerignore", remove(".dockerignore"), nil,
			byNames("x.log", "node_modules", "node_modules/m", "src/b.tmp", "Dockerfile", "compose.yaml", ".dockerignore"),
		},
		{"patterns in another order", swap(".dockerignore", "*.log\nnode_modules\n", "node_modules\n*.log\n"), nil, nothing},
		{"hide all but src", swap(".dockerignore", "*.log\n", "*.log\n*\n!src\n"), nil, byNames("top", "src/b.tmp", ".dockerignore")},
	}}
}

const ownIgnore = "build/web.Dockerfile.dockerignore"

// ignoreOfDockerfileProject has an ignore file of its Dockerfile's own, which counts in place of the other.
func ignoreOfDockerfileProject() truthProject {
	return truthProject{name: "own-ignore", apart: true, files: map[string]string{
		"compose.yaml":                      composeOf("{context: ., dockerfile: build/web.Dockerfile}"),
		".dockerignore":                     "b\n",
		"build/web.Dockerfile":              "FROM scratch\nCOPY . /all\nCOPY a* /own-ignore/\n",
		"build/web.Dockerfile.dockerignore": "build\ncompose.yaml\n.dockerignore\nc\n",
		"a":                                 "a of own-ignore\n", "b": "b of own-ignore\n", "c": "c of own-ignore\n",
	}, mutations: []mutation{
		{"edit b, which only .dockerignore hides", lengthen("b"), nil, byFiles},
		{"edit c, which is hidden", lengthen("c"), nil, nothing},
		{"edit .dockerignore", swap(".dockerignore", "b\n", "a\n"), nil, nothing},
		{"reveal c", swap(ownIgnore, "c\n", ""), nil, byNames("c")},
		{"hide b", swap(ownIgnore, "c\n", "c\nb\n"), nil, byNames("b")},
		{
			"without the Dockerfile's own", remove(ownIgnore), nil,
			byNames("b", "c", "build", "build/web.Dockerfile", ownIgnore, "compose.yaml", ".dockerignore"),
		},
	}}
}

// oddProject has names that need care.
func oddProject() truthProject {
	p := truthProject{name: "odd", files: map[string]string{
		"compose.yaml": composeOf("."),
		"Dockerfile": `FROM truth/odd:1
COPY dir /in/dir
COPY ["with space", "/in/"]
COPY -dash [[]b] ünï* /in/more/
RUN mix odd >/out/1
`,
		"with space": "1 of odd\n", "dir/quo\"te": "2 of odd\n", "-dash": "3 of odd\n", "[b]": "4 of odd\n", "ünïcode ☃": "5 of odd\n",
		"dir/new\nline": "6 of odd\n", "dir/back\\slash": "7 of odd\n", "dir/tab\there": "8 of odd\n", "dir/*": "9 of odd\n", "dir/..dots": "10 of odd\n",
		"dir/ leading": "11 of odd\n", "dir/e\u0301": "12 of odd\n", "dir/\u00e9": "13 of odd\n", "dir/#hash": "14 of odd\n", "dir/!bang": "15 of odd\n",
	}}
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		if name != "compose.yaml" && name != "Dockerfile" {
			p.mutations = append(p.mutations, mutation{fmt.Sprintf("edit %q", name), rewrite(name), nil, byFiles})
		}
	}
	return p
}

func bigProject() truthProject {
	p := truthProject{name: "big", files: map[string]string{
		"compose.yaml": composeOf("."), "Dockerfile": "FROM scratch\nCOPY tree /big\nCOPY tree/d7/f3 /big3\nCOPY tree/d1* /big1/\n",
	}}
	for d := range 50 {
		for f := range 40 {
			p.files[fmt.Sprintf("tree/d%d/f%d", d, f)] = fmt.Sprintf("file %d of folder %d of big\n", f, d)
		}
	}
	p.mutations = []mutation{
		{"edit one of many", rewrite("tree/d1/f1"), nil, byFiles},
		{"edit the one that is copied alone", lengthen("tree/d7/f3"), nil, byFiles},
		{"chmod one of many", chmod("tree/d49/f39", 0o755), nil, byFiles},
		{"add one to many", create("tree/d20/new", "new\n"), nil, byFiles},
		{"remove a folder", remove("tree/d30"), nil, byFiles},
		{"edit a hundred", shell("for d in 1 2 3 4 5; do for f in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do echo more >>tree/d$d/f$f; done; done"), nil, byFiles},
		{"rename a folder", rename("tree/d40", "tree/dd40"), nil, byFiles},
		{"touch all", shell("find tree -exec touch -d '2022-02-02' {} +"), nil, nothing},
	}
	return p
}

// wholeProject copies the folder with all that is in it, the Dockerfile too.
func wholeProject() truthProject {
	return truthProject{name: "whole", files: map[string]string{
		"compose.yaml": composeOf("."), "Dockerfile": "FROM truth/whole:1\nCOPY . /in/\nRUN mix whole >/out/1\n",
		"a": "a of whole\n", ".hidden": "hidden of whole\n", "sub/.gitignore": "x\n",
	}, mutations: []mutation{
		{"comment in the Dockerfile", swap("Dockerfile", "COPY", "# why\nCOPY"), nil, byFiles},
		{"comment in the Compose file", swap("compose.yaml", "services", "# which\nservices"), nil, byFiles},
		{"edit", rewrite("a"), nil, byFiles},
		{"edit a hidden file", rewrite(".hidden"), nil, byFiles},
		{"add", create("sub/new", "new\n"), nil, byFiles},
		{"add .dockerignore", create(".dockerignore", "sub\n"), nil, byNames(".dockerignore", "sub", "sub/.gitignore", "sub/new")},
		{"touch", shell("touch a .hidden"), nil, nothing},
	}}
}

func addProject() truthProject {
	return truthProject{name: "add", files: map[string]string{
		"compose.yaml": composeOf("."), "Dockerfile": "FROM scratch\nADD a.tar /add-a/\nADD plain /add-plain\nCOPY b.tar /add-b\n",
		"a.tar": archive("x", "x of add"), "b.tar": archive("y", "y of add"), "plain": "plain of add\n",
	}, mutations: []mutation{
		{"edit in a tar that is unpacked", replace("a.tar", archive("x", "another x of add")), nil, byFiles},
		{"add to a tar that is unpacked", replace("a.tar", archive("x", "x of add", "z", "z of add")), nil, byFiles},
		{"edit in a tar that is not", replace("b.tar", archive("y", "another y of add")), nil, byFiles},
		{"edit a plain file", lengthen("plain"), nil, byFiles},
		{"touch a tar", shell("touch a.tar"), nil, nothing},
		{"a tar becomes a plain file", replace("a.tar", "plain\n"), nil, byFiles},
	}}
}

// archive is a tar of names and contents.
func archive(files ...string) string {
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	for i := 0; i < len(files); i += 2 {
		_ = w.WriteHeader(&tar.Header{Name: files[i], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[i+1])), ModTime: time.Unix(1e9, 0)})
		_, _ = w.Write([]byte(files[i+1]))
	}
	_ = w.Close()
	return text.String()
}
