//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestSequence does to a project, to the engine, to the builder and to the plugin's own files what people do, in a
// random order, and after every build compares each image in the engine with one that the plugin had no part in:
// built by buildx with the same BuildKit into an archive, which is read here.
//
// CATMANDU_SEQUENCE_STEPS is the number of steps for each engine, CATMANDU_SEQUENCE_SEED chooses them: a CI does the same every time,
// and make sequence something new.
func TestSequence(t *testing.T) {
	steps, seed := uint64(80), uint64(1)
	for name, value := range map[string]*uint64{"CATMANDU_SEQUENCE_STEPS": &steps, "CATMANDU_SEQUENCE_SEED": &seed} {
		if text := os.Getenv(name); text != "" {
			var err error
			*value, err = strconv.ParseUint(text, 10, 64)
			check(t, err)
		}
	}
	for _, kind := range []string{graphDriver, containerdStore} {
		t.Run(kind, func(t *testing.T) {
			t.Logf("CATMANDU_SEQUENCE_SEED=%d", seed)
			s := newSequence(t, "q"+kind[:1], kind, seed)
			for i := range steps {
				name := s.step()
				if t.Failed() {
					t.Fatalf("after step %d, %s, of CATMANDU_SEQUENCE_SEED=%d:\n%s", i+1, name, seed, strings.Join(s.done, "\n"))
				}
				if i%20 == 19 {
					t.Logf("step %d: %d builds, %d images compared", i+1, s.builds, s.compared)
				}
			}
			t.Logf("%d steps, %d builds, %d images compared, %d of them not sent again: %v", steps, s.builds, s.compared, s.unchanged, s.count)
			if s.builds == 0 || s.compared < s.builds || s.unchanged == 0 {
				t.Error("that was no test")
			}
		})
	}
}

// sequence is the state of such a test.
type sequence struct {
	*lab
	t      *testing.T
	random *rand.Rand
	env    *testscript.Env
	dir    string
	base   string // the base image's name
	pull   bool   // the base image has moved

	moves                       []move
	done                        []string
	count                       map[string]int
	builds, compared, unchanged int

	// What the Dockerfile is written from.
	copies []string // of web's files, in this order
	value  int
	files  []string
	undo   func()
}

type move struct {
	name   string
	weight int
	do     func()
}

func newSequence(t *testing.T, name, kind string, seed uint64) *sequence {
	l, err := newLab(name, kind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.stop)
	dir := mkdir(l.path("project"))
	env := &testscript.Env{Values: map[any]any{}, WorkDir: dir}
	check(t, setup(env))
	env.Setenv("DOCKER_HOST", l.host())
	env.Setenv("BUILDX_BUILDER", "sequence")
	s := &sequence{
		lab: l, t: t, random: rand.New(rand.NewPCG(seed, 0)), env: env, dir: dir, base: "e2e/sequence-" + kind + ":1",
		copies: []string{"a", "b", "sub"}, files: []string{"web/a", "web/b", "web/sub/one", "api/a"}, count: map[string]int{},
	}
	s.docker("buildx", "create", "--name", "sequence", "--driver", "remote", "unix://"+l.path("buildkitd.sock"))
	for _, f := range s.files {
		s.write(f, "first "+f)
	}
	s.moveBase()
	s.writeProject()
	s.moves = []move{
		{"build", 30, s.build},
		{"edit a byte", 12, s.editByte},
		{"new file", 3, s.newFile},
		{"delete file", 2, s.deleteFile},
		{"chmod", 3, s.chmod},
		{"edit and build", 6, func() { s.editByte(); s.build() }},
		{"revert", 5, s.revert},
		{"reorder", 3, s.reorder},
		{"remove or add a layer", 3, s.toggleLayer},
		{"change ENV and LABEL", 3, func() { s.value++; s.writeProject() }},
		{"rmi some", 4, s.removeSome},
		{"rmi all", 2, func() { s.removeImages(s.tagged()) }},
		{"tag another", 5, s.tagAnother},
		{"image prune", 3, func() { s.docker("image", "prune", "-f") }},
		{"system prune", 2, func() { s.docker("system", "prune", "-af") }},
		{"builder prune", 2, func() { s.docker("buildx", "prune", "-af") }},
		{"restart", 2, func() { check(s.t, s.restart()) }},
		{"move base", 2, s.moveBase},
		{"lose own files", 2, func() { check(s.t, os.RemoveAll(s.cache())) }},
		{"keep own files", 2, func() { s.copyDir(s.cache(), s.cache()+".old") }},
		{"old own files", 2, func() { s.copyDir(s.cache()+".old", s.cache()) }},
	}
	return s
}

// step does one thing.
func (s *sequence) step() string {
	total := 0
	for _, m := range s.moves {
		total += m.weight
	}
	n := s.random.IntN(total)
	for _, m := range s.moves {
		if n -= m.weight; n < 0 {
			s.note("%s", m.name)
			s.count[m.name]++
			m.do()
			return m.name
		}
	}
	panic("unreachable")
}

func (s *sequence) note(format string, args ...any) {
	s.done = append(s.done, fmt.Sprintf(format, args...))
}

// docker runs the docker CLI in the project, and wants it to succeed.
func (s *sequence) docker(args ...string) string {
	out, errs, err := s.try(args...)
	if err != nil {
		s.t.Fatalf("docker %s: %v\n%s\nafter\n%s", strings.Join(args, " "), err, errs, strings.Join(s.done, "\n"))
	}
	return out + errs
}

func (s *sequence) try(args ...string) (out, errs string, err error) {
	cmd := exec.Command(filepath.Join(s.bin, "tools/docker"), args...)
	cmd.Env, cmd.Dir = s.env.Vars, s.dir
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return o.String(), e.String(), err
}

func (s *sequence) cache() string { return s.env.Getenv("XDG_CACHE_HOME") }

func (s *sequence) copyDir(from, to string) {
	if _, err := os.Stat(from); err != nil {
		return
	}
	check(s.t, os.RemoveAll(to))
	check(s.t, os.CopyFS(to, os.DirFS(from)))
}

func (s *sequence) write(name, content string) {
	path := filepath.Join(s.dir, name)
	mkdir(filepath.Dir(path))
	check(s.t, os.WriteFile(path, []byte(content), 0o644))
}

// writeProject writes two services of the same build, one that is like them but for an argument, and another.
func (s *sequence) writeProject() {
	s.write("compose.yaml", `name: seq
services:
  web: {image: seq-web, build: {context: web, args: {A: same}}}
  twin: {image: seq-twin, build: {context: web, args: {A: same}, tags: ["seq-extra:1"]}}
  like: {image: seq-like, build: {context: web, args: {A: other}}}
  api: {image: seq-api, build: {context: api}}
`)
	var copies strings.Builder
	for _, name := range s.copies {
		fmt.Fprintf(&copies, "COPY %s /%[1]s/\n", name)
	}
	s.write("web/Dockerfile", fmt.Sprintf(`FROM %s AS base
ENV VALUE=%d
%sFROM base AS dev
ARG A
LABEL value=%[2]d
RUN echo dev $A >/kind && rm -rf /b && ln -s kind /link
ENV KIND=dev
FROM base AS prod
ARG A
RUN mkdir /made && echo prod $A >/made/kind && chown 12:34 /made/kind && chmod 4711 /made/kind
COPY --chown=56:78 a /made/again
ENTRYPOINT ["/bin/cat", "/made/kind"]
LABEL value=%[2]d
`, s.base, s.value, copies.String()))
	s.write("api/Dockerfile", fmt.Sprintf(`FROM %s AS base
FROM base AS dev
COPY a /dev-a
FROM scratch AS prod
COPY a /
COPY a /again
USER 7:8
WORKDIR /work
CMD ["x"]
ENV VALUE=%d
`, s.base, s.value))
}

func (s *sequence) file() string { return s.files[s.random.IntN(len(s.files))] }

func (s *sequence) change(name string, f func(path string)) {
	path := filepath.Join(s.dir, name)
	before, err := os.ReadFile(path)
	check(s.t, err)
	info, err := os.Stat(path)
	check(s.t, err)
	s.undo = func() {
		check(s.t, os.WriteFile(path, before, 0o644))
		check(s.t, os.Chmod(path, info.Mode()))
	}
	f(path)
	s.note("  %s", name)
}

// editByte changes a byte, so that the file stays as long as it was.
func (s *sequence) editByte() {
	s.change(s.file(), func(path string) {
		content, err := os.ReadFile(path)
		check(s.t, err)
		content[s.random.IntN(len(content))] = byte('a' + s.random.IntN(26))
		check(s.t, os.WriteFile(path, content, 0o644))
	})
}

func (s *sequence) chmod() {
	s.change(s.file(), func(path string) {
		check(s.t, os.Chmod(path, []os.FileMode{0o600, 0o644, 0o755, 0o640}[s.random.IntN(4)]))
	})
}

func (s *sequence) newFile() {
	name := fmt.Sprintf("web/sub/new%d", s.random.IntN(3))
	s.write(name, strconv.Itoa(s.random.Int()))
	s.note("  %s", name)
}

func (s *sequence) deleteFile() {
	_ = os.Remove(filepath.Join(s.dir, fmt.Sprintf("web/sub/new%d", s.random.IntN(3))))
}

func (s *sequence) revert() {
	if s.undo != nil {
		s.undo()
	}
}

func (s *sequence) reorder() {
	s.random.Shuffle(len(s.copies), func(i, j int) { s.copies[i], s.copies[j] = s.copies[j], s.copies[i] })
	s.writeProject()
}

func (s *sequence) toggleLayer() {
	if i := slices.Index(s.copies, "sub"); i >= 0 {
		s.copies = slices.Delete(s.copies, i, i+1)
	} else {
		s.copies = append(s.copies, "sub")
	}
	s.writeProject()
}

// moveBase gives the base image's tag to another image.
func (s *sequence) moveBase() {
	top := newLayer()
	top.text("base", strconv.Itoa(s.random.Int()))
	below, err := s.busybox()
	check(s.t, err)
	top, err = top.close()
	check(s.t, err)
	check(s.t, s.push(s.base, runConfig{Cmd: []string{"sh"}}, below, top))
	s.pull = true
}

func (s *sequence) tagged() []string {
	return slices.DeleteFunc(strings.Fields(s.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}")),
		func(tag string) bool { return strings.Contains(tag, "<none>") })
}

func (s *sequence) removeImages(tags []string) {
	if len(tags) > 0 {
		s.docker(append([]string{"rmi", "-f"}, tags...)...)
	}
}

func (s *sequence) removeSome() {
	s.removeImages(slices.DeleteFunc(s.tagged(), func(string) bool { return s.random.IntN(2) == 0 }))
}

func (s *sequence) tagAnother() {
	if all := s.tagged(); len(all) > 0 {
		from := all[s.random.IntN(len(all))]
		to := []string{"seq-web", "seq-twin", "seq-extra:1", "seq-like", "seq-api", "other"}[s.random.IntN(6)]
		s.docker("tag", from, to)
		s.note("  %s is %s", to, from)
	}
}
