// Package ledger keeps what past builds of one project did: a file of JSON lines in a directory it is given, to which each
// build is appended.
//
// It is a cache: what can't be read is left out, and all of it may be deleted at any time. Writers exclude each other with a
// lock file and may be killed at any point; readers take no lock. docs/ledger.md describes the files. The package knows
// nothing of builders: its caller says what happened.
package ledger

import (
	"os"
	"path/filepath"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// What became of a step.
const (
	Cached   = "cached"
	Ran      = "ran"
	Failed   = "failed"
	Canceled = "canceled"
)

const (
	// maxSize is what the file may grow to, in bytes; then the oldest builds go, until half of it is free.
	maxSize = 3 << 20
	// maxFiles is what the side files may have together: lists of 50 000 files, each of 4 MB, must not fill a disk.
	maxFiles = 64 << 20
)

// Ledger is the past builds of one project.
type Ledger struct {
	dir               string
	maxSize, maxFiles int64
}

// New returns the ledger in dir, which need not exist.
func New(dir string) *Ledger {
	return &Ledger{dir: dir, maxSize: maxSize, maxFiles: maxFiles}
}

// Exists tells whether there was a build.
func (l *Ledger) Exists() bool {
	info, err := os.Stat(l.path())
	return err == nil && info.Size() > 0
}

func (l *Ledger) path() string { return filepath.Join(l.dir, "ledger.jsonl") }

// Builder is where a build ran.
type Builder struct {
	// ID tells the cache of one builder from another's.
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Driver  string `json:"driver,omitempty"`
	Version string `json:"version,omitempty"`
}

// Build is one build of some targets.
type Build struct {
	// ID may be empty, then Append makes one.
	ID      string    `json:"id"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Builder Builder   `json:"builder"`
	// Kind is prod or dev.
	Kind    string   `json:"buildKind,omitempty"`
	Targets []Target `json:"targets"`
	Error   string   `json:"error,omitempty"`
	NoCache bool     `json:"noCache,omitempty"`
	// Refs are the names that the builder's history has it by, as far as they are known: one, or one for each target.
	Refs []string `json:"refs,omitempty"`
}

// Target is one image of a build, for one platform.
type Target struct {
	Service string `json:"service"`
	Stage   string `json:"stage,omitempty"`
	// Platform is empty where the builder's own was built for.
	Platform string `json:"platform,omitempty"`
	// Key is that of the graph, empty when it was not known.
	Key string `json:"key,omitempty"`
	// Digest is the image's.
	Digest string `json:"digest,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Result is what one step of one target did in a build.
type Result struct {
	Service  string `json:"service"`
	Platform string `json:"platform,omitempty"`
	// Step describes it in full. Lines of the file have no step: it is taken apart, see stepLine.
	Step steps.Step `json:"step,omitzero"`
	// Status is Cached, Ran, Failed or Canceled.
	Status  string    `json:"status"`
	Started time.Time `json:"started,omitzero"`
	Seconds float64   `json:"seconds,omitempty"`
	// Unsure is set when files changed while the step was built: its key may not be that of what was built.
	Unsure bool `json:"unsure,omitempty"`
	// What it used is 0 when unknown. Memory is in bytes.
	CPUSeconds float64 `json:"cpuSeconds,omitempty"`
	PeakMemory int64   `json:"peakMemory,omitempty"`
	IOBytes    int64   `json:"ioBytes,omitempty"`
}
