package refs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
)

// Registries are made at random: images, indexes of indexes, parts that are missing, manifests under many tags, branches that live
// and others. What was planned is carried out on a model of a registry, which takes all tags of a manifest along and then collects
// its garbage: whatever tag is still there has all that it had before.
func TestPlansForRandomRegistries(t *testing.T) {
	var removals, shared int
	for seed := range uint64(3000) {
		w := &random{rand.New(rand.NewPCG(seed, 7))}
		q := w.question()
		p := New(q, w.selection())
		where := fmt.Sprint("seed ", seed)
		removals += len(p.Removals)
		for _, r := range p.Refs {
			if strings.Contains(r.Reason, "needs the same manifest") {
				shared++
			}
		}

		before := model(q.Repositories)
		after := model(q.Repositories)
		for _, r := range p.Removals {
			gone := after.remove(r.Repository, r.Digest)
			assert.DeepEqual(t, gone, r.Tags) // no tag goes of which nobody was told
			for _, tag := range gone {
				w.mayGo(t, q, p, r.Repository, tag, where)
			}
		}
		roots := map[string][]string{} // digests by repository
		for named := range q.Named {
			if name, dgst, ok := strings.Cut(named, "@"); ok {
				roots[name] = append(roots[name], dgst)
			}
		}
		for name, c := range after {
			roots[name] = append(roots[name], slices.Collect(maps.Values(c.Tags))...)
		}
		kept := map[string]bool{}
		for name, digests := range roots {
			host, _, _ := strings.Cut(name, "/")
			for _, dgst := range digests {
				reached := after.reach(name, dgst)
				assert.DeepEqual(t, reached, before.reach(name, dgst))
				for what := range reached {
					kept[host+what] = true
				}
			}
		}
		assert.Equal(t, p.Bytes, before.freed(p.Removals, kept), where)
	}
	assert.Assert(t, removals > 2000, "%d", removals)
	assert.Assert(t, shared > 500, "%d", shared)
}

type random struct{ *rand.Rand }

func (w *random) one(of ...string) string { return of[w.IntN(len(of))] }

var (
	someBranches = []string{"main", "dev", "feature/one", "feature/two", "gone", "old/One"}
	somePrefixes = []string{"web-", "api-", "", "other-"}
)

func (w *random) question() Question {
	q := Question{Exports: map[string]string{}, Named: map[string]string{}, Now: noon}
	for _, b := range someBranches {
		if w.IntN(3) == 0 {
			q.Branches = append(q.Branches, b)
		}
	}
	for _, name := range []string{"a.example/one", "a.example/two", "b.example/one"}[:1+w.IntN(3)] {
		q.Repositories = append(q.Repositories, w.contents(name))
		for _, prefix := range somePrefixes[:3] {
			if w.IntN(4) > 0 {
				q.Scopes = append(q.Scopes, Scope{Repository: name, Prefix: prefix, Given: w.IntN(3) > 0})
			}
		}
	}
	for _, c := range q.Repositories {
		for _, tag := range slices.Sorted(maps.Keys(c.Tags)) {
			switch ref := c.Name + ":" + tag; w.IntN(24) {
			case 0:
				q.Exports[ref] = "web"
			case 1:
				q.Named[ref] = "imported"
			case 2:
				q.Named[c.Name+"@"+w.one(slices.Sorted(maps.Keys(c.Manifests))...)] = "imported"
			case 3, 4:
				q.Notes = append(q.Notes, Note{Ref: ref, Branch: w.one(someBranches...), Exported: noon.Add(-w.age())})
			}
		}
	}
	return q
}

func (w *random) selection() Selection {
	return Selection{OlderThan: time.Duration(w.IntN(3)) * week, Keep: w.IntN(4) / 3}
}

func (w *random) age() time.Duration { return time.Duration(w.IntN(40)) * 24 * time.Hour }

func (w *random) contents(name string) *registry.Contents {
	c := &registry.Contents{Name: name, Whole: true, Tags: map[string]string{}, Manifests: map[string]*registry.Manifest{}}
	var made []string
	for i := range 3 + w.IntN(12) {
		m := &registry.Manifest{Digest: fmt.Sprint("sha256:m", i), Blobs: map[string]int64{}}
		m.Blobs[m.Digest] = 1
		for range w.IntN(4) {
			m.Blobs[fmt.Sprint("sha256:b", w.IntN(10))] = 10
		}
		if len(made) > 0 && w.IntN(4) == 0 { // an index
			m.Manifests = append(m.Manifests, w.one(made...), w.one(append(made, "sha256:missing")...))
		}
		if m.Cache = w.IntN(4) > 0; w.IntN(6) > 0 {
			m.Created = noon.Add(-w.age())
		}
		c.Manifests[m.Digest] = m
		made = append(made, m.Digest)
	}
	for range 2 + w.IntN(15) {
		c.Tags[w.one(somePrefixes...)+strings.ReplaceAll(w.one(someBranches...), "/", "-")] = w.one(made...)
	}
	return c
}

// mayGo checks what is known of a tag that went.
func (w *random) mayGo(t *testing.T, q Question, p *Plan, name, tag, where string) {
	t.Helper()
	ref := name + ":" + tag
	i := slices.IndexFunc(p.Refs, func(r Ref) bool { return r.Ref == ref })
	assert.Assert(t, i >= 0 && p.Refs[i].State == Expired, "%s: %s", where, ref)
	assert.Assert(t, q.Exports[ref] == "" && q.Named[ref] == "", "%s: %s", where, ref)
	noted := slices.ContainsFunc(q.Notes, func(n Note) bool { return n.Ref == ref })
	for _, b := range q.Branches {
		if slug := plain(b); !noted {
			assert.Assert(t, tag != slug && !strings.HasSuffix(tag, "-"+slug), "%s: %s, branch %s", where, ref, b)
		}
	}
	for _, n := range q.Notes {
		assert.Assert(t, n.Ref != ref || !slices.Contains(q.Branches, n.Branch), "%s: %s", where, ref)
	}
}

// registries are a model of several: only tags keep what is there.
type registries map[string]*registry.Contents

func model(contents []*registry.Contents) registries {
	out := registries{}
	for _, c := range contents {
		out[c.Name] = &registry.Contents{Tags: maps.Clone(c.Tags), Manifests: maps.Clone(c.Manifests)}
	}
	return out
}

// remove removes a manifest; all of its tags go with it.
func (r registries) remove(name, dgst string) (gone []string) {
	c := r[name]
	delete(c.Manifests, dgst)
	for tag, of := range c.Tags {
		if of == dgst {
			gone = append(gone, tag)
			delete(c.Tags, tag)
		}
	}
	slices.Sort(gone)
	return gone
}

// reach is all that a manifest has: others, with those that are missing, and blobs.
func (r registries) reach(name, dgst string) map[string]bool {
	out := map[string]bool{}
	var visit func(dgst string)
	visit = func(dgst string) {
		m := r[name].Manifests[dgst]
		if out[dgst] = m != nil; m == nil {
			return
		}
		for blob := range m.Blobs {
			out["blob "+blob] = true
		}
		for _, below := range m.Manifests {
			visit(below)
		}
	}
	visit(dgst)
	return out
}

// freed is how much of removed manifests is not kept by something else on the same host.
func (r registries) freed(removals []Removal, kept map[string]bool) int64 {
	var sum int64
	counted := map[string]bool{}
	for _, removal := range removals {
		host, _, _ := strings.Cut(removal.Repository, "/")
		for blob, size := range r[removal.Repository].Manifests[removal.Digest].Blobs {
			if key := host + "blob " + blob; !kept[key] && !counted[key] {
				counted[key] = true
				sum += size
			}
		}
	}
	return sum
}
