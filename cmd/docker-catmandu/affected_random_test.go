package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// TestAffectedAgreesWithDisk checks two revisions out and compares the keys of BuildKit's own sums: what git's objects tell
// must be the same.
func TestAffectedAgreesWithDisk(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			g := &generator{rand.New(rand.NewPCG(seed, uint64(i)))}
			r := newRepository(t, g.project())
			for range 3 {
				base := r.git("rev-parse", "HEAD")
				for range 1 + g.IntN(3) {
					g.edit(r)
				}
				dirty := namesOf(t, "affected", base)
				head := r.commit()
				was, is := keysOnDisk(t, r, base), keysOnDisk(t, r, head)
				t.Chdir(r.dir)
				committed := namesOf(t, "affected", base, head)
				assert.Equal(t, dirty, committed)
				for service, key := range is {
					if was[service] == "" || key == "" { // there is no such image: a file or user is missing
						continue
					}
					named := slices.Contains(strings.Fields(committed), service)
					assert.Equal(t, named, was[service] != key, "service %s\n%s", service, r.git("diff", base, head))
				}
			}
		})
	}
}

// generator makes projects and changes them.
type generator struct{ *rand.Rand }

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

// names of files and folders in the context of each service.
var contextFiles = []string{"a", "b.txt", "c.md", "sub/a", "sub/d.txt", "sub/deep/e", "link"}

func (g *generator) project() map[string]string {
	files := map[string]string{}
	var compose strings.Builder
	compose.WriteString("services:\n")
	n := 2 + g.IntN(3)
	for i := range n {
		name := fmt.Sprintf("s%d", i)
		for _, file := range contextFiles[:len(contextFiles)-1] {
			files[name+"/"+file] = g.one("", "x", "x\ny\n")
		}
		linked := ""
		if i > 0 && g.IntN(2) == 0 {
			linked = fmt.Sprintf("s%d", g.IntN(i))
		}
		files[name+"/Dockerfile"] = g.dockerfile(linked)
		if g.IntN(2) == 0 {
			files[name+"/.dockerignore"] = g.ignore()
		}
		fmt.Fprintf(&compose, "  %s:\n    build:\n      context: %[1]s\n      args: {V: \"%d\"}\n", name, g.IntN(3))
		if linked != "" {
			fmt.Fprintf(&compose, "      additional_contexts: {other: \"service:%s\"}\n", linked)
		}
	}
	files["compose.yaml"] = compose.String()
	return files
}

func (g *generator) dockerfile(linked string) string {
	var b strings.Builder
	b.WriteString("FROM alpine AS first\n")
	for range 1 + g.IntN(3) {
		b.WriteString(g.instruction(linked) + "\n")
	}
	fmt.Fprintf(&b, "FROM %s\nARG V\n", g.one("scratch", "first", "alpine"))
	for range 1 + g.IntN(4) {
		b.WriteString(g.instruction(linked) + "\n")
	}
	if g.IntN(2) == 0 {
		b.WriteString("COPY --from=first /x /from\n")
	}
	return b.String()
}

func (g *generator) instruction(linked string) string {
	all := []string{
		"COPY . /src", "COPY a /x/", "COPY *.txt /x/", "COPY sub /x/sub", "COPY --link sub/deep /deep/", "COPY --exclude=*.md . /y/",
		"COPY sub/*/e /e/", "ADD b.txt /x/", "RUN --mount=type=bind,target=/m cat /m/a", "RUN --mount=type=bind,source=sub,target=/m x",
		"RUN echo $V", "ENV A=$V", "LABEL l=1", "CMD [\"x\"]", "USER me", "WORKDIR /w", "# comment", "COPY --chmod=600 a /x/", "COPY --parents sub/a /p/",
	}
	if linked != "" {
		all = append(all, "COPY --from=other /x /o", "COPY --from=other /src/a /o")
	}
	return g.one(all...)
}

func (g *generator) ignore() string {
	return g.one("*.md\n", "sub\n!sub/a\n", "**/e\n", "*\n!a\n!sub\n!b.txt\n", "link\n")
}

// edit changes one thing.
func (g *generator) edit(r repository) {
	services, err := filepath.Glob(filepath.Join(r.dir, "s?"))
	assert.NilError(r.t, err)
	service := filepath.Base(services[g.IntN(len(services))])
	file := service + "/" + g.one(contextFiles...)
	_, err = os.Lstat(filepath.Join(r.dir, file))
	there := err == nil
	switch g.IntN(9) {
	case 0, 1, 2:
		r.remove(file)
		r.write(map[string]string{file: g.one("", "x", "y", "x\ny\n")})
	case 3:
		r.remove(file)
		r.write(map[string]string{file + "*": g.one("", "x", "y")})
	case 4:
		if there && !strings.HasPrefix(filepath.Base(file), "a") {
			r.remove(file)
		}
	case 5:
		r.remove(file)
		assert.NilError(r.t, os.Symlink(g.one("a", "b.txt", "nowhere"), filepath.Join(r.dir, file)))
	case 6:
		lines := strings.SplitAfter(read(r, service+"/Dockerfile"), "\n")
		i := slices.Index(lines, "ARG V\n")
		lines = slices.Insert(lines, i+1, g.instruction("")+"\n")
		r.write(map[string]string{service + "/Dockerfile": strings.Join(lines, "")})
	case 7:
		r.write(map[string]string{service + "/.dockerignore": g.ignore()})
	case 8:
		r.write(map[string]string{"compose.yaml": strings.Replace(read(r, "compose.yaml"), `V: "1"`, `V: "2"`, 1)})
	}
}

func read(r repository, name string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	assert.NilError(r.t, err)
	return string(text)
}

// keysOnDisk are the keys of all services, with a revision checked out into a folder of its own.
func keysOnDisk(t *testing.T, r repository, rev string) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	r.git("worktree", "add", "-q", "--detach", dir, rev)
	assert.NilError(t, os.Remove(filepath.Join(dir, ".git")))
	r.git("worktree", "prune")
	assert.NilError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	}))
	t.Chdir(dir)
	ctx := context.Background()
	from := &planFlags{project: &projectFlags{}}
	plan, _, err := from.plan(ctx, nil)
	assert.NilError(t, err)
	sources, err := buildx.Graphs(ctx, plan, buildx.Asking{Images: frontend.NewAssumed(frontend.NewMemory(""))})
	assert.NilError(t, err)
	contents := steps.NewContents(steps.NewDisk(""))
	for _, s := range sources {
		assert.NilError(t, contents.Know(s))
	}
	out := map[string]string{}
	for _, s := range sources {
		if graph, err := steps.New(ctx, s, contents, steps.Rules{}); err == nil {
			out[s.Service] = graph.Key
		}
	}
	return out
}
