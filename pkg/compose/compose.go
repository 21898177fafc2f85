// Package compose turns Compose files into a Project: the services of a Compose project that can be built,
// as plain values.
//
// It finds, merges and interpolates files as Docker Compose v5 does, but reads only what a build uses: a
// runtime setting that is missing or wrong never stops it. It is the only package that imports compose-go.
package compose

import (
	"fmt"
	"strings"
)

// Project is a set of Compose files as one value.
type Project struct {
	Name string `json:"name"`
	// Dir is the absolute project directory: what relative paths in the files are relative to.
	Dir string `json:"dir"`
	// Files are the absolute paths of the Compose files in the order of their merging; "-" is standard input.
	Files []string `json:"files"`
	// Override is the one of Files that was found beside the first without being asked for; empty if none was.
	Override string `json:"override,omitempty"`
	// Services are those that have a build section and are selected, or that a selected one is built from, by name.
	Services []Service `json:"services"`
	// Profiles are those that would enable more services with a build section, by name.
	Profiles []string `json:"-"`
	// Base has the same services as the files without Override declare them; nil when there is no Override, or when
	// Options.Variants does not ask for it.
	// A service that only the override can build is absent.
	Base []Service `json:"-"`
	// BaseErrors say why a service can't be built as the files without Override declare it, by service; that of "" is
	// for all.
	BaseErrors map[string]error `json:"-"`
	// Siblings are other Compose files beside Files, read one by one; filled when Options.Variants asks for it.
	Siblings []Sibling `json:"-"`
	// Config is the project's x-catmandu section.
	Config Config `json:"-"`
	// Environment is what variables were interpolated from: the process environment over the .env files.
	Environment map[string]string `json:"-"`
	// Warnings are what the user should know of the files, in no special wording of Compose.
	Warnings []Warning `json:"-"`
}

// Sibling is a Compose file that lies beside the loaded ones and was not loaded, such as compose.prod.yaml.
type Sibling struct {
	// File is its absolute path.
	File string
	// Alone are the services it can build by itself.
	Alone []Service
	// Merged are the services it builds on top of the project's files without the override.
	Merged []Service
}

// Service is a Compose service that can be built.
type Service struct {
	Name string `json:"name"`
	// Image is the name the Compose file gives, empty if it gives none.
	Image    string   `json:"image,omitempty"`
	Platform string   `json:"platform,omitempty"`
	Profiles []string `json:"profiles,omitempty"`
	Build    Build    `json:"build"`
	// Config is the service's x-catmandu section.
	Config ServiceConfig `json:"-"`
	// Selected tells a service that was asked for from one that others are only built from.
	Selected bool `json:"-"`
	// Positions tells where a setting was declared last, by its path below the service ("build.target").
	Positions map[string]Position `json:"-"`
}

// Build is the build section of a service as written, with paths made absolute, variables replaced and what x-bake
// adds to it.
type Build struct {
	// Context is an absolute directory, a URL, or empty for the project directory of a service without one.
	Context string `json:"context,omitempty"`
	// Dockerfile is relative to Context, or absolute.
	Dockerfile         string            `json:"dockerfile,omitempty"`
	DockerfileInline   string            `json:"dockerfileInline,omitempty"`
	Target             string            `json:"target,omitempty"`
	Args               map[string]string `json:"args,omitempty"`
	AdditionalContexts map[string]string `json:"additionalContexts,omitempty"`
	CacheFrom          []string          `json:"cacheFrom,omitempty"`
	CacheTo            []string          `json:"cacheTo,omitempty"`
	Labels             map[string]string `json:"labels,omitempty"`
	Platforms          []string          `json:"platforms,omitempty"`
	Tags               []string          `json:"tags,omitempty"`
	Secrets            []Secret          `json:"secrets,omitempty"`
	SSH                []SSHKey          `json:"ssh,omitempty"`
	NoCache            bool              `json:"noCache,omitempty"`
	NoCacheFilter      []string          `json:"noCacheFilter,omitempty"`
	Pull               bool              `json:"pull,omitempty"`
	Network            string            `json:"network,omitempty"`
	// ShmSize is in bytes.
	ShmSize      int64               `json:"shmSize,omitempty"`
	ExtraHosts   map[string][]string `json:"extraHosts,omitempty"`
	Ulimits      map[string]Ulimit   `json:"ulimits,omitempty"`
	Entitlements []string            `json:"entitlements,omitempty"`
	Privileged   bool                `json:"privileged,omitempty"`
	Isolation    string              `json:"isolation,omitempty"`
	// Provenance and SBOM are empty, "true", "false" or attestation parameters ("mode=max").
	Provenance string `json:"provenance,omitempty"`
	SBOM       string `json:"sbom,omitempty"`
}

// Secret is a build secret; exactly one of File and Environment is set.
type Secret struct {
	// ID is the name a Dockerfile's --mount=type=secret,id=… uses.
	ID          string `json:"id"`
	File        string `json:"file,omitempty"`
	Environment string `json:"environment,omitempty"`
}

// SSHKey is an SSH agent socket or key; an empty Path is the user's agent. Keys of one ID are one agent.
type SSHKey struct {
	ID   string `json:"id"`
	Path string `json:"path,omitempty"`
}

// Ulimit is a resource limit of RUN steps; a single value in a Compose file sets both.
type Ulimit struct {
	Soft int64 `json:"soft"`
	Hard int64 `json:"hard"`
}

// Position is a place in a file; Line counts from 1, 0 is unknown.
type Position struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// Warning is something the user should know that does not stop a build.
type Warning struct {
	// Service is empty for a warning about the whole project.
	Service  string   `json:"service,omitempty"`
	Message  string   `json:"message"`
	Position Position `json:"position,omitzero"`
}

// Config is what x-catmandu says at the top level of a Compose file.
type Config struct {
	// Targets chooses the stage of a kind ("prod", "dev") in every service whose Dockerfile has that stage.
	Targets map[string]Stage
	// Bench is about benchmarks, with what services say of theirs.
	Bench Bench
	Cache Cache
}

// ServiceConfig is what x-catmandu says in a service's build section.
type ServiceConfig struct {
	// Targets chooses the stage of a kind ("prod", "dev") in this service.
	Targets map[string]Stage
	// CacheOff leaves the service without automatic caches.
	CacheOff bool
}

// Stage is a stage that x-catmandu chooses.
type Stage struct {
	// Target is the name of the stage; empty is the last one.
	Target string
	// Dockerfile replaces the service's own, relative to the build context; empty keeps it.
	Dockerfile string
	// Position is where it was chosen.
	Position Position
}

// Find returns the service of that name among services, and whether there is one.
func Find(services []Service, name string) (Service, bool) {
	for i := range services { // by index: a service is large, and plans look for each of many
		if services[i].Name == name {
			return services[i], true
		}
	}
	return Service{}, false
}

// At returns where a setting of the service was declared, or else the nearest setting above it:
// At("build.args.VERSION") may be the line of "build".
func (s Service) At(path string) Position {
	for {
		if p, ok := s.Positions[path]; ok {
			return p
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return s.Positions[""]
		}
		path = path[:i]
	}
}

// String is "file:line", or the file alone when the line is not known.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}
