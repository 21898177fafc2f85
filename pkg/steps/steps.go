// Package steps makes the graph of a build without running it, and gives every step of it a key.
//
// A key changes exactly when BuildKit would run the step again: it is made of what BuildKit's own cache keys are made of, by
// BuildKit's rules (keys.go names the sources), with the content of local files taken by BuildKit's own code. What can't be
// known from outside has no key and says why: nothing here is a guess. The package asks a builder only through functions
// that it is given.
package steps

import "path/filepath"

// Graph is what builds one image for one platform.
type Graph struct {
	Service string `json:"service"`
	// Platform is empty where the builder's own is built for.
	Platform string `json:"platform,omitempty"`
	// Stage is the one that is built; empty is the last.
	Stage string `json:"stage,omitempty"`
	// Key changes exactly when the image does, with its configuration; empty when that can't be known.
	Key string `json:"key,omitempty"`
	// Steps are in the order of the graph: inputs before what is built on them.
	Steps []Step `json:"steps"`
	// Imports are the caches that the build looks into, beside the builder's own.
	Imports []string `json:"imports,omitempty"`
	// Unknown says why there are no steps.
	Unknown string `json:"unknown,omitempty"`
}

// Step is one vertex of a graph that comes of a line of a Dockerfile. A line may be several: COPY --link is two.
type Step struct {
	// Key is in hexadecimal; empty when it can't be known, and Unknown says why.
	Key     string `json:"key,omitempty"`
	Unknown string `json:"unknown,omitempty"`
	// Digest is the vertex's own in this very graph. It differs from build to build where a local folder is read.
	Digest string `json:"digest"`
	// Name is BuildKit's: "[deps 2/3] RUN …".
	Name  string `json:"name"`
	Stage string `json:"stage,omitempty"`
	// File is the Dockerfile, empty when it is inline. Lines count from 1; 0 is unknown.
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	EndLine int    `json:"endLine,omitempty"`
	// Inputs are the digests of the steps that it is built on, or takes files from.
	Inputs []string `json:"inputs"`
	// Text is the instruction as BuildKit runs it, with variables filled in.
	Text string `json:"text,omitempty"`
	// Source is the instruction as the Dockerfile has it.
	Source string `json:"source,omitempty"`
	// Self is the digest of what the step does, apart from its inputs and files.
	Self string `json:"self"`
	// Env are the variables that a RUN sees. Values that may be secret are digests, "sha256:…".
	Env map[string]string `json:"env,omitempty"`
	// Args are the names of those in Env that are build arguments.
	Args []string `json:"args,omitempty"`
	// User and Dir are whom a RUN runs as, and where.
	User string `json:"user,omitempty"`
	Dir  string `json:"dir,omitempty"`
	// Base is the image that a FROM names.
	Base *Base `json:"base,omitempty"`
	// Files is the digest of the local files that the step takes, empty when it takes none.
	Files string `json:"files,omitempty"`
	// Takes are those files, once LoadTakes has listed them.
	Takes []File `json:"takes,omitempty"`
	// Mounts are the cache mounts of a RUN.
	Mounts []Mount `json:"mounts,omitempty"`
	// NoCache is set when the cache may not be used for it.
	NoCache bool `json:"noCache,omitempty"`

	taken []taken
}

// LoadTakes fills in the local files that the step takes, if it is of a graph that was just made.
func (s *Step) LoadTakes() {
	if s.taken != nil {
		s.Takes = []File{}
	}
	for _, t := range s.taken {
		s.Takes = append(s.Takes, t.tree.countLines(t.take())...)
	}
	s.taken = nil
}

// Base is an image and what its name stands for now.
type Base struct {
	Ref string `json:"ref"`
	// Digest is empty where the builder gives none.
	Digest string `json:"digest,omitempty"`
}

// File is a local file that a step takes.
type File struct {
	// Path is within the build context, with slashes.
	Path string `json:"path"`
	// Digest is of what BuildKit compares: content, permissions, link target, extended attributes; not of times.
	Digest string `json:"digest"`
	// Mode has the permissions and the kind of file, as os.FileMode.
	Mode uint32 `json:"mode"`
	Size int64  `json:"size,omitempty"`
	// Link is where a symbolic link leads.
	Link string `json:"link,omitempty"`
	// Content is of the bytes alone, for regular files. Lines has 4 bytes for each line of a short text.
	Content string `json:"content,omitempty"`
	Lines   []byte `json:"lines,omitempty"`
	// Time is when the content changed last, in nanoseconds since 1970. BuildKit doesn't compare it.
	Time int64 `json:"time,omitempty"`
}

// Mount is a cache mount.
type Mount struct {
	ID     string `json:"id"`
	Target string `json:"target"`
	// Sharing is shared, private or locked.
	Sharing string `json:"sharing"`
	// Owner is "UID:GID" of a new mount, and Mode its permissions; empty where the Dockerfile says nothing.
	Owner string `json:"owner,omitempty"`
	Mode  string `json:"mode,omitempty"`
}

// TakesAny tells whether one of the files that the step takes is among those paths, if it is of a graph that was just made.
func (s *Step) TakesAny(paths map[string]bool) bool {
	if len(paths) == 0 {
		return false
	}
	for _, t := range s.taken {
		for _, f := range t.take() {
			if paths[filepath.Join(t.tree.dir, f.Path)] {
				return true
			}
		}
	}
	return false
}

// IsRun tells whether the step runs a command.
func (s *Step) IsRun() bool { return s.Dir != "" }
