package refs

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
)

// New plans what goes.
func New(q Question, s Selection) *Plan {
	groups := map[string][]*Ref{}
	all := map[string]*Ref{}
	for _, c := range q.Repositories {
		for _, tag := range slices.Sorted(maps.Keys(c.Tags)) {
			r, group := q.judge(c, tag)
			if r == nil {
				continue
			}
			all[r.Ref] = r
			if group != "" {
				groups[group] = append(groups[group], r)
			}
		}
	}
	for _, group := range groups {
		s.choose(group, q)
	}
	p := &Plan{Refs: []Ref{}, Removals: []Removal{}}
	spaces := map[string]*space{}
	for _, c := range q.Repositories {
		host, _, _ := strings.Cut(c.Name, "/")
		if spaces[host] == nil {
			spaces[host] = &space{stay: map[string]bool{}, goes: map[string]int64{}}
		}
		p.Removals = append(p.Removals, spaces[host].add(c, q, all)...)
	}
	for _, s := range spaces {
		p.Bytes += s.bytes()
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p.Refs = append(p.Refs, *all[name])
	}
	return p
}

// choose says which of the refs of one cache, all of branches that are gone, expire.
func (s Selection) choose(group []*Ref, q Question) {
	slices.SortFunc(group, func(a, b *Ref) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.Ref, b.Ref)) })
	for i, r := range group {
		r.Reason = r.gone(q.Now)
		switch {
		case len(s.Services) > 0 && !slices.Contains(s.Services, r.Service):
			r.Reason += "; not of the services asked for"
		case q.Now.Sub(r.Created) < s.OlderThan:
			r.Reason += "; not old enough"
		case i < s.Keep:
			r.Reason += "; among the newest of its kind"
		default:
			r.State = Expired
		}
	}
}

// space is the blobs of one registry, whose repositories share them.
type space struct {
	stay map[string]bool
	goes map[string]int64
}

// bytes are those of what goes, and nothing that stays has as well.
func (s *space) bytes() int64 {
	var sum int64
	for blob, size := range s.goes {
		if !s.stay[blob] {
			sum += size
		}
	}
	return sum
}

// add plans what goes of a repository. With a manifest go all of its tags, and an index that lists it is broken: what a tag
// that stays reaches, stays.
func (s *space) add(c *registry.Contents, q Question, all map[string]*Ref) []Removal {
	expired := func(tag string) *Ref {
		if r := all[c.Name+":"+tag]; r != nil && r.State == Expired {
			return r
		}
		return nil
	}
	reached := reach(c, q, func(tag string) bool { return expired(tag) == nil })
	for dgst := range reached {
		s.stay[dgst] = true
		if m := c.Manifests[dgst]; m != nil {
			for blob := range m.Blobs {
				s.stay[blob] = true
			}
		}
	}
	tags := map[string][]string{}
	for _, tag := range slices.Sorted(maps.Keys(c.Tags)) {
		r := expired(tag)
		switch {
		case r == nil:
		case reached[r.Digest] != "":
			r.State, r.Reason = Kept, r.Reason+"; "+reached[r.Digest]+" needs the same manifest"
		default:
			tags[r.Digest] = append(tags[r.Digest], tag)
		}
	}
	if !c.Whole {
		return nil
	}
	var out []Removal
	for _, dgst := range slices.Sorted(maps.Keys(tags)) {
		maps.Copy(s.goes, c.Manifests[dgst].Blobs)
		out = append(out, Removal{Repository: c.Name, Digest: dgst, Tags: tags[dgst]})
	}
	return out
}

// reach is the digests of all manifests that something which stays reaches, with what that is.
func reach(c *registry.Contents, q Question, stays func(tag string) bool) map[string]string {
	out := map[string]string{}
	var visit func(dgst, from string)
	visit = func(dgst, from string) {
		if dgst == "" || out[dgst] != "" {
			return
		}
		out[dgst] = from
		if m := c.Manifests[dgst]; m != nil {
			for _, below := range m.Manifests {
				visit(below, from)
			}
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(c.Tags)) {
		if stays(tag) {
			visit(c.Tags[tag], tag)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.Named)) {
		if dgst, ok := strings.CutPrefix(name, c.Name+"@"); ok {
			visit(dgst, dgst)
		}
	}
	return out
}
