//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// races is how many prunes run beside builds.
func races(t *testing.T) int {
	text := os.Getenv("PRUNE_RACES")
	if text == "" {
		return 12
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal("PRUNE_RACES:", err)
	}
	return n
}

// raceDockerfile has short commands and long ones. What its targets make says what they are made of.
const raceDockerfile = `FROM scratch AS base
COPY busybox /bin/
RUN ["/bin/busybox", "--install", "-s", "/bin"]
FROM base AS deps
COPY deps /deps
RUN --mount=type=cache,target=/c sleep 0.2 && cat /deps >>/c/all && tr a-z A-Z </deps >/made-deps
FROM deps AS build
ARG LEVEL=0
RUN echo $LEVEL >/level
COPY page /page
RUN tr a-z A-Z </page >/made-page && sleep 0.4
RUN cat /made-deps /made-page >/made
FROM base AS web
COPY --from=build /made /made
RUN cat /made >/web
FROM build AS api
RUN cat /level /made >/api
FROM base AS own
COPY page /own-page
RUN cat /own-page >/own
`

const raceCompose = `services:
  web: {build: {context: ., target: web}}
  api: {build: {context: ., target: api, args: {LEVEL: "%d"}}}
  own: {build: {context: ., target: own}}
`

// race is a project that is built and pruned at the same time.
type race struct {
	*world
	t     *testing.T
	env   *testscript.Env
	mu    sync.Mutex
	pages []int // of all versions of the project
	// prunes counts those that ended; over is closed after the last.
	prunes atomic.Int32
	over   chan struct{}
}

func newRace(t *testing.T) *race {
	home := mkdir(filepath.Join(os.Getenv("E2E_DIR"), "race"))
	r := &race{
		world: &world{dir: home, bin: os.Getenv("E2E_BIN"), registry: os.Getenv("REGISTRY")}, t: t,
		env: &testscript.Env{Values: map[any]any{}, WorkDir: home}, over: make(chan struct{}),
	}
	must(t, setup(r.env))
	must(t, r.writeConfigs())
	t.Cleanup(r.stop)
	must(t, os.Symlink(filepath.Join(os.Getenv("E2E_DIR"), "path"), r.path("path")))
	d, err := r.run("tools/buildkitd", "--config", r.path("buildkitd.toml"))
	must(t, err)
	must(t, d.ready(listens(r.path("buildkitd.sock"))))
	must(t, docker(r.env, "buildx", "create", "--name", "race", "--driver", "remote", "unix://"+r.path("buildkitd.sock")))
	r.env.Setenv("BUILDX_BUILDER", "race")
	for _, dir := range []string{"shop", "colleague", "stranger"} {
		mkdir(r.path(dir))
		must(t, exec.Command("cp", filepath.Join(r.bin, "debian/bin/busybox"), r.path(dir)).Run())
		r.write(dir, map[string]string{"Dockerfile": raceDockerfile, "compose.yaml": fmt.Sprintf(raceCompose, 0), "deps": "deps\n", "page": "page 0\n"})
	}
	r.write("stranger", map[string]string{"Dockerfile": "FROM scratch\nCOPY busybox /bin/\nARG N\nRUN [\"/bin/busybox\", \"sleep\", \"1\"]\nRUN [\"/bin/busybox\", \"cp\", \"/bin/busybox\", \"/made\"]\n"})
	return r
}

func (r *race) write(dir string, files map[string]string) {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(r.path(dir), name), []byte(text), 0o600); err != nil {
			r.t.Error(err)
		}
	}
}

// docker runs the CLI in a folder.
func (r *race) docker(dir string, args ...string) (out []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(r.bin, "tools/docker"), args...)
	cmd.Dir, cmd.Env = r.path(dir), r.env.Vars
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s in %s: %w\n%s", strings.Join(args, " "), dir, err, e.Bytes())
	}
	return o.Bytes(), nil
}

// edit makes another version of the project, or finds one that there was.
func (r *race) edit(dir string, again bool) (page int) {
	r.mu.Lock()
	if again && len(r.pages) > 0 {
		page = r.pages[rand.IntN(len(r.pages))]
	} else {
		page = len(r.pages) + 1
		r.pages = append(r.pages, page)
	}
	r.mu.Unlock()
	// deps and the level change now and then, and back.
	r.write(dir, map[string]string{
		"page": fmt.Sprintf("page %d\n", page), "deps": fmt.Sprintf("deps %d\n", page/5%3), "compose.yaml": fmt.Sprintf(raceCompose, page/3%4),
	})
	return page
}

// check compares what a build made with what it had to make.
func (r *race) check(file, service string, page int) error {
	made, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	want := fmt.Sprintf("DEPS %d\nPAGE %d\n", page/5%3, page)
	switch service {
	case "api":
		want = fmt.Sprintf("%d\n%s", page/3%4, want)
	case "own":
		want = fmt.Sprintf("page %d\n", page)
	}
	if string(made) != want {
		return fmt.Errorf("%s of page %d is %q", service, page, made)
	}
	return nil
}

// byPlugin builds the project as its owner does, who often looks at what came of it for as long as a prune takes.
func (r *race) byPlugin() error {
	page := r.edit("shop", rand.IntN(6) == 0)
	for _, service := range []string{"web", "api", "own"} {
		if _, err := r.docker("shop", "catmandu", "build", "--output", "type=local,dest=out", service); err != nil {
			return err
		}
		if err := r.check(r.path("shop/out/"+service), service, page); err != nil {
			return err
		}
	}
	if page%3 > 0 {
		for seen := r.prunes.Load(); r.prunes.Load() < seen+2 && !r.isOver(); {
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

func (r *race) isOver() bool {
	select {
	case <-r.over:
		return true
	default:
		return false
	}
}

// byHand builds the very steps of the project from another folder, with buildx alone.
func (r *race) byHand() error {
	page := r.edit("colleague", rand.IntN(3) > 0)
	service := []string{"web", "api"}[rand.IntN(2)]
	_, err := r.docker("colleague", "buildx", "build", "--output", "type=local,dest=out", "--target", service, "--build-arg", fmt.Sprintf("LEVEL=%d", page/3%4), ".")
	if err != nil {
		return err
	}
	return r.check(r.path("colleague/out/"+service), service, page)
}

// byStranger builds something else.
func (r *race) byStranger() error {
	_, err := r.docker("stranger", "buildx", "build", "--output", "type=cacheonly", "--build-arg", fmt.Sprint("N=", rand.Int()), ".")
	return err
}

// prune prunes the project, and returns how many records went.
func (r *race) prune() (int, error) {
	out, err := r.docker("shop", "catmandu", "prune", "--force", "--format", "json")
	if err != nil {
		return 0, err
	}
	var pruned struct{ Removed []string }
	if err := json.Unmarshal(out, &pruned); err != nil {
		return 0, err
	}
	return len(pruned.Removed), nil
}

// TestPruneBesideBuilds prunes without regard to what is built at that time, also of the project itself: all builds end well and
// make what they have to make, and prunes free something nonetheless.
func TestPruneBesideBuilds(t *testing.T) {
	r := newRace(t)
	var loops sync.WaitGroup
	counts, errs := make([]atomic.Int32, 3), make([]error, 3)
	for i, build := range []func() error{r.byPlugin, r.byHand, r.byStranger} {
		loops.Go(func() {
			for !r.isOver() {
				errs[i] = errors.Join(errs[i], build())
				counts[i].Add(1)
			}
		})
	}
	freed, removed, n := 0, 0, 0
	for ; n < races(t) || counts[0].Load() < 4; n++ {
		time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond)
		gone, err := r.prune()
		if err != nil {
			t.Error(err)
		}
		if gone > 0 {
			freed++
		}
		removed += gone
		r.prunes.Add(1)
	}
	close(r.over)
	loops.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d prunes beside %d builds of the owner's versions, %d by hand and %d of a stranger; %d prunes removed %d records",
		n, counts[0].Load(), counts[1].Load(), counts[2].Load(), freed, removed)
	if freed*5 < int(counts[0].Load()) {
		t.Errorf("%d prunes freed something, of %d versions", freed, counts[0].Load())
	}
}
