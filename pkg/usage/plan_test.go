package usage

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
)

func TestPlan(t *testing.T) {
	stale := []string{"old copy", "old image", "old local", "old mount", "old run"}
	own := append([]string{"new copy", "new image", "new local", "new mount", "new run"}, stale...)
	shared := func(q *Question) {
		q.Projects = append(q.Projects, project("blog", build(hour(3), "blog", cached(fromStep(node20, "sha256:20")))))
	}
	for _, tc := range []struct {
		name   string
		change func(q *Question)
		s      Selection
		remove []string
		keep   map[string]string
	}{
		{name: "stale", remove: stale},
		{name: "in use", change: func(q *Question) { q.record("old copy").InUse = true }, remove: []string{"old local", "old mount"}, keep: map[string]string{
			"old copy": "in use", "old run": "is built on it", "old image": "is built on it",
		}},
		{name: "the same as an image of the engine", change: func(q *Question) { q.record("old copy").Shared = true }, remove: []string{"old local", "old mount"}, keep: map[string]string{
			"old copy": "no room", "old run": "is built on it", "old image": "is built on it",
		}},
		{name: "of another service", s: Selection{Services: []string{"api"}}},
		{name: "of the service", s: Selection{Services: []string{"web"}}, remove: []string{"old copy", "old image", "old mount", "old run"}},
		{name: "of another stage", s: Selection{Services: []string{"web"}, Stages: []string{"deps"}}},
		{name: "of the stage", s: Selection{Stages: []string{"app"}}, remove: []string{"old copy", "old image", "old mount", "old run"}},
		{name: "older", s: Selection{OlderThan: 23 * time.Hour}, remove: stale},
		{name: "not older", s: Selection{OlderThan: 24 * time.Hour}},
		{name: "older by creation", change: func(q *Question) { q.record("old copy").LastUsed = time.Time{} }, s: Selection{OlderThan: 24*time.Hour - time.Minute}, remove: []string{"old copy", "old local"}},
		{name: "mounts", s: Selection{Mounts: true}, remove: []string{"new mount", "old mount"}},
		{name: "mounts of somebody else", change: func(q *Question) { q.record("new mount").Created = noon }, s: Selection{Mounts: true}, remove: []string{"old mount"}, keep: map[string]string{
			"new mount": "no build that is known made it",
		}},
		{name: "everything of a kind", change: shared, s: Selection{Mounts: true, Everything: true}, remove: []string{"new mount", "old mount"}},
		{name: "all", s: Selection{All: true}, remove: own},
		{name: "all, one shared", change: shared, s: Selection{All: true}, remove: slices.DeleteFunc(slices.Clone(own), func(id string) bool { return id == "new image" }), keep: map[string]string{
			"new image": "in use by blog",
		}},
		{
			name: "all, of a service that shares a step", s: Selection{All: true, Services: []string{"web"}},
			change: func(q *Question) {
				q.Targets = append(q.Targets, Target{Graph: graphOf("api", mountStep("install new", "k3", "//new"))})
			},
			remove: []string{"new copy", "new local", "old copy", "old image", "old mount", "old run"},
		},
		{name: "everything", s: Selection{Everything: true}, remove: append([]string{"foreign"}, own...)},
		{name: "everything, in use", change: func(q *Question) { q.record("foreign").InUse = true }, s: Selection{Everything: true}, remove: own, keep: map[string]string{"foreign": "in use"}},
		{name: "small enough", s: Selection{MaxUsed: 10 * layerSize}, keep: map[string]string{"old copy": "small enough"}},
		{name: "the oldest", s: Selection{MaxUsed: 8 * layerSize}, remove: []string{"old copy", "old local"}},
		{name: "the oldest, by creation", change: func(q *Question) {
			q.record("old local").Created, q.record("old local").LastUsed = hour(0.5), time.Time{}
		}, s: Selection{MaxUsed: 8 * layerSize}, remove: []string{"old copy", "old mount"}},
		{name: "no more than what is stale", s: Selection{MaxUsed: 1}, remove: stale},
		{name: "all that it takes", s: Selection{MaxUsed: 4 * layerSize, All: true}, remove: append([]string{"new copy"}, stale...)},
		{name: "what is stale before what is used, though it was used later", change: func(q *Question) {
			q.record("old copy").LastUsed = hour(2)
			q.Projects[0].Looks = []Look{{builderID, hour(2), hour(2)}}
		}, s: Selection{MaxUsed: 5 * layerSize, All: true}, remove: stale},
		{name: "the builder's", s: Selection{MaxUsed: 10 * layerSize, Everything: true}, remove: []string{"old local"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := shop()
			if tc.change != nil {
				tc.change(&q)
			}
			got := New(q).Plan(tc.s)
			checkPlan(t, q, tc.s, got)
			assert.DeepEqual(t, sorted(ids(got.Remove)), sorted(tc.remove))
			for id, why := range tc.keep {
				assert.Assert(t, strings.Contains(got.Keep[id], why), "%s: %q", id, got.Keep[id])
			}
		})
	}
}

func sorted(list []string) []string { return append([]string{}, slices.Sorted(slices.Values(list))...) }

// checkPlan tells what holds for every plan.
func checkPlan(t *testing.T, q Question, s Selection, p *Plan) {
	t.Helper()
	gone := map[string]bool{}
	var bytes int64
	for _, i := range p.Remove {
		assert.Assert(t, !i.InUse)
		for _, r := range q.Records { // all that is built on it went before
			assert.Assert(t, !slices.Contains(r.Parents, i.ID) || gone[r.ID], "%s is built on %s", r.ID, i.ID)
		}
		gone[i.ID] = true
		bytes += i.frees()
		assert.Equal(t, p.Keep[i.ID], "")
	}
	assert.Equal(t, p.Bytes, bytes)
	q.Records = slices.DeleteFunc(slices.Clone(q.Records), func(r Record) bool { return gone[r.ID] })
	again := New(q).Plan(s)
	assert.DeepEqual(t, ids(again.Remove), []string{})
}

func TestSums(t *testing.T) {
	q := shop()
	q.record("old image").Shared = true
	q.Projects = append(q.Projects, project("blog", build(hour(2), "blog", ran(runStep("something else", "f")), cached(copyStep("new .", "k4")))))
	q.Projects[1].History.Builds[0].Results[0].Seconds = 7
	got := New(q).Plan(Selection{Everything: true})
	assert.Equal(t, got.Bytes, int64(10*layerSize)) // the image's data stays
	assert.Equal(t, got.Seconds, 6.0)
	// What is built on what another project has is its too.
	assert.DeepEqual(t, got.Lose, []Loss{{Project: "blog", Records: 4, Bytes: 4 * layerSize, Seconds: 7}})

	// What it once took it is known to take.
	q.Projects[1].History = &ledger.History{Builds: append(q.Projects[1].History.Builds, build(hour(3), "blog", ran(copyStep("new .", "k4")), ran(fromStep(node20, "sha256:20"))))}
	assert.DeepEqual(t, New(q).Plan(Selection{Everything: true}).Lose, []Loss{{Project: "blog", Records: 4, Bytes: 4 * layerSize, Seconds: 9}})
}

// Of two results of one step, BuildKit needs one.
func TestSecondsOfWhatIsThereTwice(t *testing.T) {
	q := shop()
	q.Targets[0].Graph.Steps = append(q.Targets[0].Graph.Steps, copyStep("old .", "k2"))
	q.Records = append(q.Records, record("again", "[app 3/3] COPY old .", hour(3), 0, "old run"))
	q.Touched["again"] = []Ref{{Digest: "sha256:k2"}}
	q.Projects[0].History.Builds = append(q.Projects[0].History.Builds, build(hour(3), "web", ran(copyStep("old .", "k2"))))
	got := New(q).Plan(Selection{})
	assert.DeepEqual(t, ids(got.Remove), []string{"old local", "old copy", "old mount"})
	assert.Equal(t, got.Seconds, 0.0)
}

func TestRows(t *testing.T) {
	q := shop()
	shared := build(noon, "api", ran(fromStep(node18, "sha256:18")))
	shared.Results[0].Service = "api"
	q.Projects[0].History.Builds[0].Results = append(q.Projects[0].History.Builds[0].Results, shared.Results...)
	q.record("old copy").Shared = true
	u := New(q)
	assert.DeepEqual(t, u.Rows(), []Row{
		{RecordKind: KindLayer, Class: Unknown, Bytes: 100, Records: 1},
		{RecordKind: KindLocal, Class: Stale, Bytes: 100, Records: 1},
		{Service: "api", Kind: "dev", Stage: "app", RecordKind: KindImage, Class: Stale, Bytes: 100, Records: 1},
		{Service: "web", RecordKind: KindLocal, Class: Used, Bytes: 100, Records: 1},
		{Service: "web", Kind: "dev", Stage: "app", RecordKind: KindMount, Class: Stale, Bytes: 100, Records: 1},
		{Service: "web", Kind: "dev", Stage: "app", RecordKind: KindMount, Class: Used, Bytes: 100, Records: 1},
		{Service: "web", Kind: "dev", Stage: "app", RecordKind: KindImage, Class: Stale, Bytes: 100, Records: 1},
		{Service: "web", Kind: "dev", Stage: "app", RecordKind: KindImage, Class: Used, Bytes: 100, Records: 1},
		{Service: "web", Kind: "dev", Stage: "app", RecordKind: KindLayer, Class: Stale, Bytes: 100, Records: 2},
		{Service: "web", Kind: "dev", Stage: "app", RecordKind: KindLayer, Class: Used, Bytes: 200, Records: 2},
	})
	assert.DeepEqual(t, u.Totals(), []Total{
		{Used, 500, 5}, {Stale, 400, 5}, {Shared, 0, 0}, {Unknown, 100, 1},
	})
}

// What is built on has the services of what is built on it.
func TestInheritedRefs(t *testing.T) {
	q := shop()
	q.record("new image").Description, q.record("new image").ID = "", "lower"
	delete(q.Touched, "new image")
	q.record("new run").Parents = []string{"lower"}
	got := New(q).item("lower")
	assert.Equal(t, got.Class, Used)
	assert.Equal(t, len(got.Refs), 1)
	assert.Equal(t, got.Refs[0].Service, "web")
}

// The builder knows an image by its layers: it may hold that of a step under another name.
func TestRefsOfImages(t *testing.T) {
	q := shop()
	q.Touched["old image"] = []Ref{{Digest: "sha256:from sha256:20"}}
	assert.Equal(t, New(q).item("old image").Refs[0].Step, "[app 1/3] FROM "+node20)
}

// Of steps that are described alike, only those come into question that ran when the record was made.
func TestRunsAtAlmostTheSameTime(t *testing.T) {
	q := shop()
	later := *q.result(0, 2)
	later.Step.Key, later.Step.Digest, later.Started = "later", "sha256:later", noon.Add(33*time.Second)
	q.Projects[0].History.Builds[0].Results = append(q.Projects[0].History.Builds[0].Results, later)
	twin := record("twin", "[app 3/3] COPY old .", noon, 2)
	twin.Created = noon.Add(33200 * time.Millisecond)
	q.Records = append(q.Records, twin)
	q.Projects = append(q.Projects, project("blog", build(hour(3), "blog", ran(copyStep("other .", "later")))))
	u := New(q)
	assert.Equal(t, u.item("twin").Class, Shared)
	assert.Equal(t, u.item("old copy").Class, Stale)
}

func TestDescriptions(t *testing.T) {
	for description, want := range map[string]string{
		`cached mount /c from exec sh -c x with id "/c"`:              "/c",
		`cached mount /c from exec echo " with id " with id "a\"b"`:   `a"b`,
		"cached mount /c from exec sh -c x":                           "/c",
		`cached mount /c from exec echo with id "x" and more`:         "/c",
		"mount / from exec x":                                         "",
		`cached mount /c from exec multi` + "\nline" + ` with id "ü"`: "ü",
	} {
		assert.Equal(t, mountOf(description), want, description)
	}
	for description, want := range map[string]string{
		"pulled from docker.io/library/a:1@sha256:x": KindImage, "http url https://a/b": KindHTTP, "shared git repo for a": KindGit,
		"mount / from exec a": KindLayer, "": KindLayer,
	} {
		assert.Equal(t, kindOf(&Record{Type: "regular", Description: description}), want, description)
	}
	for kind, want := range map[string]string{
		"frontend": KindFrontend, "internal": KindInternal, "source.git.checkout": KindGit, "exec.cachemount": KindMount, "source.local": KindLocal,
	} {
		assert.Equal(t, kindOf(&Record{Type: kind, Description: "pulled from a@b"}), want)
	}
}

// The clock of the builder may be another than that of this machine.
func TestClocks(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		q := shop()
		for i := range q.Projects[0].History.Builds {
			b := &q.Projects[0].History.Builds[i]
			b.Started = b.Started.Add(skew)
		}
		assert.Equal(t, New(q).item("old copy").Class == Stale, true, skew)
	}
	q := shop()
	q.record("old copy").LastUsed = hour(0.5)
	q.Projects[0].History.Builds[0].Started = hour(1)
	assert.Equal(t, New(q).item("old copy").Class, Unknown)
	assert.Equal(t, q.Projects[0].History.Builds[0].Results[0].Status, ledger.Ran)
}
