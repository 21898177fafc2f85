package refs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
)

// Wants tells whether a tag can be a cache of the project, so that it has to be read.
func (q *Question) Wants(repository, tag string) bool {
	ref := repository + ":" + tag
	return q.Exports[ref] != "" || slices.ContainsFunc(q.Notes, func(n Note) bool { return n.Ref == ref }) ||
		slices.ContainsFunc(q.Scopes, func(s Scope) bool { _, ok := s.match(repository, tag); return ok })
}

// judge says what becomes of a tag; nil is one that is no cache of this project. With a group, its branch is gone.
func (q *Question) judge(c *registry.Contents, tag string) (r *Ref, group string) {
	m := c.Manifests[c.Tags[tag]]
	if m == nil || !m.Cache || !q.Wants(c.Name, tag) {
		return nil, ""
	}
	r = &Ref{Ref: c.Name + ":" + tag, Digest: m.Digest, Created: m.Created, State: Kept}
	for _, size := range m.Blobs {
		r.Bytes += size
	}
	var notes []Note
	for _, n := range q.Notes {
		if n.Ref == r.Ref {
			notes = append(notes, n)
			r.Service, r.Branch = cmp.Or(r.Service, n.Service), cmp.Or(r.Branch, n.Branch)
			if n.Exported.After(r.Created) {
				r.Created = n.Exported
			}
		}
	}
	if service := q.Exports[r.Ref]; service != "" {
		r.Service, r.State, r.Reason = service, Used, "service "+service+" exports to it"
		return r, ""
	}
	if why := cmp.Or(q.Named[r.Ref], q.Named[c.Name+"@"+m.Digest]); why != "" {
		r.State, r.Reason = Used, why
		return r, ""
	}
	if len(notes) > 0 {
		r.Reason, group = q.noted(notes, c.Name, tag)
	} else {
		r.Reason, group = q.matched(r, c.Name, tag)
	}
	switch {
	case r.Reason != "":
		return r, ""
	case q.Unknown != "":
		r.Reason = "not known which branches there are"
		return r, ""
	case r.Created.IsZero():
		r.Reason = "no telling how old it is"
		return r, ""
	}
	return r, group
}

// noted judges by what builds here noted. What was exported on several branches under one name is not that of a branch.
func (q *Question) noted(notes []Note, repository, tag string) (reason, group string) {
	for _, n := range notes {
		scope, ok := notedScope(repository, tag, n.Branch)
		if !ok {
			return "exported to on branches that its name does not tell apart", ""
		}
		if b := q.alive(n.Branch, nil); b != "" {
			return "there is a branch " + b, ""
		}
		group = scope.key()
	}
	return "", group
}

// matched judges by the name alone.
func (q *Question) matched(r *Ref, repository, tag string) (reason, group string) {
	bare := true
	for _, s := range q.Scopes {
		word, ok := s.match(repository, tag)
		if !ok {
			continue
		}
		if b := q.alive(word, s.Slug); b != "" {
			r.Service, r.Branch = s.Service, b
			return "there is a branch " + b, ""
		}
		for _, b := range q.Branches {
			if mentions(word, b) {
				return "it may be that of branch " + b, ""
			}
		}
		if group == "" || len(word) < len(r.Branch) {
			r.Service, r.Branch, group = s.Service, word, s.key()
		}
		bare = bare && s.Prefix+s.Suffix == "" && !s.Given
	}
	if bare {
		return "its name has nothing but a branch in it, and no build here exported to it", ""
	}
	return "", group
}

// alive is a branch that there is, and that a word can stand for.
func (q *Question) alive(word string, slug func(string) string) string {
	for _, b := range q.Branches {
		if isOf(word, b) || slug != nil && slug(b) == word {
			return b
		}
	}
	return ""
}

func (s Scope) key() string { return strings.Join([]string{s.Repository, s.Prefix, s.Suffix}, "\n") }

// gone is the reason for which a ref of no branch expires or stays.
func (r *Ref) gone(now time.Time) string {
	return fmt.Sprintf("branch %s is gone, exported %s ago", r.Branch, strings.ToLower(units.HumanDuration(now.Sub(r.Created))))
}
