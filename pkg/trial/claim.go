package trial

import (
	"fmt"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Scenarios with a premise of their own. Any other is as source when something was edited for it, and else claims nothing.
const (
	Warm        = "warm"
	Source      = "source"
	Deps        = "deps"
	Cold        = "cold"
	ColdBuilder = "cold-builder"
	CI          = "ci"
)

// Claim is what a run is to be, with the facts that its steps don't tell.
type Claim struct {
	Scenario string
	// Edits are the files that were edited since the state before was brought about.
	Edits []Edit
	// Before and After are the bytes of the builder's cache mounts by their IDs, before and after the run; nil is not known.
	Before, After map[string]int64
	// Imports are the caches that the build looks into.
	Imports []string
	// Lost says what became of the builder in between, such as that it is gone or was started anew; Failed why the build failed.
	// A run of which one is set is never valid.
	Lost, Failed string
	// Graphs are those of the build; with them more is told of why a step ran.
	Graphs []*steps.Graph
}

// Edit is a file that was edited.
type Edit struct {
	// Service is that whose build context it is in; empty is any.
	Service string
	Path    string
	// Takers are the names of the steps that take it, see Takers.
	Takers []string
	// Why says why there are none, where that is known: "web/.dockerignore excludes it".
	Why string
}

// Outcome is the judgement of a run.
type Outcome struct {
	Valid bool
	// Why says what the run was instead, Proof what shows that it was what was claimed.
	Why, Proof string
	// Missed are steps that ran although nothing was changed of what they are made of. That is a finding, and the run is valid.
	Missed []session.Miss
}

func invalid(format string, args ...any) Outcome { return Outcome{Why: fmt.Sprintf(format, args...)} }
