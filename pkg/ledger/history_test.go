package ledger

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

func result(service, key, name, digest, status string, seconds float64) Result {
	return Result{Service: service, Status: status, Seconds: seconds, Step: steps.Step{Key: key, Name: name, Digest: digest}}
}

func TestHistory(t *testing.T) {
	l := New(t.TempDir())
	two := build("2", "a")
	two.Targets = append(two.Targets, Target{Service: "api"}, Target{Service: "api", Platform: "linux/arm64"})
	for _, b := range []struct {
		build   Build
		results []Result
	}{
		{build("1", "a"), []Result{result("web", "k", "RUN", "d", Ran, 1)}},
		{two, []Result{
			result("web", "k", "RUN", "d", Ran, 3), result("api", "k", "RUN", "d", Ran, 3), // one vertex
			result("api", "c1", "COPY", "d1", Ran, 4), result("api", "c2", "COPY", "d2", Ran, 5), // --link
		}},
		{build("3", "b"), []Result{result("web", "k", "RUN", "d", Ran, 100)}},
		{build("4", "a"), []Result{result("web", "k", "RUN", "d", Cached, 0), result("web", "", "ADD", "d", Ran, 7)}},
		{build("5", "a"), []Result{result("web", "k", "RUN", "d", Failed, 50)}},
	} {
		assert.NilError(t, l.Append(b.build, b.results))
	}
	h := read(t, l)

	var got []string
	for _, r := range h.Results("a", "k") {
		got = append(got, r.Build.ID+" "+r.Status)
	}
	assert.DeepEqual(t, got, []string{"5 failed", "4 cached", "2 ran", "2 ran", "1 ran"})
	assert.Equal(t, len(h.Results("c", "k"))+len(h.Results("a", ""))+len(h.Results("a", "other")), 0)

	assert.Equal(t, h.Last("a", "web", "").ID, "5")
	assert.Equal(t, h.Last("b", "web", "").ID, "3")
	assert.Equal(t, h.Last("", "api", "linux/arm64").ID, "2")
	assert.Assert(t, h.Last("b", "api", "") == nil)
	assert.Equal(t, len(h.BuildsOf("", "web", "")), 5)
	assert.Equal(t, len(h.BuildsOf("a", "web", "")), 4)
	assert.Equal(t, h.Last("", "web", "").Target("web", "").Key, "graph-5")
	assert.Assert(t, h.Last("", "web", "").Target("api", "") == nil)
	assert.Equal(t, len(h.Builds[1].Of("api", "")), 3)

	assert.Equal(t, h.TookKey("k"), Took{Seconds: 3, Builds: 3})
	assert.Equal(t, h.TookKey("other"), Took{})
	assert.Equal(t, h.TookName("web", "", "RUN"), Took{Seconds: 3, Builds: 3})
	assert.Equal(t, h.TookName("api", "", "RUN"), Took{Seconds: 3, Builds: 1})
	assert.Equal(t, h.TookName("api", "", "COPY"), Took{Seconds: 9, Builds: 1})
	assert.Equal(t, h.TookName("web", "", "ADD"), Took{Seconds: 7, Builds: 1})
	assert.Equal(t, took([]float64{4, 1}), Took{Seconds: 2.5, Builds: 2})
	assert.Assert(t, (&History{}).Last("", "web", "") == nil)
}

// A builder without an ID is none that all others are part of.
func TestHistoryNoBuilderID(t *testing.T) {
	l := New(t.TempDir())
	assert.NilError(t, l.Append(build("1", ""), results(1, "x")))
	assert.Equal(t, len(read(t, l).BuildsOf("", "web", "")), 1)
}
