// Package session is the document of one benchmark: what was measured, on what, and what came of it.
//
// It knows the format (docs/bench.md), which two sessions may be compared, and the store of a project. It measures nothing
// and prints nothing.
package session

import (
	"slices"
	"strings"
	"time"
)

// Schema names the format and its major version. Fields are added to it, never renamed; a reader ignores those it doesn't know
// and refuses another major version.
const Schema = "catmandu.bench/v1"

// Session is one run of bench. Seconds and bytes are numbers; what is absent was not measured.
type Session struct {
	Schema string `json:"schema"`
	// ID sorts by the time of the start.
	ID      string    `json:"id"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Tool    Tool      `json:"tool"`
	Project Project   `json:"project"`
	VCS     *VCS      `json:"vcs,omitempty"`
	CI      *CI       `json:"ci,omitempty"`
	Machine Machine   `json:"machine"`
	Builder Builder   `json:"builder"`
	// Settings are what was asked for.
	Settings Settings `json:"settings"`
	Quiet    Quiet    `json:"quiet"`
	Series   []Series `json:"series"`
	Stages   []Stage  `json:"stages"`
	Cache    []Cache  `json:"cache"`
	Images   []Image  `json:"images"`
	// Compare is set where there are two versions, or an earlier session.
	Compare  *Compare  `json:"compare,omitempty"`
	Budgets  []Budget  `json:"budgets"`
	Warnings []Warning `json:"warnings"`
	// Runs are all that were made, in their order; a line of the history is without them.
	Runs []Run `json:"runs,omitempty"`
}

// Tool is what measured.
type Tool struct {
	Version string `json:"version"`
	// Method names the statistics.
	Method string `json:"method"`
}

// Method is that of this program.
const Method = "hl-u/1"

// Project is what was built.
type Project struct {
	Name  string   `json:"name"`
	Files []string `json:"files"`
}

// VCS is the revision that was measured.
type VCS struct {
	Revision string `json:"revision,omitempty"`
	// Base is the revision that it was measured against.
	Base   string `json:"base,omitempty"`
	Branch string `json:"branch,omitempty"`
	// Dirty tells that the working tree differed from the revision.
	Dirty bool `json:"dirty"`
}

// CI is the job that measured.
type CI struct {
	Provider string `json:"provider"`
	RunID    string `json:"runId,omitempty"`
	RunURL   string `json:"runUrl,omitempty"`
	Runner   string `json:"runner,omitempty"`
}

// Machine is that of the builder, as far as it says.
type Machine struct {
	// Key is a digest of what follows.
	Key      string `json:"key"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	CPUModel string `json:"cpuModel"`
	// CPUs are those that the builder may use.
	CPUs int `json:"cpus"`
	// MemoryGiB is rounded: what a kernel keeps for itself differs.
	MemoryGiB int    `json:"memoryGiB"`
	Kernel    string `json:"kernel"`
	Virt      string `json:"virt,omitempty"`
}

// Builder is what built.
type Builder struct {
	Key    string `json:"key"`
	Name   string `json:"name"`
	Driver string `json:"driver"`
	// BuildKit is its version.
	BuildKit string `json:"buildkit"`
	// Isolation is how the user's cache was kept out of it: embedded, container or namespace.
	Isolation   string `json:"isolation"`
	Snapshotter string `json:"snapshotter,omitempty"`
	// CPU says of what CPU seconds are: "daemon", "container" or "steps"; empty where they are not measured.
	CPU string `json:"cpu,omitempty"`
}

// Settings decide what a number means: sessions with others are not comparable.
type Settings struct {
	Key       string   `json:"key"`
	Scenarios []string `json:"scenarios"`
	Kinds     []string `json:"kinds"`
	Services  []string `json:"services"`
	// Edits are the files that scenarios edit, "SERVICE SCENARIO" to paths within the build context.
	Edits map[string][]string `json:"edits"`
	// Runs is how many were asked for; 0 leaves it to the method.
	Runs      int      `json:"runs"`
	Seed      uint64   `json:"seed"`
	Platforms []string `json:"platforms,omitempty"`
	CacheFrom []string `json:"cacheFrom,omitempty"`
}

// Quiet tells how busy the machine was before the runs.
type Quiet struct {
	// Pressure is the share of time, in percent, that something waited for a CPU, in the ten seconds before each run.
	Pressure []float64 `json:"pressure,omitempty"`
	Load     []float64 `json:"load,omitempty"`
	BusyRuns int       `json:"busyRuns"`
}

// Versions of a project in one session.
const (
	Head = "head" // what is asked about
	Base = "base" // what it is compared with
)

// Case is what a number is of.
type Case struct {
	// Service is empty for all of them in one build.
	Service string `json:"service"`
	// Kind is prod or dev; empty where none was asked for.
	Kind     string `json:"kind,omitempty"`
	Scenario string `json:"scenario"`
	Version  string `json:"version"`
}

// Name is how a case is called in progress and errors.
func (c Case) Name() string {
	words := []string{c.Service, c.Kind, c.Scenario}
	if c.Service == "" {
		words[0] = "project"
	}
	if c.Version == Base {
		words = append(words, "(base)")
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// Metrics.
const (
	Wall = "wall" // seconds from the call to the end
	CPU  = "cpu"  // CPU seconds; Builder.CPU says of what
	Size = "size" // bytes of an image; only results and trends have it
)

// Series are the values of one metric of one case.
type Series struct {
	Case
	Metric string `json:"metric"`
	Unit   string `json:"unit"`
	// Values are those of the valid runs, in their order.
	Values []float64 `json:"values"`
	Median float64   `json:"median"`
	// Lo and Hi bound the median by the interval of Level; with too few values they are the least and the greatest.
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
	Level float64 `json:"level"`
	// Noise is the robust coefficient of variation: 1.4826·MAD ÷ median.
	Noise float64 `json:"noise"`
	// Outliers are indices of Values.
	Outliers []int `json:"outliers"`
	// Gate tells that a regression of it fails the session.
	Gate bool `json:"gate"`
	// Invalid counts the runs that proved not to be what the scenario says.
	Invalid int `json:"invalid,omitempty"`
}

// Stage is what the steps of a stage took in the builds of a case: medians over its valid runs.
type Stage struct {
	Case
	Stage string `json:"stage"`
	// Seconds is the time in which steps of the stage were at work; Until the time from the begin of the build to its last end.
	Seconds float64 `json:"seconds"`
	Until   float64 `json:"until"`
	// Lo and Hi bound Seconds as those of Series do; absent where nothing computed them.
	Lo     float64 `json:"lo,omitempty"`
	Hi     float64 `json:"hi,omitempty"`
	Steps  int     `json:"steps"`
	Cached int     `json:"cached"`
}

// Cache is what the cache did for a case: of its median run.
type Cache struct {
	Case
	// Steps are lines of the Dockerfile without FROM, Hits those of them that were cached.
	Steps int     `json:"steps"`
	Hits  int     `json:"hits"`
	Rate  float64 `json:"rate"`
	// TimeRate is the share of the cold seconds that the cached steps have; absent without cold runs.
	TimeRate     *float64 `json:"timeRate,omitempty"`
	SavedSeconds float64  `json:"savedSeconds,omitempty"`
	// FirstMiss is the earliest step that ran.
	FirstMiss *Miss `json:"firstMiss,omitempty"`
	// Wasted are steps that ran although nothing of theirs changed.
	Wasted []Miss `json:"wasted,omitempty"`
}

// Miss is a step that ran.
type Miss struct {
	Step string `json:"step"`
	File string `json:"file,omitempty"` // the Dockerfile
	Line int    `json:"line,omitempty"`
	Why  string `json:"why,omitempty"`
}

// Image is what a stage weighs. Sizes compare across machines.
type Image struct {
	Service string `json:"service"`
	Kind    string `json:"kind,omitempty"`
	Version string `json:"version"`
	// Stage is that of the Dockerfile; Final that it is the image of the service.
	Stage    string `json:"stage"`
	Final    bool   `json:"final"`
	Digest   string `json:"digest,omitempty"`
	Platform string `json:"platform,omitempty"`
	// Bytes is what a pull brings, Unpacked what it takes on disk. OwnBytes are of layers that the Dockerfile makes, BaseBytes of
	// those of the image that it begins with; both are parts of Bytes.
	Bytes     int64 `json:"bytes"`
	Unpacked  int64 `json:"unpacked"`
	OwnBytes  int64 `json:"ownBytes"`
	BaseBytes int64 `json:"baseBytes"`
	Layers    int   `json:"layers"`
}

// Verdicts. A bigger image is slower, a smaller one faster: it is to pull.
const (
	Slower     = "slower"
	Faster     = "faster"
	Same       = "same"
	CannotTell = "cannot tell"
	New        = "new"  // there is nothing to compare it with
	Gone       = "gone" // there is nothing any more
	Invalid    = "not valid"
)

// Compare is a comparison with another version or session.
type Compare struct {
	// Kind is ab for two versions in one session, history for many earlier ones, baseline for one.
	Kind string `json:"kind"`
	To   Other  `json:"to"`
	// Times says whether times compare: yes, flagged (they are shown and don't gate) or no. Sizes say so for sizes.
	Times string `json:"times"`
	Sizes string `json:"sizes"`
	// Why names what differs.
	Why     []string `json:"why"`
	Results []Result `json:"results"`
}

// Other is what is compared with.
type Other struct {
	ID       string `json:"id,omitempty"`
	Revision string `json:"revision,omitempty"`
	// Name is how the user said it.
	Name string `json:"name"`
}

// Result is a verdict.
type Result struct {
	Service  string `json:"service"`
	Kind     string `json:"kind,omitempty"`
	Scenario string `json:"scenario,omitempty"`
	// Stage and Platform are set for sizes.
	Stage    string  `json:"stage,omitempty"`
	Platform string  `json:"platform,omitempty"`
	Metric   string  `json:"metric"` // wall, cpu or size
	Base     float64 `json:"base"`
	Head     float64 `json:"head"`
	// Ratio is head ÷ base with its interval, 0 where one of them is 0; the three are equal where there is no interval, as of sizes.
	Ratio   float64 `json:"ratio"`
	Lo      float64 `json:"lo"`
	Hi      float64 `json:"hi"`
	Level   float64 `json:"level,omitempty"`
	Verdict string  `json:"verdict"`
	// Why says what a verdict lacks: "noise 19 %".
	Why string `json:"why,omitempty"`
	// NeedRuns is about how many runs of each version would tell.
	NeedRuns int  `json:"needRuns,omitempty"`
	Gate     bool `json:"gate"`
	// Confirmed tells that fresh runs alone agreed. Only then a slower series is a regression. Sizes are exact: a bigger image that
	// gates is confirmed.
	Confirmed bool `json:"confirmed"`
	// Because are the steps that differ most, the costliest first.
	Because []Because `json:"because,omitempty"`
}

// Because is a step that makes a difference.
type Because struct {
	Step    string  `json:"step"`
	File    string  `json:"file,omitempty"`
	Line    int     `json:"line,omitempty"`
	Seconds float64 `json:"seconds"` // head less base
	// Text says what happened: "runs, was cached", "takes longer", "new step".
	Text string `json:"text"`
	// Cause is the root cause, where the step runs because of another: the line of that one, and what is with it.
	Cause *Miss `json:"cause,omitempty"`
}

// Budget is a bound that the project set itself.
type Budget struct {
	Service  string  `json:"service"` // empty for the whole project
	Kind     string  `json:"kind,omitempty"`
	Scenario string  `json:"scenario,omitempty"`
	Stage    string  `json:"stage,omitempty"`
	What     string  `json:"what"` // time, size or cache
	Limit    float64 `json:"limit"`
	Value    float64 `json:"value"`
	// State is ok, borderline, over or unknown.
	State string `json:"state"`
}

// Warning is what a reader should know of the numbers.
type Warning struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Run is one build. Seconds of its parts count from its start.
type Run struct {
	Case
	Index int `json:"index"`
	// Round is 0 for the warm-up, whose runs are not in the series; Fresh runs are those of a confirmation.
	Round   int       `json:"round"`
	Fresh   bool      `json:"fresh,omitempty"`
	Started time.Time `json:"started"`
	Wall    float64   `json:"wall"`
	// BuilderWall is what the builder's own record says.
	BuilderWall float64 `json:"builderWall,omitempty"`
	Valid       bool    `json:"valid"`
	// Why says why it is not valid, Proof how the premise of the scenario was proved.
	Why   string `json:"why,omitempty"`
	Proof string `json:"proof,omitempty"`
	// Missed are steps that ran though nothing of theirs changed: a finding, and no reason against the run.
	Missed       []Miss   `json:"missed,omitempty"`
	Busy         bool     `json:"busy,omitempty"`
	Edited       []string `json:"edited,omitempty"`
	Refs         []string `json:"refs,omitempty"`
	Phases       Phases   `json:"phases"`
	ContextBytes int64    `json:"contextBytes"`
	CPU          float64  `json:"cpu,omitempty"`
	PeakMemory   int64    `json:"peakMemory,omitempty"`
	IOBytes      int64    `json:"ioBytes,omitempty"`
	// CriticalPath is the longest chain of steps in seconds; Parallelism how many were at work at once, in the mean.
	CriticalPath float64 `json:"criticalPath"`
	Parallelism  float64 `json:"parallelism"`
	Steps        []Step  `json:"steps"`
}

// Phases are the seconds in which something of the kind was at work; they overlap.
type Phases struct {
	Context     float64 `json:"context"`
	Pull        float64 `json:"pull"`
	CacheImport float64 `json:"cacheImport"`
	Steps       float64 `json:"steps"`
	Export      float64 `json:"export"`
	CacheExport float64 `json:"cacheExport"`
}

// Step is a line of a Dockerfile in one build.
type Step struct {
	Service string `json:"service"`
	// Name is BuildKit's: "[deps 2/3] RUN …"; secrets in it are hidden.
	Name   string `json:"name"`
	Stage  string `json:"stage"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Cached bool   `json:"cached"`
	// Start and End count from the start of the run; Seconds is how long it was at work in between.
	Start      float64 `json:"start"`
	End        float64 `json:"end"`
	Seconds    float64 `json:"seconds"`
	CPU        float64 `json:"cpu,omitempty"`
	PeakMemory int64   `json:"peakMemory,omitempty"`
	IOBytes    int64   `json:"ioBytes,omitempty"`
	Critical   bool    `json:"critical,omitempty"`
	// After are the steps that it is built on, by the place in the list of the run.
	After []int `json:"after"`
}
