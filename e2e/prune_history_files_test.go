//go:build e2e

package e2e

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// shape is all that the files of a project are made of. What is not of one project's name is the same in all projects.
type shape struct {
	Base, Deps, Install int    // versions; from imageBases on, Base is an image
	Mount               string // the cache mount of the step that installs; empty is none
	Source, Comment     int    // comments don't come out of the compiler
	Finish, Notes       int    // the last step, 0 is none; a heredoc
	Link, Worker        bool   // COPY --link; a second service
	Renamed             bool   // the stage for production
	Declared            string // the stage that the Compose file names
}

// imageBases is the first base that is an image, and lastBase the last of all.
const (
	imageBases = 3
	lastBase   = 4
)

func baseImage(n int) string { return fmt.Sprint("e2e/histories:", n) }

// modelStep is a step of a target.
type modelStep struct {
	// id is the same where BuildKit would take one result for the other, and differs else.
	id string
	// name is what the progress shows, without the stage.
	name string
	// mount is the ID of its cache mount.
	mount string
}

// sketch is a Dockerfile that is being written, with its steps.
type sketch struct {
	text   strings.Builder
	stages map[string][]modelStep // with those that the stage is built on
	parent map[string]string      // the id of a stage's last step
	now    string
}

func newSketch() *sketch {
	return &sketch{stages: map[string][]modelStep{}, parent: map[string]string{"scratch": "scratch"}}
}

func sum(parts ...any) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%q", parts)))[:16]
}

func (s *sketch) from(base, name string) {
	fmt.Fprintf(&s.text, "FROM %s AS %s\n", base, name)
	s.now = name
	s.stages[name], s.parent[name] = slices.Clone(s.stages[base]), s.parent[base]
	if s.parent[base] == "" {
		s.parent[name] = sum("image", base)
		s.note(modelStep{id: s.parent[name], name: "FROM " + base})
	}
}

func (s *sketch) note(m modelStep) { s.stages[s.now] = append(s.stages[s.now], m) }

// add adds an instruction that makes a step of what stands in it and of content.
func (s *sketch) add(instruction string, content ...any) {
	s.text.WriteString(instruction + "\n")
	name, _, _ := strings.Cut(instruction, "\n")
	mount := mountIn(instruction)
	id := sum(s.parent[s.now], strings.Replace(instruction, "id="+mount+",", "", 1), content) // the ID is no part of BuildKit's key
	s.note(modelStep{id: id, name: name, mount: mount})
	s.parent[s.now] = id
}

// link adds a COPY --link: a step that is built on nothing, and one that lays it over what is there.
func (s *sketch) link(what string, content any) {
	instruction := "COPY --link " + what
	s.text.WriteString(instruction + "\n")
	file := sum("link", what, content)
	s.note(modelStep{id: file, name: instruction})
	s.parent[s.now] = sum(s.parent[s.now], file)
	s.note(modelStep{id: s.parent[s.now], name: "LINK " + instruction})
}

// copyFrom adds a COPY --from, which is known by the content that it takes.
func (s *sketch) copyFrom(stage, what string, content ...any) {
	for _, m := range s.stages[stage] {
		if !slices.Contains(s.stages[s.now], m) {
			s.note(m)
		}
	}
	instruction := "COPY --from=" + stage + " " + what
	s.text.WriteString(instruction + "\n")
	s.parent[s.now] = sum(s.parent[s.now], what, content)
	s.note(modelStep{id: s.parent[s.now], name: instruction})
}

func mountIn(instruction string) string {
	_, rest, _ := strings.Cut(instruction, "type=cache,id=")
	id, _, _ := strings.Cut(rest, ",")
	return id
}

// base writes the stages that all projects and the stranger have.
func (s *sketch) base(f shape) {
	if f.Base >= imageBases {
		s.from(baseImage(f.Base), "base")
	} else {
		s.from("scratch", "base")
		s.add("COPY busybox /bin/")
		s.add(`RUN ["/bin/busybox", "--install", "-s", "/bin"]`)
	}
	s.add(fmt.Sprintf("RUN head -c %d00000 /dev/zero >/base", 1+f.Base))
	s.from("base", "deps")
	s.add("COPY deps.txt /deps.txt", f.Deps)
	option := ""
	if f.Mount != "" {
		option = "--mount=type=cache,id=" + f.Mount + ",target=/c,sharing=locked "
	}
	s.add(fmt.Sprintf("RUN %smkdir -p /c && touch /c/deps-$(cat /deps.txt)-%[2]d && ls /c && head -c %[2]d00000 /dev/zero >/deps", option, f.Install))
}

// dockerfile is that of a service.
func (f shape) dockerfile(project, service string) *sketch {
	s := newSketch()
	s.base(f)
	s.from("base", "build")
	s.copyFrom("deps", "/deps /deps", f.Install)
	s.add("COPY src /src", project, f.Source, f.Comment)
	s.add("RUN --mount=type=cache,id=compile-" + project + ",target=/c,sharing=locked " +
		"touch /c/$(md5sum </src/main | cut -c1-8) && ls /c && grep -v '^#' /src/main >/out && head -c 30000 /dev/zero >>/out")
	s.from("deps", "development")
	s.add("COPY src /src", project, f.Source, f.Comment)
	s.add("RUN cat /src/main /deps >/" + service)
	s.from("base", f.stage("production"))
	s.copyFrom("build", "/out /out", project, f.Source)
	if f.Link {
		s.link("assets /assets", project)
	} else {
		s.add("COPY assets /assets", project)
	}
	s.add(fmt.Sprintf("COPY <<EOF /notes\n%s %d\nEOF", project, f.Notes))
	if f.Finish > 0 {
		s.add(fmt.Sprintf("RUN head -c %d0000 /dev/zero >/%s", f.Finish%5+1, service))
	}
	s.text.WriteString("CMD [\"" + service + "\"]\n")
	return s
}

func (f shape) stage(of string) string {
	if of == "production" && f.Renamed {
		return "release"
	}
	return of
}

func (f shape) services() []string {
	if f.Worker {
		return []string{"web", "worker"}
	}
	return []string{"web"}
}

// files are those of a project.
func (f shape) files(project string) map[string]string {
	out := map[string]string{
		"deps.txt": fmt.Sprint(f.Deps), "assets/a": project + " assets\n",
		"src/main": fmt.Sprintf("# %d\n%s %d\n", f.Comment, project, f.Source), "src/same": strings.Repeat("same\n", 2000),
		".dockerignore": "compose.yaml\n*Dockerfile\n",
	}
	var compose strings.Builder
	compose.WriteString("services:\n")
	for _, service := range f.services() {
		out[service+".Dockerfile"] = f.dockerfile(project, service).text.String()
		fmt.Fprintf(&compose, "  %s: {build: {context: ., dockerfile: %[1]s.Dockerfile, target: %s}}\n", service, f.stage(f.Declared))
	}
	out["compose.yaml"] = compose.String()
	return out
}

// steps are those of a target of a project: "prod", "dev" or, empty, as declared.
func (f shape) steps(project, kind string) []modelStep {
	stage := map[string]string{"prod": "production", "dev": "development", "": f.Declared}[kind]
	var out []modelStep
	for _, service := range f.services() {
		out = append(out, f.dockerfile(project, service).stages[f.stage(stage)]...)
	}
	return out
}

// historyKinds are the targets that are current.
var historyKinds = []string{"", "prod", "dev"}

// declares tells whether the Compose file names the stage of that kind.
func (f shape) declares(kind string) bool {
	return f.Declared == map[string]string{"prod": "production", "dev": "development"}[kind]
}

// current are the ids of the steps and the cache mounts of all current targets.
func (f shape) current(project string) map[string]bool {
	out := map[string]bool{}
	for _, kind := range historyKinds {
		maps.Copy(out, idsOf(f.steps(project, kind)))
	}
	return out
}

func idsOf(all []modelStep) map[string]bool {
	out := map[string]bool{}
	for _, m := range all {
		out[m.id] = true
		if m.mount != "" {
			out[mountID(m.mount)] = true
		}
	}
	return out
}

func mountID(id string) string { return "cache mount " + id }

// strange is the Dockerfile of the stranger, who builds what others build, and perhaps something of its own before or after
// that: what Finish is means that here.
func (f shape) strange() *sketch {
	s := newSketch()
	s.base(f)
	if f.Finish == 0 {
		s.from("deps", "own")
		return s
	}
	s.from("base", "own")
	if f.Finish == 1 {
		s.add("COPY file /file", f.Source)
	}
	s.copyFrom("deps", "/deps /deps", f.Install)
	if f.Finish == 2 {
		s.add("COPY file /file", f.Source)
	}
	s.add("RUN cat /file /deps >/strange")
	return s
}

func (f shape) strangeFiles() map[string]string {
	return map[string]string{"Dockerfile": f.strange().text.String(), "deps.txt": fmt.Sprint(f.Deps), "file": fmt.Sprint("strange ", f.Source)}
}

// writeFiles leaves nothing else in a folder than these, and busybox.
func writeFiles(dir string, files map[string]string) error {
	old, err := filepath.Glob(filepath.Join(dir, "*Dockerfile"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
