package refs

import (
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const repository = "example.com/shop/cache"

// cached is a repository of one cache of a layer of its own for each tag; "tag=other" has the manifest of another one.
func cached(name string, age time.Duration, tags ...string) *registry.Contents {
	c := &registry.Contents{Name: name, Whole: true, Tags: map[string]string{}, Manifests: map[string]*registry.Manifest{}}
	for _, tag := range tags {
		tag, other, same := strings.Cut(tag, "=")
		if same {
			c.Tags[tag] = c.Tags[other]
			continue
		}
		dgst := "sha256:" + tag
		c.Tags[tag] = dgst
		c.Manifests[dgst] = &registry.Manifest{
			Digest: dgst, Cache: true, Created: noon.Add(-age), Blobs: map[string]int64{dgst: 1, "layer of " + tag: 10, "base": 100},
		}
	}
	return c
}

const week = 7 * 24 * time.Hour

var web = Scope{Repository: repository, Prefix: "web-", Service: "web"}

// question is of two live branches, on main.
func question(c ...*registry.Contents) Question {
	return Question{
		Repositories: c, Scopes: []Scope{web}, Exports: map[string]string{repository + ":web-main": "web"}, Named: map[string]string{},
		Branches: []string{"main", "feature/live"}, Now: noon,
	}
}

// states are those of tags, with their reasons.
func states(p *Plan) map[string]string {
	out := map[string]string{}
	for _, r := range p.Refs {
		out[r.Ref[strings.LastIndexByte(r.Ref, ':')+1:]] = r.State + ": " + r.Reason
	}
	return out
}

func removed(p *Plan) []string {
	tags := []string{}
	for _, r := range p.Removals {
		tags = append(tags, r.Tags...)
	}
	return tags
}

func TestRefsOfBranchesThatAreGone(t *testing.T) {
	c := cached(repository, 8*24*time.Hour, "web-main", "web-feature-live", "web-gone", "web-api-main", "api-gone", "web-image")
	c.Manifests["sha256:web-image"].Cache = false
	p := New(question(c), Selection{OlderThan: week})
	assert.DeepEqual(t, states(p), map[string]string{
		"web-main":         "used: service web exports to it",
		"web-feature-live": "kept: there is a branch feature/live",
		"web-gone":         "expired: branch gone is gone, exported 8 days ago",
		"web-api-main":     "kept: it may be that of branch main",
	})
	assert.DeepEqual(t, p.Removals, []Removal{{Repository: repository, Digest: "sha256:web-gone", Tags: []string{"web-gone"}}})
	assert.Equal(t, p.Bytes, int64(11))
}

func TestWhatStaysForOtherReasons(t *testing.T) {
	old := func(tags ...string) *registry.Contents { return cached(repository, 8*24*time.Hour, tags...) }
	for name, test := range map[string]struct {
		change func(q *Question)
		s      Selection
		why    string
	}{
		"young":       {func(q *Question) { q.Now = noon.Add(-2 * 24 * time.Hour) }, Selection{OlderThan: week}, "branch gone is gone, exported 6 days ago; not old enough"},
		"no date":     {func(q *Question) { q.Repositories[0].Manifests["sha256:web-gone"].Created = time.Time{} }, Selection{}, "no telling how old it is"},
		"number":      {func(*Question) {}, Selection{Keep: 1}, "branch gone is gone, exported 8 days ago; among the newest of its kind"},
		"service":     {func(*Question) {}, Selection{Services: []string{"api"}}, "branch gone is gone, exported 8 days ago; not of the services asked for"},
		"no branches": {func(q *Question) { q.Unknown, q.Branches = "no answer", nil }, Selection{}, "not known which branches there are"},
		"named":       {func(q *Question) { q.Named[repository+":web-gone"] = "service api imports it" }, Selection{}, "service api imports it"},
		"digest":      {func(q *Question) { q.Named[repository+"@sha256:web-gone"] = "service api imports it" }, Selection{}, "service api imports it"},
		"bare": {
			func(q *Question) { q.Scopes[0].Prefix = "" },
			Selection{},
			"its name has nothing but a branch in it, and no build here exported to it",
		},
		"one name for all": {func(q *Question) {
			q.Notes = []Note{{Ref: repository + ":web-gone", Branch: "gone"}, {Ref: repository + ":web-gone", Branch: "other"}}
		}, Selection{}, "exported to on branches that its name does not tell apart"},
		"noted branch": {
			func(q *Question) {
				q.Notes = []Note{{Ref: repository + ":web-gone", Branch: "GONE"}}
				q.Branches = []string{"GONE"}
			},
			Selection{},
			"there is a branch GONE",
		},
		"noted later": {func(q *Question) {
			q.Notes = []Note{{Ref: repository + ":web-gone", Branch: "gone", Exported: noon.Add(-time.Hour)}}
		}, Selection{OlderThan: week}, "branch gone is gone, exported about an hour ago; not old enough"},
		"slug": {func(q *Question) {
			q.Scopes[0].Slug = func(branch string) string { return map[string]string{"odd": "gone"}[branch] }
			q.Branches = append(q.Branches, "odd")
		}, Selection{}, "there is a branch odd"},
	} {
		t.Run(name, func(t *testing.T) {
			q := question(old("web-main", "web-gone"))
			p := New(q, Selection{OlderThan: week})
			assert.DeepEqual(t, removed(p), []string{"web-gone"}) // without the reason it would go
			q.Scopes = []Scope{web}
			test.change(&q)
			p = New(q, test.s)
			assert.Equal(t, len(p.Removals), 0)
			assert.Equal(t, p.Bytes, int64(0))
			_, why, _ := strings.Cut(states(p)["web-gone"], ": ")
			assert.Equal(t, why, test.why)
		})
	}
}

// A cache that is the same on two branches is one manifest: with it both tags would go.
func TestManifestOfTwoTags(t *testing.T) {
	p := New(question(cached(repository, 8*24*time.Hour, "web-main", "web-gone=web-main", "web-a", "web-b=web-a")), Selection{OlderThan: week})
	assert.Equal(t, states(p)["web-gone"], "kept: branch gone is gone, exported 8 days ago; web-main needs the same manifest")
	assert.DeepEqual(t, p.Removals, []Removal{{Repository: repository, Digest: "sha256:web-a", Tags: []string{"web-a", "web-b"}}})
	assert.Equal(t, p.Bytes, int64(11))
}

// An index that stays keeps what it lists.
func TestManifestInAnIndex(t *testing.T) {
	c := cached(repository, 8*24*time.Hour, "web-main", "web-gone", "web-other")
	c.Tags["release"] = "sha256:index"
	c.Manifests["sha256:index"] = &registry.Manifest{Digest: "sha256:index", Manifests: []string{"sha256:web-gone", "sha256:missing"}}
	p := New(question(c), Selection{})
	assert.DeepEqual(t, removed(p), []string{"web-other"})
	assert.Equal(t, states(p)["web-gone"], "kept: branch gone is gone, exported 8 days ago; release needs the same manifest")
}

// What is noted needs no pattern, and what is bare may be given.
func TestOrigins(t *testing.T) {
	q := question(cached(repository, 8*24*time.Hour, "web-main", "gone", "feature-x"))
	q.Scopes = nil
	assert.DeepEqual(t, removed(New(q, Selection{})), []string{})
	q.Notes = []Note{{Ref: repository + ":gone", Branch: "gone", Service: "web"}}
	assert.DeepEqual(t, removed(New(q, Selection{OlderThan: week, Services: []string{"web"}})), []string{"gone"})
	q.Notes = nil
	q.Scopes = []Scope{{Repository: repository, Given: true}}
	assert.DeepEqual(t, removed(New(q, Selection{OlderThan: week})), []string{"feature-x", "gone"})
}

// A part of a repository says nothing of what its other tags reach.
func TestNothingGoesOfAPart(t *testing.T) {
	c := cached(repository, 8*24*time.Hour, "web-main", "web-gone")
	c.Whole = false
	p := New(question(c), Selection{})
	assert.Equal(t, len(p.Removals), 0)
	assert.Equal(t, states(p)["web-gone"], "expired: branch gone is gone, exported 8 days ago")
}

// The newest stay, each cache for itself.
func TestNumbersOfEachCache(t *testing.T) {
	c := cached(repository, 8*24*time.Hour, "web-a", "web-b", "web-c", "api-d")
	for i, tag := range []string{"web-a", "web-b", "web-c"} {
		c.Manifests["sha256:"+tag].Created = noon.Add(-time.Duration(i+10) * 24 * time.Hour)
	}
	q := question(c)
	q.Scopes = append(q.Scopes, Scope{Repository: repository, Prefix: "api-", Service: "api"})
	assert.DeepEqual(t, removed(New(q, Selection{Keep: 1})), []string{"web-b", "web-c"})
	assert.DeepEqual(t, removed(New(q, Selection{Keep: 2})), []string{"web-c"})
	assert.DeepEqual(t, removed(New(q, Selection{})), []string{"api-d", "web-a", "web-b", "web-c"})
}

// Repositories of one registry share blobs, those of two do not.
func TestBytesOfRegistries(t *testing.T) {
	here := cached(repository, 8*24*time.Hour, "web-gone")
	q := question(here, cached("example.com/shop/web", 0, "x"))
	assert.Equal(t, New(q, Selection{}).Bytes, int64(11))
	q = question(here, cached("example.org/shop/web", 0, "x"))
	assert.Equal(t, New(q, Selection{}).Bytes, int64(111))
}
