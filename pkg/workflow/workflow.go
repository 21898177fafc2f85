// Package workflow writes the workflow with which a CI builds a Compose project: what a job installs, where it logs in, which caches
// it takes and leaves, and how it builds.
//
// New is a pure function of facts. It asks nobody, reads nothing and writes no file.
package workflow

import (
	"fmt"
	"strings"
)

// CI is the program that runs the workflow.
type CI string

// All that a workflow can be written for, as the command line names them.
const (
	GitHub CI = "github"
	GitLab CI = "gitlab"
)

// Facts are all that a workflow is made of.
type Facts struct {
	CI CI
	// Project is the name of the Compose project.
	Project string
	// Dir is the project directory in the repository, with slashes; "." is its top.
	Dir string
	// Branch is the default branch of the repository.
	Branch string
	// Targets are values of --target. Flags are others that all commands of the project get.
	Targets, Flags []string
	// Services are what is built, and Named those of them that were asked for; without any it is all of the project.
	Services []Service
	Named    []string
	// Variables are those of Compose that say which files and services are meant: COMPOSE_FILE and others.
	Variables map[string]string
	// Cache is what the project's x-catmandu says of caches, in the words of --cache; empty is nothing.
	Cache string
	// Bench tells that pull requests are measured.
	Bench bool
	// Taken tells that the file at which GitLab begins is there, and somebody else's.
	Taken bool
	// Pins are the versions that a job takes.
	Pins Pins
}

// Service is one that is built.
type Service struct {
	Name string
	// Images are the names that the Compose file gives its image.
	Images []string
	// CacheMounts tells that a RUN of its Dockerfile has one.
	CacheMounts bool
	// Secrets are the variables that its build secrets are in, SecretFiles the files.
	Secrets, SecretFiles []string
	// SSH tells that its build is given an SSH agent or a key.
	SSH bool
}

// Pins are versions. An empty one is not known.
type Pins struct {
	// Plugin is a tag or a commit of this program.
	Plugin string
	// BuildKit is a release, "v0.34.2", Docker one of the engine, "29.9.3", and Go one of the compiler, "1.26.8".
	BuildKit, Docker, Go string
}

// Workflow is a file of a CI.
type Workflow struct {
	// Path is where it belongs in the repository, with slashes.
	Path string
	Text string
	// Notes are what the user has to do or should know; a line that begins with "hint: " belongs to the one before.
	Notes []string
}

// Repository is where the plugin's source is.
const Repository = "https://github.com/docker-catmandu/docker-catmandu"

// Branch is the branch of the plugin that is installed where there is no better pin.
const Branch = "main"

// mark begins each file that is written here.
const mark = "# Written by docker catmandu ci init "

// IsOurs tells whether a file was written here, however it was changed since.
func IsOurs(text string) bool { return strings.HasPrefix(text, mark) }

// New writes the workflow.
func New(f Facts) *Workflow {
	w := &writer{Facts: f}
	w.pushed, w.notPushed = pushed(f.Services)
	switch f.CI {
	case GitLab:
		w.gitLab()
	default:
		w.gitHub()
	}
	w.advise()
	return &Workflow{Path: w.path, Text: w.text.String(), Notes: w.notes}
}

// writer writes one.
type writer struct {
	Facts
	// pushed are the registries that images are pushed to; without any notPushed says why.
	pushed    []string
	notPushed string

	path  string
	text  strings.Builder
	notes []string
}

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(&w.text, format+"\n", args...)
}

func (w *writer) note(format string, args ...any) {
	w.notes = append(w.notes, fmt.Sprintf(format, args...))
}

// head says what this is.
func (w *writer) head() {
	w.line("%s%s for the project %s, and yours to change.", mark, w.CI, w.Project)
}

// advise notes what the user has to see to, on any CI.
func (w *writer) advise() {
	if w.notPushed != "" {
		w.note("images are not pushed: %s", w.notPushed)
		w.note("hint: name them for the registry that they belong in, such as image: %s", w.example())
	}
	for _, s := range w.Services {
		for _, file := range s.SecretFiles {
			w.note("service %q: a job needs the file of a build secret: %s", s.Name, file)
		}
		if s.SSH {
			w.note("service %q: a job needs the SSH agent or key of its build", s.Name)
		}
	}
	if w.Pins.Plugin == Branch {
		w.note("the plugin is not pinned: this is a development build, and jobs install what the branch %s has", Branch)
		w.note("hint: --plugin-version names a tag or a commit")
	}
}

// example is the name of an image in the CI's own registry.
func (w *writer) example() string {
	if w.CI == GitLab {
		return "registry.gitlab.com/GROUP/PROJECT/" + w.Services[0].Name
	}
	return "ghcr.io/OWNER/" + w.Services[0].Name
}

// hasMounts tells whether there are cache mounts.
func (w *writer) hasMounts() bool {
	for _, s := range w.Services {
		if s.CacheMounts {
			return true
		}
	}
	return false
}
