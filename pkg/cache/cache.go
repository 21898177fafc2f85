// Package cache decides which caches the builds of a plan import and export, and says why.
//
// New is a pure function of the plan and of what it is told of its surroundings: the builder, the CI, the repository, and what
// was asked for. It asks nobody and reads nothing.
package cache

import "github.com/docker-catmandu/docker-catmandu/pkg/targets"

// Settings are the caches of all builds of a plan.
type Settings struct {
	// Backend is where automatic caches are; None where there are none.
	Backend Backend `json:"backend"`
	// Place is the repository, folder, bucket or account of it.
	Place string `json:"place,omitempty"`
	// Reason says why this backend, or none.
	Reason string `json:"reason"`
	// NotExported says why automatic caches are not exported; it is empty where they are.
	NotExported string  `json:"notExported,omitempty"`
	Builds      []Build `json:"builds"`
	// Notes are what the user should know before the build; a line that begins with "hint: " belongs to the one before.
	Notes []string `json:"notes"`
	// joins tells that the builder takes caches in the form of joined ones; joinsAgain that all other branches import these caches.
	joins, joinsAgain bool
}

// Build is the cache of one build: of a service, or of services that are the same build.
type Build struct {
	Services []string `json:"services"`
	Scope    Scope    `json:"scope"`
	Imports  []Entry  `json:"imports"`
	Exports  []Entry  `json:"exports"`
	// NotExported says why this build exports nothing; it is empty where it does, and where nothing is to be said.
	NotExported string `json:"notExported,omitempty"`
}

// Entry is one import or export.
type Entry struct {
	// Spec is in the words of --cache-from and --cache-to.
	Spec   string `json:"spec"`
	Reason string `json:"reason"`
	// Declared tells that it is of the Compose file or the command line.
	Declared bool `json:"declared,omitempty"`
	// Absent is an import of a local folder that holds no cache: it is left out.
	Absent bool `json:"absent,omitempty"`
	// Joined are the references of the caches that this one has all of.
	Joined []string `json:"joined,omitempty"`
}

// Surroundings are all that settings depend on, beside the plan.
type Surroundings struct {
	Builder Builder
	CI      CI
	Git     Git
	// Flag is the value of --cache, Config what x-catmandu.cache says.
	Flag   Choice
	Config Config
	// Request is what the plan was made of.
	Request targets.Request
	// Project are plans of all services of the project, at this and other kinds: the groups in them name the scopes, and
	// they are the siblings. Without any, the plan is all there is.
	Project []Variant
	// Pushes tells that images go to a registry.
	Pushes bool
	// NoCache tells that the build doesn't look for results.
	NoCache bool
}

// Variant is a plan with what it was made of.
type Variant struct {
	Request targets.Request
	Plan    *targets.Plan
}

// Builder is what builds.
type Builder struct {
	Name string
	// Driver is buildx's word for how it is reached.
	Driver string
	// Version is that of BuildKit, "v0.34.2"; empty where it is not known.
	Version string
	// Exports tells that it can export caches of their own, and not just inline ones.
	Exports bool
	Nodes   int
	// Platform is that of its machine: "linux/amd64".
	Platform string
	// Keeps tells that it is there for longer than a job of a CI, with what it has built.
	Keeps bool
}

// Git is where the working tree is.
type Git struct {
	// Repository tells that there is one.
	Repository bool
	// Branch is empty where HEAD is detached.
	Branch string
	// Default is the branch that work goes to; empty where that is not known.
	Default string
}

// Config is what x-catmandu.cache says.
type Config struct {
	Use Choice
	// Export is always, never, or empty for CI jobs only.
	Export string
	// Branch and DefaultBranch stand over what the CI and the repository say.
	Branch, DefaultBranch string
	// Off are the services without automatic caches.
	Off []string
	// At is where it is said: "compose.yaml:3".
	At string
}

// Values of Config.Export.
const (
	Always = "always"
	Never  = "never"
)
