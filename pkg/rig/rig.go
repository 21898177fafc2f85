// Package rig builds a project under the scenarios of a benchmark: its versions, with build contexts of their own, on builders of
// their own.
//
// A run begins with what its scenario wants to find, which is not timed, and ends with the proof that it found it. When to run
// what, and what the numbers mean, is for others to say.
package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/lab"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Scenarios that every project has. Any other name is one of the project's own: an edit.
const (
	Warm        = "warm"         // nothing changed
	Source      = "source"       // a source file was edited
	Deps        = "deps"         // a list of dependencies was edited
	Cold        = "cold"         // nothing of the project is cached; base images are there
	ColdBuilder = "cold-builder" // a builder that has nothing at all
	CI          = "ci"           // the same with the cache imports that the project configures
)

// Known are those scenarios.
var Known = []string{ColdBuilder, CI, Cold, Deps, Source, Warm}

// IsEdit tells whether a scenario edits files.
func IsEdit(scenario string) bool {
	return scenario == Source || scenario == Deps || !slices.Contains(Known, scenario)
}

// Options say what is built.
type Options struct {
	Lab lab.Options
	// Versions are the head, and a base where there is one.
	Versions  []Version
	Scenarios []string
	// Edits are what the project says its scenarios edit, by service and scenario. Others are guessed.
	Edits map[string]map[string][]Change
	// Whole leaves out the services one by one.
	Whole bool
	// Jobs is how many services are built at once.
	Jobs int
	// File is the name of a Dockerfile as the project knows it, given its path.
	File func(path string) string
	// Notices gets a line for what the user should know.
	Notices io.Writer
}

// Change is what a scenario does to the files of a service: it edits one, or runs a command that edits some.
type Change struct {
	// Path is within the build context, with slashes.
	Path string
	// Run is a shell command; it is empty where there is a path.
	Run string
}

// String is one line, also of a command that has several.
func (c Change) String() string {
	if c.Run != "" {
		return "`" + strings.Join(strings.Fields(c.Run), " ") + "`"
	}
	return c.Path
}

// Version is a project as one side of a comparison has it.
type Version struct {
	Name string
	// Plans are by kind.
	Plans map[string]*targets.Plan
	// Private tells that the build contexts are nobody else's: they need no copies.
	Private func(path string) bool
	// Environment has the values of secrets that come from variables.
	Environment map[string]string
}

// Rig is ready to build.
type Rig struct {
	Options
	// warm is where what was built stays, and cold where nothing does but base images; one and the same where the user's
	// own builder is used.
	warm, cold *lab.Lab
	versions   map[string]*version
	// mounts are the bytes of the cache mounts of warm by ID, as the last build left them.
	mounts map[string]int64
	// Missing says why a service has no such scenario.
	Missing []string
	seq     int
}

// version is a Version that is ready.
type version struct {
	Version
	graphs map[string][]*steps.Graph
	// sources are what the graphs are made of.
	sources map[string][]steps.Source
	// edits are by kind, service and scenario.
	edits map[editKey][]edited
	// roots are the folders of build contexts by kind and service.
	roots map[contextKey]string
	// settled are the plans whose last build found the files as they are.
	settled map[string]bool
}

type (
	editKey    struct{ kind, service, scenario string }
	contextKey struct{ kind, service string }
)

// edited is a change in its place.
type edited struct {
	Change
	service, root, why string
}

// Open makes everything ready: builders are started, contexts copied, files chosen, base images pulled.
func Open(ctx context.Context, o Options) (_ *Rig, err error) {
	r := &Rig{Options: o, versions: map[string]*version{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close(context.WithoutCancel(ctx)))
		}
	}()
	if r.warm, err = lab.Open(ctx, o.Lab); err != nil {
		return nil, err
	}
	for _, scenario := range o.Scenarios {
		if (scenario == ColdBuilder || scenario == CI) && r.warm.Kind() == lab.Namespace {
			return nil, fmt.Errorf("scenario %s: it needs an empty builder, and %q is the user's own\nhint: measure in an embedded BuildKit or in a container",
				scenario, r.BuilderName())
		}
	}
	r.cold = r.warm
	if slices.Contains(o.Scenarios, Cold) && r.warm.Kind() != lab.Namespace {
		if r.cold, err = r.warm.Fresh(ctx); err != nil {
			return nil, err
		}
	}
	for _, v := range o.Versions {
		ready, err := r.prepare(ctx, v)
		if err != nil && v.Name != session.Head {
			err = fmt.Errorf("%s: %w", v.Name, err)
		}
		if err != nil {
			return nil, err
		}
		r.versions[v.Name] = ready
	}
	return r, nil
}

// Close ends the builders and removes what was made. Its error tells that something of the user's is not as it was.
func (r *Rig) Close(ctx context.Context) error {
	var err error
	if r.cold != nil && r.cold != r.warm {
		err = r.cold.Close(ctx)
	}
	if r.warm != nil {
		err = errors.Join(err, r.warm.Close(ctx))
	}
	return err
}

// Live is the builder, to be asked about.
func (r *Rig) Live() *buildx.Live { return r.warm.Live() }

// Isolation is how the user's cache is kept out.
func (r *Rig) Isolation() lab.Kind { return r.warm.Kind() }

// BuilderName is the name of the builder.
func (r *Rig) BuilderName() string { return r.warm.Builder().Name }

// CPUOf says of what CPU seconds are; it is empty where they are not measured.
func (r *Rig) CPUOf(ctx context.Context) string {
	if _, of, ok := r.warm.CPU(ctx); ok {
		return of
	}
	return ""
}

// Graphs are the steps of a version for a kind.
func (r *Rig) Graphs(version, kind string) []*steps.Graph {
	if v := r.versions[version]; v != nil {
		return v.graphs[kind]
	}
	return nil
}

// mkdir makes a folder that only we see.
func mkdir(dir string) error { return os.MkdirAll(dir, 0o700) }
