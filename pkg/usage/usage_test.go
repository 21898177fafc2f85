package usage

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

func TestClasses(t *testing.T) {
	u := New(shop())
	for id, want := range map[string]string{
		"old image": Stale, "old run": Stale, "old copy": Stale, "old mount": Stale, "old local": Stale,
		"new image": Used, "new run": Used, "new copy": Used, "new mount": Used, "new local": Used, "foreign": Unknown,
	} {
		assert.Equal(t, u.item(id).Class, want, id)
	}
	want := Ref{Service: "web", Kind: "dev", Stage: "app", Step: "[app 2/3] RUN install old", File: "Dockerfile", Line: 2}
	assert.DeepEqual(t, u.item("old run").Refs, []Ref{want})
	assert.Equal(t, u.item("old run").Seconds, 1.0)
	got := u.Plan(Selection{})
	assert.DeepEqual(t, ids(got.Remove), []string{"old local", "old copy", "old mount", "old run", "old image"})
	assert.Equal(t, got.Bytes, int64(5*layerSize))
	assert.Equal(t, got.Seconds, 3.0)
	assert.Equal(t, len(got.Keep)+len(got.Lose), 0)
}

// Each case takes away one piece of the evidence that something is stale.
func TestWhatIsNotStale(t *testing.T) {
	other := func(results ...did) func(*Question) {
		return func(q *Question) {
			q.Projects = append(q.Projects, project("blog", build(hour(3), "blog", results...)))
		}
	}
	current := func(s steps.Step) func(*Question) {
		return func(q *Question) { q.Targets[0].Graph.Steps = append(q.Targets[0].Graph.Steps, s) }
	}
	all := func(changes ...func(*Question)) func(*Question) {
		return func(q *Question) {
			for _, c := range changes {
				c(q)
			}
		}
	}
	unasked := func(q *Question) { q.Probed, q.Touched = false, nil }
	noDigest := copyStep("old .", "")
	unsure := copyStep("old .", "k9")
	for _, tc := range []struct {
		name, record string
		change       func(q *Question)
		class, why   string
	}{
		// results of steps
		{"touched", "old copy", func(q *Question) { q.Touched["old copy"] = []Ref{{Service: "web"}} }, Used, ""},
		{"touched for no step that is known", "old copy", func(q *Question) { q.Touched["old copy"] = nil }, Used, ""},
		{"an image touched for no step that is known", "old image", func(q *Question) { q.Touched["old image"] = nil }, Used, ""},
		{"a folder touched for no step that is known", "old local", func(q *Question) { q.Touched["old local"] = nil }, Used, ""},
		{"no such run", "old copy", func(q *Question) { q.Projects[0].History.Builds = q.Projects[0].History.Builds[1:] }, Unknown, "no build"},
		{"on another builder", "old copy", func(q *Question) { q.Projects[0].History.Builds[0].Builder.ID = "two" }, Unknown, "no build"},
		{"found in the cache", "old copy", func(q *Question) { q.result(0, 2).Status = ledger.Cached }, Unknown, "no build"},
		{"failed", "old copy", func(q *Question) { q.result(0, 2).Status = ledger.Failed }, Unknown, "no build"},
		{"described otherwise", "old copy", func(q *Question) { q.record("old copy").Description = "[app 3/3] COPY x ." }, Unknown, "no build"},
		{"made before", "old copy", func(q *Question) { q.record("old copy").Created = noon.Add(20 * time.Second) }, Unknown, "no build"},
		{"made after", "old copy", func(q *Question) { q.record("old copy").Created = noon.Add(40 * time.Second) }, Unknown, "no build"},
		{"used since", "old copy", func(q *Question) { q.record("old copy").LastUsed = noon.Add(2 * time.Minute) }, Unknown, "it was used at 2026-11-28T12:02:00Z"},
		{"used since, by us", "old copy", func(q *Question) {
			q.record("old copy").LastUsed = hour(1).Add(time.Minute)
			q.Projects[0].History.Builds[1].Results = append(q.Projects[0].History.Builds[1].Results, build(hour(1), "web", cached(copyStep("old .", "k2"))).Results...)
		}, Stale, ""},
		{"used since, by us, for a step of another key", "old copy", func(q *Question) {
			q.record("old copy").LastUsed = hour(1).Add(time.Minute)
			q.Projects[0].History.Builds[1].Results = append(q.Projects[0].History.Builds[1].Results, build(hour(1), "web", cached(copyStep("old .", "k9"))).Results...)
		}, Stale, ""},
		{"looked at since", "old copy", func(q *Question) {
			q.record("old copy").LastUsed = hour(0.5)
			q.Projects[0].Looks = []Look{{builderID, hour(0.5).Add(-time.Second), hour(0.5)}}
		}, Stale, ""},
		{"another builder was looked at", "old copy", func(q *Question) {
			q.record("old copy").LastUsed = hour(0.5)
			q.Projects[0].Looks = []Look{{"two", hour(0.5).Add(-time.Second), hour(0.5)}}
		}, Unknown, "it was used"},
		{"looked at by another project", "old copy", all(other(), func(q *Question) {
			q.record("old copy").LastUsed = hour(0.5)
			q.Projects[1].Looks = []Look{{builderID, hour(0.5).Add(-time.Second), hour(0.5)}}
		}), Unknown, "it was used"},
		{"one record too many", "old copy", func(q *Question) {
			q.Records = append(q.Records, record("twin", "[app 3/3] COPY old .", noon, 2))
		}, Unknown, "more records than steps"},
		{"as many records as steps", "old copy", func(q *Question) {
			q.Records = append(q.Records, record("twin", "[app 3/3] COPY old .", noon, 2))
			again := *q.result(0, 2)
			again.Step.Digest = "sha256:link"
			q.Projects[0].History.Builds[0].Results = append(q.Projects[0].History.Builds[0].Results, again)
		}, Stale, ""},
		{"one record too many, for two services of one step", "old copy", func(q *Question) {
			q.Records = append(q.Records, record("twin", "[app 3/3] COPY old .", noon, 2))
			again := *q.result(0, 2)
			again.Service = "worker"
			q.Projects[0].History.Builds[0].Results = append(q.Projects[0].History.Builds[0].Results, again)
		}, Unknown, "more records than steps"},
		{"all records of old BuildKits", "old copy", func(q *Question) { q.record("old copy").Description = steps.UnnamedFile }, Stale, ""},
		{"not all records of old BuildKits", "old copy", func(q *Question) {
			q.record("old copy").Description = steps.UnnamedFile
			again := *q.result(0, 2)
			again.Step.Digest = "sha256:link"
			q.Projects[0].History.Builds[0].Results = append(q.Projects[0].History.Builds[0].Results, again)
		}, Unknown, "more records than steps"},
		{"another project built it", "old copy", other(ran(copyStep("old .", "k2"))), Shared, "blog"},
		{"another project found it", "old copy", other(cached(copyStep("old .", "k2"))), Shared, "blog"},
		{"another project failed in it", "old copy", other(did{copyStep("old .", "k2"), ledger.Failed}), Shared, "blog"},
		{"another project found what is like it", "old copy", other(cached(copyStep("old .", "k9"))), Shared, "blog"},
		{"another project ran what is like it", "old copy", other(ran(copyStep("old .", "k9"))), Stale, ""},
		{"another project has what is like it, without a key", "old copy", other(ran(noDigest)), Shared, "blog"},
		{"ours has no key, and another project has what is like it", "old copy", all(other(ran(copyStep("old .", "k9"))), func(q *Question) { q.result(0, 2).Step.Key = "" }), Shared, "blog"},
		{"ours is not sure, and another project has what is like it", "old copy", all(other(ran(copyStep("old .", "k9"))), func(q *Question) { q.result(0, 2).Unsure = true }), Shared, "blog"},
		{"another project was not sure", "old copy", other(did{unsure, ledger.Ran}), Stale, ""},
		{"another project on another builder", "old copy", all(other(ran(copyStep("old .", "k2"))), func(q *Question) { q.Projects[1].History.Builds[0].Builder.ID = "two" }), Stale, ""},
		{"another project made it at the same time", "old copy", func(q *Question) {
			q.Projects = append(q.Projects, project("blog", build(noon, "blog", ran(runStep("a", "a")), ran(runStep("b", "b")), ran(copyStep("old .", "k9")))))
		}, Shared, "blog"},
		{"a record of somebody else is built on it", "old copy", func(q *Question) {
			q.Records = append(q.Records, record("x", "mount / from exec x", hour(2), 0, "old copy"))
		}, Unknown, "built on it: mount / from exec x"},
		{"a record of somebody else is built on what is built on it", "old run", func(q *Question) {
			q.Records = append(q.Records, record("x", "mount / from exec x", hour(2), 0, "old copy"))
		}, Unknown, "built on it"},
		{"a record of another project is built on it", "old copy", all(other(ran(runStep("x", "x"))), func(q *Question) {
			q.Records = append(q.Records, record("x", "mount / from exec x", hour(3), 0, "old copy"))
		}), Shared, "blog"},
		{"a used record is built on it", "old run", func(q *Question) { q.record("new copy").Parents = []string{"old copy"} }, Used, ""},
		{"touched, and another project has it", "new copy", other(ran(copyStep("new .", "k4"))), Shared, "blog"},
		{"touched and found, and another project has it", "new copy", all(other(ran(copyStep("new .", "k4"))), func(q *Question) {
			q.result(1, 2).Status = ledger.Cached
		}), Shared, ""},
		{"a graph is not known", "old copy", func(q *Question) {
			q.Targets = append(q.Targets, Target{Graph: &steps.Graph{Service: "api", Unknown: "no Dockerfile"}})
		}, Unknown, `service "api" are not known: no Dockerfile`},
		{"a graph is missing", "old copy", func(q *Question) { q.Targets = append(q.Targets, Target{}) }, Unknown, "not known"},
		{"no targets", "old copy", func(q *Question) { q.Targets = nil }, Unknown, "no current target"},

		// without a probe
		{"not asked", "old copy", unasked, Stale, ""},
		{"not asked, the same key", "old copy", all(unasked, current(copyStep("old .", "k2"))), Used, ""},
		{"not asked, the same description", "old copy", all(unasked, current(copyStep("old .", "k9"))), Unknown, "could not be asked"},
		{"not asked, the same description, key unknown", "old copy", all(unasked, current(noDigest)), Unknown, "could not be asked"},
		{"not asked, the same instruction in another stage", "old copy", all(unasked, func(q *Question) {
			s := copyStep("old .", "k9")
			s.Name = "[other 1/1] COPY old ."
			current(s)(q)
		}), Unknown, "could not be asked"},
		{"not asked, old BuildKit", "old copy", all(unasked, func(q *Question) { q.record("old copy").Description = steps.UnnamedFile }), Unknown, "could not be asked"},
		{"asked, the same key in vain", "old copy", current(copyStep("old .", "k2")), Stale, ""},
		{"one step not asked for", "old copy", all(current(copyStep("old .", "k9")), func(q *Question) {
			q.Unprobed = map[string]string{"sha256:k9": "its input is not there"}
		}), Unknown, "could not be asked"},
		{"another step not asked for", "old copy", func(q *Question) { q.Unprobed = map[string]string{"sha256:k4": "its input is not there"} }, Stale, ""},

		// images
		{"the image of a current step", "old image", current(fromStep("mirror/node:18", "sha256:18")), Used, ""},
		{"a touched image", "old image", func(q *Question) { q.Touched["old image"] = []Ref{{Service: "web"}} }, Used, ""},
		{"the image of another project", "old image", other(cached(fromStep("mirror/node:18", "sha256:18"))), Shared, "blog"},
		{"another project copies from it", "old image", other(ran(copyStep("--from=node:18 /a /b", "x"))), Shared, "blog"},
		{"another project copies from one of another tag", "old image", other(ran(copyStep("--from=node:20 /a /b", "x"))), Stale, ""},
		{"another project copies from who knows what", "old image", other(ran(copyStep("--from=$NODE /a /b", "x"))), Shared, "blog"},
		{"an image that was there before", "old image", func(q *Question) { q.record("old image").Created = noon.Add(-time.Minute) }, Unknown, "it was there before"},
		{"an image that no step names", "old image", func(q *Question) { q.record("old image").Description = "pulled from other@sha256:1" }, Unknown, "no step"},
		{"an image used since", "old image", func(q *Question) { q.record("old image").LastUsed = hour(2) }, Unknown, "it was used"},
		{"images, not asked", "old image", unasked, Stale, ""},
		{"images, not asked, and one is not there by its name", "old image", all(unasked, func(q *Question) { q.record("new image").Description = "pulled from x@sha256:20" }), Unknown, "could not be asked"},
		{"images, not asked, and it may be copied from", "old image", all(unasked, current(copyStep("--from=node:18 /a /b", "x"))), Used, "copied"},
		{"images, not all asked, and it may be copied from", "old image", all(current(copyStep("--from=node:18 /a /b", "x")), func(q *Question) {
			q.Unprobed = map[string]string{"sha256:x": "its input is not there"}
		}), Used, "copied"},
		{"images, all asked", "old image", current(copyStep("--from=node:18 /a /b", "x")), Stale, ""},
		{"the image of another project, for another platform", "old image", other(func() did {
			s := fromStep("mirror/node:18", "sha256:18")
			s.Key = "arm64"
			return ran(s)
		}()), Shared, "blog"},
		{"an image of another project under another name", "old image", other(ran(copyStep("--from=node@sha256:0 /a /b", "x"))), Shared, "blog"},
		{"images, with a graph not known", "old image", func(q *Question) { q.Targets = nil }, Unknown, "no current target"},

		// cache mounts
		{"the mount of a current step", "old mount", current(mountStep("other", "x", "//old")), Used, ""},
		{"the mount of a current step, not asked", "old mount", all(unasked, current(mountStep("other", "x", "//old"))), Used, ""},
		{"the mount of another project", "old mount", other(cached(mountStep("other", "x", "//old"))), Shared, "blog"},
		{"a mount that was there before", "old mount", func(q *Question) { q.record("old mount").Created = noon.Add(-time.Minute) }, Unknown, "no build"},
		{"a mount used since", "old mount", func(q *Question) { q.record("old mount").LastUsed = hour(2) }, Unknown, "it was used"},
		{"a mount used since, when its step came from the cache", "old mount", func(q *Question) {
			q.record("old mount").LastUsed = hour(1).Add(time.Minute)
			q.Projects[0].History.Builds[1].Results = append(q.Projects[0].History.Builds[1].Results, build(hour(1), "web", cached(mountStep("install old", "k1", "//old"))).Results...)
		}, Unknown, "it was used"},
		{"a mount that no step names", "old mount", func(q *Question) { q.record("old mount").Description = `cached mount /x from exec x with id "x"` }, Unknown, "no step"},
		{"a mount of a benchmark", "old mount", func(q *Question) {
			q.record("old mount").Description = `cached mount /root/.cache from exec install old with id "lab//old"`
		}, Unknown, `namespace "lab"`},
		{"a mount named by its target", "old mount", func(q *Question) {
			q.record("old mount").Description = "cached mount /root/.cache from exec install old"
			q.result(0, 1).Step.Mounts[0].ID = "/root/.cache"
		}, Stale, ""},
		{"mounts, with a graph not known", "old mount", func(q *Question) { q.Targets = nil }, Unknown, "no current target"},

		// local sources
		{"a touched folder", "old local", func(q *Question) { q.Touched["old local"] = []Ref{{Service: "web"}} }, Used, ""},
		{"a folder of somebody else", "old local", func(q *Question) { delete(q.Locals, "context-then") }, Unknown, "no folder"},
		{"a folder used since", "old local", func(q *Question) { q.record("old local").LastUsed = hour(2) }, Unknown, "it was used"},
		{"a folder of a current target", "old local", func(q *Question) { q.Locals["context-then"] = true }, Used, ""},
		{"a folder of a current target of which another record was touched", "old local", func(q *Question) {
			q.record("old local").Description = "local source for context-now"
		}, Stale, ""},
		{"folders, with a graph not known", "old local", func(q *Question) { q.Targets = nil }, Unknown, "no current target"},

		// what no step makes
		{"internal", "foreign", func(q *Question) { q.record("foreign").Type = "internal" }, Unknown, ""},
		{"a touched git checkout", "foreign", func(q *Question) {
			q.record("foreign").Type = "source.git.checkout"
			q.Touched["foreign"] = []Ref{{Service: "web"}}
		}, Used, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := shop()
			tc.change(&q)
			u := New(q)
			got := u.item(tc.record)
			assert.Equal(t, got.Class, tc.class, got.Why)
			assert.Assert(t, strings.Contains(got.Why, tc.why), "%q", got.Why)
			for _, s := range []Selection{{}, {MaxUsed: 1}, {OlderThan: time.Minute}, {Services: []string{"web"}}} {
				gone := slices.Contains(ids(u.Plan(s).Remove), tc.record)
				assert.Assert(t, !gone || tc.class == Stale, "%+v", s)
			}
		})
	}
}

// A record of ours that somebody else used too is not ours to remove, though it is used.
func TestOwn(t *testing.T) {
	for _, tc := range []struct {
		name, record string
		change       func(q *Question)
		own          bool
	}{
		{"made by us", "new copy", func(*Question) {}, true},
		{"found", "new copy", func(q *Question) { q.result(1, 2).Status = ledger.Cached }, false},
		{"used since", "new copy", func(q *Question) { q.record("new copy").LastUsed = hour(2) }, false},
		{"shared", "new copy", func(q *Question) {
			q.Projects = append(q.Projects, project("blog", build(hour(3), "blog", cached(copyStep("new .", "k4")))))
		}, false},
		{"shared by another key", "old copy", func(q *Question) {
			q.Touched["old copy"] = []Ref{{Digest: "sha256:k4"}}
			q.Projects = append(q.Projects, project("blog", build(hour(3), "blog", ran(copyStep("new .", "k4")))))
		}, false},
		{"built on by somebody", "new copy", func(q *Question) { q.record("foreign").Parents = []string{"new copy"} }, false},
		{"mount", "new mount", func(*Question) {}, true},
		{"mount that was there", "new mount", func(q *Question) { q.record("new mount").Created = noon }, false},
		{"image", "new image", func(*Question) {}, true},
		{"image that was there", "new image", func(q *Question) { q.record("new image").Created = noon }, false},
		{"local", "new local", func(*Question) {}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := shop()
			tc.change(&q)
			u := New(q)
			assert.Equal(t, u.item(tc.record).Own, tc.own, u.item(tc.record).Why)
			gone := slices.Contains(ids(u.Plan(Selection{All: true}).Remove), tc.record)
			assert.Equal(t, gone, tc.own)
		})
	}
}
