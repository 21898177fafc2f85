//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// benchUser is somebody with a project, of which a builder has builds, with all that bench could leave something in below one folder.
type benchUser struct {
	t    *testing.T
	dir  string
	env  []string
	addr string // of the builder
	// isolation is the kind of bench's builder.
	isolation string
	restart   func() // the builder
	held      int    // how often that was necessary
}

func newBenchUser(t *testing.T, dir, isolation string) *benchUser {
	t.Helper()
	u := &benchUser{t: t, dir: dir, isolation: isolation}
	home := filepath.Join(dir, "home")
	plugins := mkdir(filepath.Join(home, ".docker/cli-plugins"))
	mkdir(filepath.Join(dir, "run"))
	mkdir(filepath.Join(dir, "tmp"))
	for _, plugin := range []string{"docker-catmandu", "tools/cli-plugins/docker-buildx"} {
		check(t, os.Symlink(filepath.Join(os.Getenv("E2E_BIN"), plugin), filepath.Join(plugins, filepath.Base(plugin))))
	}
	u.env = append(os.Environ(), "HOME="+home, "DOCKER_CONFIG="+filepath.Join(home, ".docker"), "TMPDIR="+filepath.Join(dir, "tmp"),
		"XDG_CACHE_HOME="+filepath.Join(home, ".cache"), "XDG_CONFIG_HOME="+filepath.Join(home, ".config"), "XDG_RUNTIME_DIR="+filepath.Join(dir, "run"),
		"PATH="+os.Getenv("E2E_BIN")+"/tools:"+os.Getenv("PATH"), "DOCKER_HOST=unix:///nonexistent.sock", "BUILDX_BUILDER=", "GITHUB_STEP_SUMMARY=",
		"CATMANDU_BUILDKIT_CONFIG="+os.Getenv("BUILDKITD_CONFIG"), "CATMANDU_BUILDKIT_SOCKET="+u.socket(), "CATMANDU_BUILDKIT_GC=off", "CATMANDU_BUILDKIT_IDLE=0",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=e2e", "GIT_AUTHOR_EMAIL=e2e@localhost", "GIT_COMMITTER_NAME=e2e", "GIT_COMMITTER_EMAIL=e2e@localhost")
	u.commit()
	return u
}

// socket is that of the user's private BuildKit, if there is one.
func (u *benchUser) socket() string { return filepath.Join(u.dir, "run", "d.sock") }

// isolationProject are the files of the user's. The steps take their time, so that kills meet them.
var isolationProject = map[string]string{
	"compose.yaml": `services:
  web: {build: web}
  api: {build: api}
x-catmandu:
  bench:
    services:
      web: {edits: {source: main.txt}}
      api: {edits: {source: main.txt}}
`,
	"web/Dockerfile": `FROM busybox:1.37 AS base
WORKDIR /srv
FROM base AS deps
COPY packages.txt ./
RUN --mount=type=cache,target=/packages sleep 0.1; cat packages.txt /proc/uptime >>/packages/log; cp packages.txt /installed
FROM deps AS build
COPY . .
RUN --mount=type=cache,id=objects,target=/objects,sharing=locked sleep 0.1; cat main.txt /proc/uptime >>/objects/log; cp main.txt /page
FROM base AS prod
COPY --from=build /page /page
RUN sleep 0.05
`,
	"web/packages.txt": "one\n",
	"web/main.txt":     "main\n",
	"api/Dockerfile": `FROM busybox:1.37 AS prod
COPY main.txt /
RUN --mount=type=cache,target=/packages cat /proc/uptime >>/packages/log; sleep 0.1
`,
	"api/main.txt": "main\n",
}

// The revision before has a base image of its own, and one of its Dockerfiles a syntax.
const oldImage, oldSyntax = "library/isolation:1", "library/isolation-syntax:1"

// commit makes two revisions of the project, and something that is in none.
func (u *benchUser) commit() {
	u.t.Helper()
	for name, text := range isolationProject {
		text = strings.ReplaceAll(text, "busybox:1.37", oldImage)
		if name == "api/Dockerfile" {
			text = "# syntax=" + oldSyntax + "\n" + text
		}
		write(u.t, filepath.Join(u.dir, "project", name), text)
	}
	u.sh("git init -q && git add . && git commit -q -m before")
	for name, text := range isolationProject {
		write(u.t, filepath.Join(u.dir, "project", name), text)
	}
	u.sh("git commit -q -a -m now && echo more >>web/packages.txt && echo new >web/untracked.txt && git status --porcelain")
}

// command is one of the user's, in the project.
func (u *benchUser) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(os.Getenv("E2E_BIN"), name), args...)
	cmd.Dir, cmd.Env = filepath.Join(u.dir, "project"), u.env
	return cmd
}

// run runs one, and returns what it prints to each.
func (u *benchUser) run(cmd *exec.Cmd) (stdout, stderr string) {
	u.t.Helper()
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if failed := cmd.Run(); failed != nil {
		u.t.Fatalf("%s: %v\n%s%s", cmd, failed, out.String(), err.String())
	}
	return out.String(), err.String()
}

func (u *benchUser) sh(text string) string {
	u.t.Helper()
	cmd := u.command("sh", "-c", text)
	cmd.Path = "/bin/sh"
	out, _ := u.run(cmd)
	return out
}

func (u *benchUser) buildctl(args ...string) string {
	u.t.Helper()
	out, _ := u.run(u.command("tools/buildctl", append([]string{"--addr", u.addr}, args...)...))
	return out
}

// build is a build of the user's, which tells how many steps of how many were cached, by service.
func (u *benchUser) build() map[string][2]string {
	u.t.Helper()
	_, text := u.run(u.command("docker-catmandu", "build", "--target", "prod", "--progress", "plain"))
	out := map[string][2]string{}
	for _, m := range regexp.MustCompile(`(?m)^(\w+) +prod +(\d+) of (\d+) `).FindAllStringSubmatch(text, -1) {
		out[m[1]] = [2]string{m[2], m[3]}
	}
	return out
}

// mounts is what is in the user's cache mounts. It takes a build.
func (u *benchUser) mounts() string {
	u.t.Helper()
	dir := u.t.TempDir()
	write(u.t, filepath.Join(dir, "Dockerfile"), fmt.Sprintf(`FROM busybox:1.37 AS look
RUN --mount=type=cache,target=/packages --mount=type=cache,id=objects,target=/objects : %d; ls -lR --full-time /packages /objects >/seen; tail -n 99 /packages/* /objects/* >>/seen
FROM scratch
COPY --from=look /seen /
`, time.Now().UnixNano()))
	u.buildctl("build", "--frontend", "dockerfile.v0", "--local", "context="+dir, "--local", "dockerfile="+dir, "--output", "type=local,dest="+dir)
	text, err := os.ReadFile(filepath.Join(dir, "seen"))
	check(u.t, err)
	return string(text)
}

// benchUserRecord are the fields of a cache record that a benchmark may not change.
type benchUserRecord struct {
	ID, RecordType, Description string
	Size                        int64
	Mutable, Shared, InUse      bool
	Parents                     []string
}

// state is what a benchmark may not change, nor add to, a line for each thing, which begins with what it is.
func (u *benchUser) state() []string {
	u.t.Helper()
	var out []string
	add := func(what string, of ...any) { out = append(out, what+" "+strings.TrimSpace(fmt.Sprintln(of...))) }
	var records []benchUserRecord
	check(u.t, json.Unmarshal([]byte(u.buildctl("du", "--format", "{{json .}}")), &records))
	for _, r := range records {
		add("record", r.ID, r.RecordType, r.Size, r.Mutable, r.Shared, r.Parents, r.Description)
		if r.InUse {
			add("use", r.ID)
		}
	}
	for line := range strings.Lines(u.buildctl("debug", "histories")) {
		if fields := strings.Fields(line); fields[0] != "TYPE" {
			add("build", fields[1])
		}
	}
	for line := range strings.Lines(u.sh(`git worktree list; git --no-optional-locks status --porcelain; find .git -type f | sort | xargs sha256sum; find . -path ./.git -prune -o -printf '%p %m %s %T@\n'`)) {
		add("project", line)
	}
	for _, path := range u.files() {
		what := "file"
		if strings.HasPrefix(path, "tmp/") {
			what = "temporary"
		}
		add(what, path)
	}
	for _, pid := range u.processes() {
		argv, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		add("process", pid, strings.ReplaceAll(string(argv), "\x00", " "))
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	check(u.t, err)
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, u.dir+"/") {
			add("mount", line)
		}
	}
	slices.Sort(out)
	return out
}

// files are all that there are but for those of the project and of the private BuildKit; sockets are files too.
func (u *benchUser) files() []string {
	u.t.Helper()
	const cache = "home/.cache/docker-catmandu/"
	var out []string
	check(u.t, filepath.WalkDir(u.dir, func(path string, _ fs.DirEntry, err error) error {
		switch rel, _ := filepath.Rel(u.dir, path); rel {
		case "project", cache + "buildkit":
			return filepath.SkipDir
		case cache + "labs", cache + "scratch": // they stay, and are empty
		default:
			out = append(out, rel)
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil // it went in the meantime
		}
		return err
	}))
	return out
}

// processes are those that the user started, but for the private BuildKit.
func (u *benchUser) processes() []int {
	return find(func(argv []string, env string) bool {
		private := len(argv) > 1 && argv[1] == "__buildkitd" && strings.Contains(env, "CATMANDU_BUILDKIT_SOCKET="+u.socket()+"\x00")
		return !private && strings.Contains(env, "="+u.dir+"/")
	})
}
