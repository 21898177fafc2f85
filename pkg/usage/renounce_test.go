package usage

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
)

// withBlog is a shop of which another project had everything that is old, and then something else.
func withBlog() Question {
	q := shop()
	q.Projects = append(q.Projects, project("blog",
		build(hour(0.5), "blog", cached(fromStep(node18, "sha256:18")), cached(mountStep("install old", "k1", "//old")), cached(copyStep("old .", "k2"))),
		build(hour(3), "blog", ran(runStep("something else", "f"))),
	))
	return q
}

// asBlog is the same question, asked by the other project.
func asBlog(q Question) Question {
	q.Projects = []Project{q.Projects[0], q.Projects[1]}
	q.Projects[0].Here, q.Projects[1].Here = false, true
	q.Targets = []Target{{Kind: "dev", Graph: graphOf("blog", runStep("something else", "f"))}}
	q.Touched, q.Locals = map[string][]Ref{"foreign": {{Digest: "sha256:f"}}}, map[string]bool{}
	return q
}

func recordsOf(notes []Renounced) []string {
	out := []string{}
	for _, n := range notes {
		out = append(out, n.Record)
	}
	return sorted(out)
}

var given = []string{"old copy", "old image", "old mount", "old run"}

// What two projects both did without, the second to prune removes.
func TestRenounce(t *testing.T) {
	q := withBlog()
	u := New(q)
	for _, id := range given {
		assert.Equal(t, u.item(id).Class, Shared, id)
	}
	notes := New(asBlog(q)).Renounce(Selection{}, nil)
	assert.DeepEqual(t, recordsOf(notes), given)
	assert.DeepEqual(t, notes[0], Renounced{Builder: builderID, Record: notes[0].Record, Build: q.Projects[1].History.Builds[1].ID, At: hour(24)})

	q.Projects[1].Renounced = notes
	u = New(q)
	for _, id := range given {
		assert.Equal(t, u.item(id).Class, Stale, u.item(id).Why)
		assert.Equal(t, u.item(id).Own, true)
	}
	assert.DeepEqual(t, sorted(ids(u.Plan(Selection{}).Remove)), []string{"old copy", "old image", "old local", "old mount", "old run"})
	assert.DeepEqual(t, recordsOf(u.Renounce(Selection{}, nil)), []string{}) // it takes them

	// The other way round: the one that made them gives them up.
	q.Projects[1].Renounced = nil
	first := New(q).Renounce(Selection{}, nil)
	assert.DeepEqual(t, recordsOf(first), given)
	other := asBlog(q)
	other.Projects[0].Renounced = first
	u = New(other)
	assert.DeepEqual(t, sorted(ids(u.Plan(Selection{}).Remove)), given)
	for _, id := range given {
		for _, r := range u.item(id).Refs {
			assert.Equal(t, r.Service, "blog", id) // there may be a service of that name here, too
		}
	}
}

// Each case takes away something without which a note does not hold.
func TestNotesThatDoNotHold(t *testing.T) {
	again := func(d did) func(*Question) {
		return func(q *Question) {
			h := q.Projects[1].History
			h.Builds = append(h.Builds, build(hour(4), "blog", d))
		}
	}
	note := func(change func(n *Renounced)) func(*Question) {
		return func(q *Question) {
			for i := range q.Projects[1].Renounced {
				change(&q.Projects[1].Renounced[i])
			}
		}
	}
	for _, tc := range []struct {
		name, record, class string
		change              func(q *Question)
	}{
		{"the project found it again", "old copy", Shared, again(cached(copyStep("old .", "k2")))},
		{"the project failed in it", "old copy", Shared, again(did{copyStep("old .", "k2"), ledger.Failed})},
		{"the project found what is like it", "old copy", Shared, again(cached(copyStep("old .", "k9")))},
		{"the project did something else", "old copy", Stale, again(ran(copyStep("other .", "k9")))},
		{"the project names the mount again", "old mount", Shared, again(ran(mountStep("other", "x", "//old")))},
		{"the project names the image again", "old image", Shared, again(cached(fromStep(node18, "sha256:18")))},
		{"the project copies from the image", "old image", Shared, again(ran(copyStep("--from=node:18 /a /b", "x")))},
		{"a build on another builder", "old copy", Stale, func(q *Question) {
			again(cached(copyStep("old .", "k2")))(q)
			q.Projects[1].History.Builds[2].Builder.ID = "two"
		}},
		{"a note on another builder", "old copy", Shared, note(func(n *Renounced) { n.Builder = "two" })},
		{"a note on another record", "old copy", Shared, note(func(n *Renounced) { n.Record = "x" })},
		{"a note of a build that the ledger has not got any more", "old copy", Shared, note(func(n *Renounced) { n.Build = "x" })},
		{"a note of the build before", "old copy", Stale, note(func(n *Renounced) { n.Build = build(hour(0.5), "blog").ID })},
		{"somebody used it since", "old copy", Unknown, func(q *Question) { q.record("old copy").LastUsed = hour(10) }},
		{"the other looked at it before", "old copy", Stale, func(q *Question) {
			q.record("old copy").LastUsed = hour(10)
			q.Projects[1].Looks = []Look{{builderID, hour(10), hour(10)}}
		}},
		{"the other looked at it since", "old copy", Unknown, func(q *Question) {
			q.record("old copy").LastUsed = hour(30)
			q.Projects[1].Looks = []Look{{builderID, hour(30), hour(30)}}
		}},
		{"a third project has it", "old copy", Shared, func(q *Question) {
			q.Projects = append(q.Projects, project("wiki", build(hour(5), "wiki", cached(copyStep("old .", "k2")))))
		}},
		{"it is needed here", "new copy", Used, func(*Question) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := withBlog()
			q.Projects[1].Renounced = New(asBlog(q)).Renounce(Selection{}, nil)
			tc.change(&q)
			got := New(q).item(tc.record)
			assert.Equal(t, got.Class, tc.class, got.Why)
		})
	}
}

func TestWhatIsRenounced(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(q *Question)
		s      Selection
		want   []string
	}{
		{"all", func(*Question) {}, Selection{}, given},
		{"what is needed is not", func(q *Question) { q.Touched["old copy"] = nil }, Selection{}, []string{"old mount"}},
		{"nor what may be needed", func(q *Question) {
			q.Targets[0].Graph.Steps = append(q.Targets[0].Graph.Steps, copyStep("old .", "k9"))
			q.Unprobed = map[string]string{"sha256:k9": "its input is not there"}
		}, Selection{}, []string{"old image", "old mount", "old run"}},
		{"nor an image when that of a step is not there under its name", func(q *Question) {
			q.Probed, q.Touched = false, nil
			q.Targets[0].Graph.Steps = append(q.Targets[0].Graph.Steps, fromStep("docker.io/library/other:1", "sha256:o"))
		}, Selection{}, []string{"old copy", "old mount", "old run"}},
		{"nor anything when steps are not known", func(q *Question) { q.Targets = append(q.Targets, Target{}) }, Selection{}, []string{}},
		{"nor what only others had", func(q *Question) { q.Projects[1].History.Builds = q.Projects[1].History.Builds[1:] }, Selection{}, []string{}},
		{"of a service", func(*Question) {}, Selection{Services: []string{"api"}}, []string{}},
		{"mounts", func(*Question) {}, Selection{Mounts: true}, []string{"old mount"}},
		{"no more than it takes", func(*Question) {}, Selection{MaxUsed: 1}, []string{}},
		{"the builder's", func(*Question) {}, Selection{Everything: true}, []string{}},
		{"too new", func(*Question) {}, Selection{OlderThan: 30 * time.Hour}, []string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := asBlog(withBlog())
			tc.change(&q)
			assert.DeepEqual(t, recordsOf(New(q).Renounce(tc.s, nil)), tc.want)
		})
	}
}

// Notes last as long as what they are about.
func TestNotesAreKept(t *testing.T) {
	q := asBlog(withBlog())
	before := []Renounced{
		{Builder: builderID, Record: "old copy", Build: "early", At: noon},
		{Builder: builderID, Record: "gone", Build: "early", At: noon},
		{Builder: builderID, Record: "foreign", Build: "early", At: noon}, // is needed now
		{Builder: "two", Record: "far", Build: "early", At: noon},
		{Builder: "two", Record: "forgotten", Build: "early", At: noon.Add(-100 * 24 * time.Hour)},
	}
	got := New(q).Renounce(Selection{MaxUsed: 1}, before)
	assert.DeepEqual(t, recordsOf(got), []string{"far", "old copy"})
	assert.Equal(t, got[0].Build, "early")
	all := New(q).Renounce(Selection{}, before)
	assert.DeepEqual(t, recordsOf(all), append([]string{"far"}, given...))
}

// A step that made a record which is gone did not make the one of somebody else a moment later.
func TestAlikeAMomentLater(t *testing.T) {
	for after, want := range map[time.Duration]string{500 * time.Millisecond: Stale, 1010 * time.Millisecond: Stale, 2 * time.Second: Unknown, -100 * time.Millisecond: Unknown} {
		q := shop()
		q.record("old copy").Created = q.result(0, 2).Started.Add(after)
		assert.Equal(t, New(q).item("old copy").Class, want, after)
	}
	q := shop()
	q.record("old mount").Created = q.result(0, 1).Started.Add(2 * time.Second)
	assert.Equal(t, New(q).item("old mount").Class, Unknown)
}
