// Package targets decides which stage of its Dockerfile every service of a Compose project is built at, and
// makes of it a Plan: everything one build will do, before anything runs.
//
// It reads Dockerfiles and nothing else: no daemon, no environment. Every decision carries its reason.
package targets

import "github.com/docker-catmandu/docker-catmandu/pkg/compose"

// Kind is what an image is for.
type Kind string

// The two kinds that --target knows beside the names of stages.
const (
	Prod Kind = "prod"
	Dev  Kind = "dev"
)

// Plan is everything one build will do, decided before anything runs.
type Plan struct {
	Project string `json:"project"`
	// Dir is the absolute project directory.
	Dir   string   `json:"dir"`
	Files []string `json:"files"`
	// Kind is empty when no kind was asked for.
	Kind     Kind              `json:"kind,omitempty"`
	Targets  []Target          `json:"targets"`
	Warnings []compose.Warning `json:"warnings"`
}

// Target is one image to build: a service at a stage.
type Target struct {
	Service string `json:"service"`
	// Stage is the name of the stage as its Dockerfile writes it; empty is the last stage.
	Stage string `json:"stage,omitempty"`
	// Reason says why this stage and Dockerfile: "build.target in compose.yaml:12", "last stage".
	Reason string `json:"reason"`
	// Linked targets were not asked for; others are built from them, and nothing is exported of them.
	Linked bool `json:"linked,omitempty"`
	// Image is the service's own name for its image, empty if it has none and Tags has Docker Compose's.
	Image string `json:"image,omitempty"`
	// Context is an absolute directory or a URL.
	Context string `json:"context"`
	// Dockerfile is the absolute path of the file, or relative to a remote context; empty when it is inline.
	Dockerfile string   `json:"dockerfile,omitempty"`
	Tags       []string `json:"tags"`
	Platforms  []string `json:"platforms"`
	// CacheFrom and CacheTo are in the words of --cache-from: "type=registry,ref=…".
	CacheFrom []string `json:"cacheFrom"`
	CacheTo   []string `json:"cacheTo"`
	// Build is the build section the target was made of; what is said above was decided and stands over it.
	Build compose.Build `json:"build"`
}

// PushedTags are the names that the files give; one that was made up would go to Docker Hub.
func (t Target) PushedTags() []string {
	if t.Image == "" {
		return t.Build.Tags
	}
	return t.Tags
}

// Request is what a command line asks of a plan.
type Request struct {
	// Target is a kind, the name of a stage, or empty for exactly what Docker Compose would build.
	Target string
	// Services are stages by service name, from --target SERVICE=STAGE; a kind is allowed as a stage.
	Services map[string]string
}
