// Package usage says whose the cache records of a builder are and what they are for, and plans which may go.
//
// It errs on one side: what is removed is known to be this project's and known to be of no use, each by evidence, and all
// that is doubtful stays. It is pure: its caller asks the builder, reads the ledgers and acts.
package usage

import (
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Classes of records.
const (
	// Used is what a current target of this project needs.
	Used = "used"
	// Stale is what this project made, and neither its current targets nor anybody else needs, as far as that can be known.
	Stale = "stale"
	// Shared is what would be one of the above, if another project did not have it too.
	Shared = "shared"
	// Unknown is all else.
	Unknown = "unknown"
)

// Kinds of records.
const (
	KindLayer    = "layer"
	KindMount    = "cache mount"
	KindLocal    = "local source"
	KindGit      = "git"
	KindHTTP     = "http"
	KindImage    = "image"
	KindFrontend = "frontend"
	KindInternal = "internal"
)

// Record is a part of a builder's cache.
type Record struct {
	ID          string `json:"id"`
	Type        string `json:"type"`
	Description string `json:"description"`
	// Size is in bytes, without that of its parents.
	Size    int64     `json:"size"`
	Created time.Time `json:"createdAt"`
	// LastUsed is zero for what was not used since it was made.
	LastUsed time.Time `json:"lastUsedAt,omitzero"`
	Uses     int       `json:"uses"`
	InUse    bool      `json:"inUse"`
	// Shared says that an image of the engine has the same data: it takes no room of its own.
	Shared  bool     `json:"shared"`
	Mutable bool     `json:"mutable"`
	Parents []string `json:"parents"`
	// Node is the name of the builder's node that has it; empty where there is one only.
	Node string `json:"node,omitempty"`
}

// Project is one that built on this machine.
type Project struct {
	Name, Dir string
	History   *ledger.History
	// Here says that it is the one that is asked about.
	Here bool
	// Looks are the times in which a builder was asked what the project's steps have in the cache: BuildKit takes that for
	// use, and no build tells of it.
	Looks []Look
	// Renounced are the records that it did without when it pruned.
	Renounced []Renounced
}

// Look is such a time, by the builder's clock.
type Look struct {
	// Builder is its ID.
	Builder string    `json:"builder"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
}

// Target is a current target of this project: what its files say now.
type Target struct {
	// Kind is prod or dev, empty for what was declared.
	Kind  string
	Graph *steps.Graph
}

// Question is all that is known.
type Question struct {
	// Builder is the ledger's ID of the one whose records these are.
	Builder string
	// Records are all of its records, with times and counts from before the builder was asked for Touched.
	Records []Record
	// Targets are all current targets. One whose graph is not known makes nothing stale.
	Targets []Target
	// Touched are the steps of current targets whose results records hold, as the builder itself says, by record. A record that
	// it has for one of the targets, though for no step that is known, is there with none.
	Touched map[string][]Ref
	// Probed says that it was asked. Unprobed are the steps, by digest, of which it could not be learnt, and why: those that
	// come of an input which is not there must be among them if BuildKit could find them by content.
	Probed   bool
	Unprobed map[string]string
	Projects []Project
	// Strangers are builds that no project's ledger has. Forgets says that the builder remembers none, so that they can't be known.
	Strangers []Stranger
	Forgets   bool
	// Locals are the names under which this project's folders are sent to a builder; true for those of current targets.
	Locals map[string]bool
	Now    time.Time
	// Prepared is what Prepare returned for the same records, if it was called.
	Prepared *Prepared
}

// Ref is a step that a record is the result of, or that it is for.
type Ref struct {
	Service string `json:"service"`
	// Kind is prod or dev.
	Kind  string `json:"buildKind,omitempty"`
	Stage string `json:"stage,omitempty"`
	Step  string `json:"step,omitempty"`
	File  string `json:"file,omitempty"`
	Line  int    `json:"line,omitempty"`
	// Digest is that of the step in a current graph. With it, a Ref in Touched needs nothing else.
	Digest string `json:"-"`
}

// Item is a record with what is known of it.
type Item struct {
	Record
	Class string `json:"class"`
	Kind  string `json:"kind"`
	Refs  []Ref  `json:"refs"`
	// Others are the names of other projects that have it too.
	Others []string `json:"others"`
	// Own says that this project made it, and that nobody else is known to use it.
	Own bool `json:"own"`
	// Seconds is what its steps took when they ran, as far as they would have to run again.
	Seconds float64 `json:"seconds"`
	// Why is the reason of the class, in words, where there is more to say.
	Why string `json:"why,omitempty"`

	// needed is set for what is used, whether or not others use it too; borrows for what is known by what is built on it;
	// renounces for what this project had and would do without.
	needed, borrows, renounces bool
	// cost is the seconds of its steps by key, and theirs are those of other projects by name.
	cost   map[string]float64
	theirs map[string]map[string]float64
}

// frees is what is gained by removing it, in bytes.
func (i *Item) frees() int64 {
	if i.Shared {
		return 0
	}
	return i.Size
}

// used is when it was used last.
func (i *Item) used() time.Time {
	if i.LastUsed.After(i.Created) {
		return i.LastUsed
	}
	return i.Created
}

// Usage is what a builder's cache holds.
type Usage struct {
	// Items are sorted by ID.
	Items []Item
	now   time.Time
	byID  map[string]int
	// builder and lastBuild are what notes are made of.
	builder, lastBuild string
	// question and origin are what it was made of.
	question *Question
	origin   *origin
}
