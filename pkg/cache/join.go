package cache

import (
	"cmp"
	"slices"
	"strings"
)

// Join is a set of caches that builds import, and that are better imported as one: of several that have a step BuildKit goes on
// from one, and loses what only the others have (moby/buildkit#6418).
type Join struct {
	Repository string
	// Tags are the caches, the best first; Tag is for what is made of them. It is empty where the builds don't write to the
	// repository: then one that others made may do.
	Tags []string
	Tag  string
	// Again says that others import these caches who don't write to the repository, such as pull requests of forks: they are to be
	// joined once more after the build, with what it exported.
	Again bool
	// builds are the places of those that import them.
	builds []int
}

// Joins are the caches to join, in a registry. Builds that share some share all, as steps that they have in common are looked for in the
// caches of both.
func (s *Settings) Joins() []Join {
	if !s.joins {
		return nil
	}
	var out []Join
	for i, b := range s.Builds {
		tags := b.tags(s.Place)
		if len(tags) < 2 {
			continue
		}
		one := Join{Repository: s.Place, Tags: tags, builds: []int{i}}
		if b.exportsItself() {
			one.Tag, one.Again = joinedName(b.Scope), s.joinsAgain
		}
		rest := out[:0:0]
		for _, j := range out {
			if !slices.ContainsFunc(j.Tags, func(tag string) bool { return slices.Contains(tags, tag) }) {
				rest = append(rest, j)
				continue
			}
			one = Join{one.Repository, union(j.Tags, one.Tags), cmp.Or(j.Tag, one.Tag), j.Again || one.Again, union(j.builds, one.builds)}
		}
		out = append(rest, one)
	}
	return out
}

// Join lets the builds import one cache in place of those that it was made of, or just one of these. found are those that there are.
func (s *Settings) Join(j Join, ref string, found []string) {
	for _, i := range j.builds {
		b := &s.Builds[i]
		var one Entry
		for _, tag := range found {
			one.Joined = append(one.Joined, j.Repository+":"+tag)
		}
		var reasons []string
		rest := b.Imports[:0:0]
		for _, e := range b.Imports {
			tag := e.tag(s.Place)
			if e.Declared || tag == "" {
				rest = append(rest, e)
				continue
			}
			if slices.Contains(found, tag) {
				reasons = append(reasons, e.Reason)
			}
			parsed, _ := parse(e.Spec)
			one.Spec = parsed.with(map[string]string{"ref": j.Repository + ":" + ref}).String()
		}
		one.Reason = strings.Join(reasons, "; ")
		b.Imports = append(rest, one)
	}
}

// tags are those of the automatic imports from a repository.
func (b *Build) tags(repository string) []string {
	var out []string
	for _, e := range b.Imports {
		if tag := e.tag(repository); tag != "" && !e.Declared {
			out = append(out, tag)
		}
	}
	return out
}

// tag is that of an entry in a repository; empty for one elsewhere.
func (e Entry) tag(repository string) string {
	parsed, ok := parse(e.Spec)
	tag, there := strings.CutPrefix(parsed.attrs["ref"], repository+":")
	if !ok || parsed.kind != Registry || !there {
		return ""
	}
	return tag
}

func (b *Build) exportsItself() bool {
	return slices.ContainsFunc(b.Exports, func(e Entry) bool { return !e.Declared })
}

func union[T comparable](a, b []T) []T {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// joinMarker begins the tags of joined caches. It is as long as marker, or names would be too long.
const joinMarker = "joint"

// JointPrefix is what the tags of caches begin with that were joined for the scope, on all branches.
func (s Scope) JointPrefix() string { return joinMarker + strings.TrimPrefix(s.Prefix(), marker) }

// JointTags are the tags under which caches may have been joined by builds that wrote one of these.
func JointTags(tags []string) []string {
	var out []string
	for _, tag := range tags {
		if rest, ok := strings.CutPrefix(tag, marker); ok {
			out = append(out, joinMarker+rest)
		}
	}
	return out
}

func joinedName(s Scope) string { return joinMarker + strings.TrimPrefix(s.Name(), marker) }
