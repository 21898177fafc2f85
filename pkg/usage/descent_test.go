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

// forgetful is the shop on an old BuildKit: file operations have no names, cache mounts no IDs, and no build is remembered.
func forgetful() Question {
	q := shop()
	q.Forgets = true
	for i := range q.Projects[0].History.Builds {
		b := &q.Projects[0].History.Builds[i]
		for j := range b.Results[1:] {
			b.Results[j+1].Step.Inputs = []string{b.Results[j].Step.Digest}
		}
	}
	for i := range q.Records {
		r := &q.Records[i]
		r.Description, _, _ = strings.Cut(r.Description, ` with id "`)
		if strings.Contains(r.Description, "COPY ") {
			r.Description = steps.UnnamedFile
		}
	}
	return q
}

func (q *Question) remove(id string) {
	q.Records = slices.DeleteFunc(q.Records, func(r Record) bool { return r.ID == id })
}

func (q *Question) add(r Record) { q.Records = append(q.Records, r) }

// Where nobody remembers strangers, a record is this project's by what it is, when it was made, what it is built on and how often it
// was used, or it is nobody's that is known.
func TestForgetfulBuilder(t *testing.T) {
	twin := func(parents ...string) Record { return record("twin", steps.UnnamedFile, noon, 2, parents...) }
	// stray is a record like that of a step, at the same time, on something else.
	stray := func(q *Question) { q.add(record("stray", "mount / from exec install old", noon, 1, "new image")) }
	again := func(q *Question, change func(r *ledger.StepRecord)) {
		r := *q.result(0, 2)
		r.Service, r.Step.Digest = "api", "sha256:api"
		change(&r)
		q.Projects[0].History.Builds[0].Results = append(q.Projects[0].History.Builds[0].Results, r)
	}
	for _, tc := range []struct {
		name, record, class, why string
		change                   func(q *Question)
	}{
		{"a step's record", "old copy", Stale, "", func(*Question) {}},
		{"what that is built on", "old run", Stale, "", func(*Question) {}},
		{"the image", "old image", Stale, "", func(*Question) {}},
		{"what is needed", "new copy", Used, "", func(*Question) {}},

		{"somebody's at the same time, described otherwise", "stray", Unknown, "no build", func(q *Question) {
			q.add(record("stray", "mount / from exec install other", noon, 1, "old image"))
		}},
		{"somebody's at the same time, built on something else", "stray", Unknown, "no build", stray},
		{"ours beside it", "old run", Stale, "", stray},
		{"somebody's in the place of ours, built on something else", "stray", Unknown, "no build", func(q *Question) {
			stray(q)
			q.remove("old copy")
			q.remove("old run")
		}},
		{"built on nothing", "twin", Unknown, "no build", func(q *Question) {
			q.add(twin())
			q.remove("old copy")
		}},
		{"built on a record that is not there", "twin", Unknown, "no build", func(q *Question) {
			q.add(twin("gone"))
			q.remove("old copy")
		}},
		{"built on two", "twin", Unknown, "no build", func(q *Question) {
			q.add(twin("old run", "old image"))
			q.remove("old copy")
		}},
		{"built on what is like ours and is built on something else", "twin", Unknown, "no build", func(q *Question) {
			stray(q)
			q.add(twin("stray"))
			q.remove("old copy")
		}},
		{"built on what is like ours and was made before", "twin", Unknown, "no build", func(q *Question) {
			q.add(record("before", "mount / from exec install old", noon, 0, "old image"))
			q.add(twin("before"))
			q.remove("old copy")
		}},
		{"built on what was there before", "old copy", Stale, "", func(q *Question) {
			q.result(0, 1).Status = ledger.Cached
			q.record("old run").Created = hour(-3)
		}},
		{"built on what was there before and is another step's", "old copy", Unknown, "no build", func(q *Question) {
			q.result(0, 1).Status = ledger.Cached
			q.record("old run").Description = "mount / from exec other"
		}},
		{"built on a local image, of which nothing is told", "old run", Unknown, "no build", func(q *Question) {
			q.record("old image").Description = "from local "
		}},
		{"as ours in all", "old copy", Unknown, "more records", func(q *Question) { q.add(twin("old run")) }},
		{"a little late", "old run", Unknown, "no build", func(q *Question) {
			q.record("old run").Created = noon.Add(21*time.Second + 100*time.Millisecond)
		}},

		{"used once more", "old copy", Unknown, "2 times", func(q *Question) { q.record("old copy").Uses = 2 }},
		{"used once more by a build that is known", "old copy", Stale, "", func(q *Question) {
			q.record("old copy").Uses = 2
			b := q.Projects[0].History.Builds[0]
			for i := range b.Results {
				b.Results[i].Status = ledger.Cached
			}
			b.Results = slices.Clone(b.Results)
			first := &q.Projects[0].History.Builds[0]
			first.Results = slices.Clone(first.Results)
			for i := range first.Results {
				first.Results[i].Status = ledger.Ran
			}
			q.Projects[0].History.Builds = append([]ledger.BuildRecord{b}, q.Projects[0].History.Builds...)
		}},
		{"an image used once more", "old image", Unknown, "2 times", func(q *Question) { q.record("old image").Uses = 2 }},
		{"used right after", "old copy", Unknown, "it was used at", func(q *Question) { q.record("old copy").LastUsed = noon.Add(65 * time.Second) }},
		{"used when the builder was looked at", "old copy", Unknown, "it was used at", func(q *Question) {
			at := noon.Add(65 * time.Second)
			q.record("old copy").LastUsed = at
			q.Projects[0].Looks = []Look{{builderID, at, at}}
		}},
		{"somebody built on it", "old copy", Unknown, "another record", func(q *Question) {
			q.add(record("theirs", "mount / from exec theirs", hour(3), 0, "old copy"))
		}},
		{"an image that was there before", "old image", Unknown, "it was there before", func(q *Question) {
			q.record("old image").Created = noon.Add(-5 * time.Second)
		}},

		{"one step of two targets", "old copy", Stale, "", func(q *Question) { again(q, func(*ledger.StepRecord) {}) }},
		{"the same step twice, and one record", "old copy", Unknown, "more records", func(q *Question) {
			again(q, func(r *ledger.StepRecord) { r.Started = r.Started.Add(time.Millisecond) })
		}},
		{"copied to nothing", "old copy", Stale, "", func(q *Question) {
			q.result(0, 2).Step.Name = "[app 3/3] COPY --from=deps old ."
			q.record("old copy").Parents = nil
		}},
		{"copied to what it is copied from", "old copy", Stale, "", func(q *Question) {
			q.result(0, 2).Step.Name = "[app 3/3] COPY --from=deps old ."
		}},
		{"copied to something else", "old copy", Unknown, "no build", func(q *Question) {
			q.result(0, 2).Step.Name = "[app 3/3] COPY --from=deps old ."
			q.record("old copy").Parents = []string{"new run"}
		}},
		{"made of nothing", "old copy", Stale, "", func(q *Question) {
			q.result(0, 2).Step.Inputs = []string{}
			q.record("old copy").Parents = nil
		}},
		{"made of nothing, built on something", "old copy", Unknown, "no build", func(q *Question) { q.result(0, 2).Step.Inputs = []string{} }},
		{"nobody tells what it is built on", "old copy", Unknown, "no build", func(q *Question) {
			q.result(0, 2).Step.Name = "[app 3/3] LINK COPY --link old ."
		}},

		{"a mount of a current step", "new mount", Used, "", func(*Question) {}},
		{"a mount that no current step names", "old mount", Unknown, "who else", func(*Question) {}},
		{"a mount that was made at another time", "new mount", Unknown, "no step", func(q *Question) { q.record("new mount").Created = hour(2) }},
		{"a mount that was made for another step", "new mount", Unknown, "no step", func(q *Question) {
			q.record("new mount").Description = "cached mount /root/.cache from exec other"
		}},
		{"a mount that was made for two steps with two IDs", "new mount", Unknown, "no step", func(q *Question) {
			q.result(1, 1).Step.Mounts = mountStep("", "", "//other").Mounts
			theirs := build(hour(1), "web", ran(fromStep(node20, "sha256:20")), ran(mountStep("install new", "k3", "//new")))
			q.Projects = append(q.Projects, project("blog", theirs))
		}},
		{"a mount whose target looks like an ID", "stray", Unknown, "no step", func(q *Question) {
			q.add(record("stray", "cached mount //new from exec other", hour(1), 1))
			q.record("stray").Type = "exec.cachemount"
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := forgetful()
			tc.change(&q)
			got := New(q).item(tc.record)
			assert.Equal(t, got.ID, tc.record)
			assert.Equal(t, got.Class, tc.class, got.Why)
			assert.Assert(t, strings.Contains(got.Why, tc.why), got.Why)
			if tc.class == Stale {
				assert.Assert(t, got.Own)
			}
		})
	}
}

// A builder that remembers builds is told apart by these, and what its records are built on is not looked at.
func TestDescentIsForForgetfulBuilders(t *testing.T) {
	q := forgetful()
	q.Forgets = false
	q.record("old copy").Parents = []string{"new run"}
	q.record("old copy").Uses = 5
	q.record("old copy").LastUsed = noon.Add(65 * time.Second)
	u := New(q)
	assert.Equal(t, u.item("old copy").Class, Stale)
	assert.Equal(t, u.item("new mount").Class, Unknown, "without an ID it is that of the target")
}
