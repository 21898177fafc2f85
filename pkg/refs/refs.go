// Package refs plans which of a project's caches in registries may go: those of branches that are gone.
//
// It errs on one side: what goes is a build cache, lies in a repository that the project exports to, is known or named as that
// of a branch, and that branch is known to be gone; and nothing that a tag which stays reaches goes with it. It is pure: its
// caller asks registries and git, and acts.
package refs

import (
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
)

// States of refs.
const (
	// Used is what a current target names.
	Used = "used"
	// Kept is what stays for another reason.
	Kept = "kept"
	// Expired is what may go.
	Expired = "expired"
)

// Scope is what the tags of one cache have in common: all but the branch. One with neither a prefix nor a suffix says nothing
// about whose a tag is, and counts only if it is Given.
type Scope struct {
	// Repository is the full name, as in docker.io/library/web.
	Repository     string
	Prefix, Suffix string
	// Service is that whose cache it is; empty is not known.
	Service string
	// Given says that the user named the scope.
	Given bool
	// Slug makes of a branch what stands in a tag, where that is known; nil is any of the common ways.
	Slug func(branch string) string
}

// Note is an export that a build on this machine did.
type Note struct {
	// Ref is the full name with its tag.
	Ref     string `json:"ref"`
	Service string `json:"service"`
	// Branch is empty where it was not known.
	Branch   string    `json:"branch"`
	Exported time.Time `json:"exportedAt"`
}

// Question is what is known.
type Question struct {
	Repositories []*registry.Contents
	Scopes       []Scope
	Notes        []Note
	// Exports are the refs that current targets export to, with the service.
	Exports map[string]string
	// Named are other refs that stay, with the reason; with a digest, or with a tag.
	Named map[string]string
	// Branches are all that there are. Unknown says why they are not known; nothing expires then.
	Branches []string
	Unknown  string
	Now      time.Time
}

// Selection is what a user wants of what can go.
type Selection struct {
	// Services are those whose caches may go; empty is all.
	Services []string
	// OlderThan is how long ago a cache must have been exported.
	OlderThan time.Duration
	// Keep is how many of each scope stay though they could go, the newest.
	Keep int
}

// Ref is one cache of this project.
type Ref struct {
	Ref     string `json:"ref"`
	Digest  string `json:"digest"`
	Service string `json:"service,omitempty"`
	// Branch is that of the tag, as it was noted or else as the tag spells it.
	Branch string `json:"branch,omitempty"`
	// Created is when it was exported, or else its newest layer made; zero is not known.
	Created time.Time `json:"createdAt,omitzero"`
	// Bytes are those of all that it reaches, which it may share with others.
	Bytes int64  `json:"bytes"`
	State string `json:"state"`
	// Reason says why it is in that state.
	Reason string `json:"reason"`
}

// Removal is a manifest to remove, with all of its tags.
type Removal struct {
	Repository string   `json:"repository"`
	Digest     string   `json:"digest"`
	Tags       []string `json:"tags"`
}

// Plan is what goes.
type Plan struct {
	// Refs are all caches of this project.
	Refs     []Ref     `json:"refs"`
	Removals []Removal `json:"removals"`
	// Bytes are those of what only removed manifests reach, as far as the repositories of the plan tell: other repositories
	// of a registry may have the same.
	Bytes int64 `json:"bytes"`
}
