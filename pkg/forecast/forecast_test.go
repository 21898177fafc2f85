package forecast

import (
	"fmt"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// chain is a graph of steps that are built on one another; a text is an instruction, and what it takes from the context.
func chain(service string, texts ...string) *steps.Graph {
	g := &steps.Graph{Service: service, Steps: []steps.Step{}}
	key := ""
	for i, text := range texts {
		key = fmt.Sprintf("%x", key+text)
		s := steps.Step{
			Key: key, Digest: "sha256:" + key, Self: text, Stage: "base", Name: fmt.Sprintf("[base %d/%d] %s", i+1, len(texts), text),
			Line: i + 1, Inputs: []string{}, Dir: "/", Text: text,
		}
		if i > 0 {
			s.Inputs = append(s.Inputs, g.Steps[i-1].Digest)
		}
		g.Steps = append(g.Steps, s)
	}
	return g
}

// built adds a build of a graph on builder "one", in which all steps ran, a second each, to a history.
func built(h *ledger.History, g *steps.Graph) *ledger.History {
	at := noon.Add(time.Duration(len(h.Builds)) * time.Hour)
	b := ledger.BuildRecord{Build: ledger.Build{
		Started: at, Builder: ledger.Builder{ID: "one", Name: "one"}, Targets: []ledger.Target{{Service: g.Service, Stage: g.Stage}},
	}}
	for i, s := range g.Steps {
		b.Results = append(b.Results, ledger.StepRecord{Result: ledger.Result{
			Service: g.Service, Step: s, Status: ledger.Ran, Started: at.Add(time.Duration(i) * time.Second), Seconds: 1,
		}})
	}
	return &ledger.History{Builds: append(h.Builds[:len(h.Builds):len(h.Builds)], b)}
}

// outline is a forecast in a line for each step.
func outline(t Target) []string {
	var out []string
	for _, s := range t.Steps {
		line := s.Status
		if s.Cause != nil {
			line += " " + s.Cause.Kind
			if s.Cause.Root != "" {
				line += " of " + s.Cause.Root
			}
		}
		out = append(out, line)
	}
	return out
}

func TestForecast(t *testing.T) {
	before := chain("web", "FROM a", "RUN b", "RUN c")
	history := built(&ledger.History{}, before)
	unknown := chain("web", "FROM a", "RUN b", "RUN c")
	unknown.Steps[1].Key, unknown.Steps[1].Unknown = "", "git"
	unknown.Steps[2].Key, unknown.Steps[2].Unknown = "", "git"
	fresh := chain("web", "FROM a", "RUN b", "RUN c")
	fresh.Steps[1].NoCache = true
	imports := chain("web", "FROM a", "RUN b", "RUN c")
	imports.Imports = []string{"type=registry,ref=cache"}
	for _, tc := range []struct {
		name    string
		graph   *steps.Graph
		builder string
		records []Record
		want    []string
	}{
		{name: "the same", graph: before, want: []string{"cached", "cached", "cached"}},
		{
			name: "a changed step", graph: chain("web", "FROM a", "RUN x", "RUN c"),
			want: []string{"cached", "runs instruction", "runs earlier of [base 2/3] RUN x"},
		},
		{
			name: "a step more", graph: chain("web", "FROM a", "RUN n", "RUN b", "RUN c"),
			want: []string{"cached", "runs instruction", "runs earlier of [base 2/4] RUN n", "runs earlier of [base 2/4] RUN n"},
		},
		{name: "a step less", graph: chain("web", "FROM a", "RUN c"), want: []string{"cached", "runs instruction"}},
		{name: "another builder", graph: before, builder: "two", want: []string{"runs gone", "runs earlier of [base 1/3] FROM a", "runs earlier of [base 1/3] FROM a"}},
		{name: "another service", graph: chain("api", "FROM a", "RUN b", "RUN z"), want: []string{"cached", "cached", "runs new"}},
		{name: "unknown", graph: unknown, want: []string{"cached", "unpredictable unpredictable", "unpredictable earlier of [base 2/3] RUN b"}},
		{name: "no cache", graph: fresh, want: []string{"cached", "runs no-cache", "runs earlier of [base 2/3] RUN b"}},
		{
			name: "imports, on a new builder", graph: imports, builder: "two",
			want: []string{"unpredictable import", "unpredictable earlier of [base 1/3] FROM a", "unpredictable earlier of [base 1/3] FROM a"},
		},
		{
			name: "the last result is there", graph: before,
			records: []Record{{Description: "mount / from exec RUN c", Created: noon.Add(2 * time.Second)}}, want: []string{"cached", "cached", "cached"},
		},
		{
			name: "only the first is there", graph: before,
			records: []Record{{Description: "mount / from exec FROM a", Created: noon}}, want: []string{"cached", "runs gone", "runs gone"},
		},
		{
			name: "that of another build", graph: before,
			records: []Record{{Description: "mount / from exec RUN c", Created: noon.Add(time.Minute)}}, want: []string{"runs gone", "runs gone", "runs gone"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			builder := tc.builder
			if builder == "" {
				builder = "one"
			}
			got := New(tc.graph, Past{History: history, Builder: builder, Records: tc.records})
			assert.DeepEqual(t, outline(got), tc.want)
		})
	}
}

// What was built twice is cached both ways; seconds are those of the same step before.
func TestForecastOfGoingBack(t *testing.T) {
	first, second := chain("web", "FROM a", "RUN b", "RUN c"), chain("web", "FROM a", "RUN x", "RUN c")
	history := built(built(&ledger.History{}, first), second)
	got := New(first, Past{History: history, Builder: "one"})
	assert.Equal(t, got.Cached, 3)
	got = New(chain("web", "FROM a", "RUN y", "RUN c"), Past{History: history, Builder: "one"})
	assert.Equal(t, fmt.Sprint(got.Cached, got.Runs, got.Seconds), "1 2 2")
}

// A step that did not come to its end, or whose files changed meanwhile, is not there.
func TestForecastOfWhatIsNotSure(t *testing.T) {
	g := chain("web", "FROM a", "RUN b")
	for _, spoil := range []func(r *ledger.StepRecord){
		func(r *ledger.StepRecord) { r.Status = ledger.Failed },
		func(r *ledger.StepRecord) { r.Status = ledger.Canceled },
		func(r *ledger.StepRecord) { r.Unsure = true },
	} {
		history := built(&ledger.History{}, g)
		spoil(&history.Builds[0].Results[1])
		assert.DeepEqual(t, outline(New(g, Past{History: history, Builder: "one"})), []string{"cached", "runs new"})
	}
}

// A step that others built under a name of theirs is there as long as what was built on it is.
func TestForecastOfWhatOthersBuilt(t *testing.T) {
	g := chain("web", "RUN a", "RUN b", "RUN c")
	history := built(&ledger.History{}, g)
	history.Builds[0].Results[0].Status = ledger.Cached
	edited := chain("web", "RUN a", "RUN x", "RUN c")
	past := Past{History: history, Builder: "one", Records: []Record{
		{Description: "mount / from exec RUN b", Created: noon.Add(time.Second)}, {Description: "mount / from exec RUN c", Created: noon.Add(2 * time.Second)},
	}}
	assert.DeepEqual(t, Descriptions(edited, history, "one"),
		[]string{"mount / from exec RUN a", "mount / from exec RUN b", "mount / from exec RUN c"})
	assert.Equal(t, New(edited, past).Steps[0].Status, Cached)
	past.Records = past.Records[:1]
	assert.Equal(t, New(edited, past).Steps[0].Status, Runs)
	past.Records = []Record{{Description: "mount / from exec RUN a", Created: noon.Add(-time.Hour)}}
	assert.Equal(t, New(edited, past).Steps[0].Status, Cached)
}

func TestKnown(t *testing.T) {
	g := chain("web", "RUN a", "RUN b", "RUN c", "RUN d")
	history := built(&ledger.History{}, g)
	history.Builds[0].Results[1].Status = ledger.Cached
	history.Builds[0].Results[3].Unsure = true
	digest := func(i int) string { return g.Steps[i].Digest }
	past := Past{History: history, Builder: "one", Records: []Record{
		{"mount / from exec RUN a", noon.Add(time.Second / 2), "early"},
		{"mount / from exec RUN a", noon.Add(time.Hour), "late"},
		{"mount / from exec RUN b", noon.Add(-time.Hour), "of somebody"},
		{"mount / from exec RUN d", noon.Add(3 * time.Second), "unsure"},
	}}
	assert.DeepEqual(t, Known(g, past), map[string][]string{digest(0): {"early"}, digest(1): {}})
	past.Builder = "two"
	assert.DeepEqual(t, Known(g, past), map[string][]string{})
}

// A line that is two steps, as COPY --link is, is counted once, with the seconds of both.
func TestForecastOfALineOfTwoSteps(t *testing.T) {
	g := chain("web", "COPY --link a", "COPY --link a")
	g.Steps[1].Name = g.Steps[0].Name
	history := built(&ledger.History{}, g)
	for i := range g.Steps {
		g.Steps[i].Key += "other"
	}
	got := New(g, Past{History: history, Builder: "one"})
	assert.Equal(t, fmt.Sprint(got.Runs, got.Seconds), "1 2")
}

func TestExplain(t *testing.T) {
	history := built(&ledger.History{}, chain("web", "FROM a", "RUN b", "RUN c"))
	now := chain("web", "FROM a", "RUN b", "RUN d")
	ran := map[string]bool{now.Steps[2].Digest: true}
	assert.DeepEqual(t, outline(Explain(now, Past{History: history, Builder: "one"}, ran)), []string{"cached", "cached", "runs instruction"})
	ran[now.Steps[1].Digest] = true // although it was built before
	got := Explain(now, Past{History: history, Builder: "one"}, ran)
	assert.DeepEqual(t, outline(got), []string{"cached", "runs gone", "runs instruction"})
	assert.Assert(t, !got.Steps[1].Cause.Exact)
}

func TestCausesOfFiles(t *testing.T) {
	old, now := chain("web", "COPY ."), chain("web", "COPY .")
	old.Steps[0].Files, now.Steps[0].Files = "1", "2"
	now.Steps[0].Key = "new"
	history := built(&ledger.History{}, old)
	past := Past{History: history, Builder: "one", Files: func(ledger.StepRecord) ([]steps.File, error) {
		return []steps.File{{Path: "a", Digest: "1"}, {Path: "b", Digest: "1"}}, nil
	}}
	now.Steps[0].Takes = []steps.File{{Path: "a", Digest: "2", Content: "x"}, {Path: "c", Digest: "1"}}
	got := New(now, past)
	assert.Equal(t, got.Steps[0].Cause.Text, "a changed, b was removed, c was added")
	past.Files = func(ledger.StepRecord) ([]steps.File, error) { return nil, nil }
	assert.Equal(t, New(now, past).Steps[0].Cause.Text, "files that it takes changed; which, is not known any more")
}
