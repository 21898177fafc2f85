package trial

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

// vertex is one of a build, at work from one second to another; none is a hit.
func vertex(service, name string, from, to float64, inputs ...string) buildx.Step {
	s := buildx.Step{Service: service, Digest: "sha256:" + name, Name: name, Inputs: []string{}, Started: at(from), Ended: at(to), Done: true}
	s.Busy = []buildx.Interval{{From: at(from), To: at(to)}}
	s.Seconds, s.Cached = to-from, to == from
	for _, in := range inputs {
		s.Inputs = append(s.Inputs, "sha256:"+in)
	}
	return s
}

// outline is a run in a line for each step.
func outline(r session.Run) string {
	var out []string
	for _, s := range r.Steps {
		state := fmt.Sprintf("%g-%g %gs", s.Start, s.End, s.Seconds)
		if s.Cached {
			state += " cached"
		}
		if s.Critical {
			state += " critical"
		}
		out = append(out, fmt.Sprintf("%s %s %s after %v", s.Service, s.Stage, state, s.After))
	}
	return strings.Join(out, "\n")
}

func TestReadSingleStage(t *testing.T) {
	result := &buildx.Result{
		ContextBytes: 42,
		Targets:      []buildx.TargetResult{{Service: "web", Ref: "b/n/1"}, {Service: "api", Ref: "b/n/1"}, {Service: "db"}},
		Steps: []buildx.Step{
			vertex("web", "[1/3] FROM docker.io/library/alpine:3@sha256:00", 1, 3),
			vertex("web", "[2/3] COPY a /", 3, 4, "[1/3] FROM docker.io/library/alpine:3@sha256:00", "context"),
			vertex("web", "[3/3] RUN make", 4, 9, "[2/3] COPY a /"),
		},
		Work: []buildx.Work{
			{Kind: buildx.WorkContext, Started: at(0), Ended: at(2)},
			{Kind: buildx.WorkContext, Started: at(1), Ended: at(3)},
			{Kind: buildx.WorkPull, Busy: []buildx.Interval{{From: at(0), To: at(1)}, {From: at(2), To: at(3)}}},
			{Kind: buildx.WorkImport, Started: at(0), Ended: at(0.5)},
			{Kind: buildx.WorkExport, Started: at(9), Ended: at(10)},
			{Kind: buildx.WorkCacheExport, Started: at(9.5), Seconds: 2},
			{Kind: buildx.WorkInternal, Started: at(0), Ended: at(100)},
		},
	}
	usage := map[string]buildx.Usage{
		"sha256:[3/3] RUN make": {CPUSeconds: 7, PeakMemory: 100, IOBytes: 5}, "sha256:[2/3] COPY a /": {CPUSeconds: 1, PeakMemory: 50, IOBytes: 5},
	}
	r := Read(result, nil, noon, usage)
	assert.Equal(t, outline(r), `web stage-0 1-3 2s critical after []
web stage-0 3-4 1s critical after [0]
web stage-0 4-9 5s critical after [1]`)
	assert.DeepEqual(t, r.Phases, session.Phases{Context: 3, Pull: 2, CacheImport: 0.5, Steps: 6, Export: 1, CacheExport: 2})
	assert.Equal(t, r.ContextBytes, int64(42))
	assert.Equal(t, r.CriticalPath, 8.0)
	assert.Equal(t, r.Parallelism, 1.0)
	assert.Equal(t, r.CPU, 8.0)
	assert.Equal(t, r.PeakMemory, int64(100))
	assert.Equal(t, r.IOBytes, int64(10))
	assert.Equal(t, r.Steps[2].CPU, 7.0)
	assert.DeepEqual(t, r.Refs, []string{"b/n/1"})
	assert.Equal(t, r.Wall, 0.0)
}

// A graph knows the file and the line, what a step is built on through work that is no step, and what a single stage is called.
func TestReadWithGraphs(t *testing.T) {
	graphs := []*steps.Graph{{Service: "web", Steps: []steps.Step{
		{Digest: "sha256:[1/2] FROM alpine", Name: "[1/2] FROM alpine", File: "Dockerfile", Line: 2, Source: "FROM alpine AS Prod"},
		{Digest: "other", Name: "[2/2] RUN make", File: "Dockerfile", Line: 7, Inputs: []string{"sha256:[1/2] FROM alpine"}},
	}}}
	r := Read(&buildx.Result{Steps: []buildx.Step{
		vertex("web", "[2/2] RUN make", 3, 4, "mount permissions"), vertex("web", "[1/2] FROM alpine", 1, 1),
	}}, graphs, noon, nil)
	assert.Equal(t, outline(r), "web prod 1-1 0s cached after []\nweb prod 3-4 1s critical after [0]")
	assert.Equal(t, r.Steps[1].Line, 7)
	assert.Equal(t, r.Steps[1].File, "Dockerfile")
}

// Where digests of the graph are those of another build, names tell what a step is built on.
func TestReadWithAGraphOfOtherDigests(t *testing.T) {
	graphs := []*steps.Graph{{Service: "web", Stage: "prod", Steps: []steps.Step{
		{Digest: "x", Name: "[1/2] COPY --link a b", Line: 1},
		{Digest: "x2", Name: "[1/2] LINK COPY --link a b", Line: 1, Inputs: []string{"x"}},
		{Digest: "y", Name: "[2/2] RUN make", Line: 2, Inputs: []string{"x2"}},
	}}}
	r := Read(&buildx.Result{Steps: []buildx.Step{
		vertex("web", "[2/2] RUN make", 3, 4), vertex("web", "[1/2] COPY --link a b", 1, 2), vertex("web", "[1/2] LINK COPY --link a b", 2, 3),
	}}, graphs, noon, nil)
	assert.Equal(t, outline(r), "web prod 1-3 2s critical after []\nweb prod 3-4 1s critical after [0]")
}

func TestReadLinesOfSeveralVertices(t *testing.T) {
	const from, copied, put = "[build 1/3] FROM alpine", "[build 2/3] COPY --link a b", "[build 2/3] LINK COPY --link a b"
	const asked, added = "[build 3/3] ADD https://example.com/x /", "[build 3/3] ADD https://example.com/x / "
	for _, tc := range []struct {
		name  string
		steps []buildx.Step
		want  string
	}{
		{
			"all ran",
			[]buildx.Step{vertex("web", from, 0, 0), vertex("web", copied, 1, 2), vertex("web", put, 4, 5, from, copied)},
			"web build 0-0 0s cached after []\nweb build 1-5 2s critical after [0]",
		},
		{"one was cached", []buildx.Step{vertex("web", copied, 1, 1), vertex("web", put, 4, 5, copied)}, "web build 1-5 1s critical after []"},
		{"all cached", []buildx.Step{vertex("web", copied, 1, 1), vertex("web", put, 1, 1, copied)}, "web build 1-1 0s cached after []"},
	} {
		assert.Equal(t, outline(Read(&buildx.Result{Steps: tc.steps}, nil, noon, nil)), tc.want, tc.name)
	}
	// a server was asked for what an ADD takes, and it is the same: a hit
	hit, source := vertex("web", asked, 2, 2, asked), vertex("web", asked, 0, 1)
	source.Digest = "sha256:" + added
	hit.Inputs = []string{source.Digest}
	assert.Equal(t, outline(Read(&buildx.Result{Steps: []buildx.Step{source, hit}}, nil, noon, nil)), "web build 0-2 1s cached critical after []")
	hit.Cached = false
	assert.Equal(t, outline(Read(&buildx.Result{Steps: []buildx.Step{source, hit}}, nil, noon, nil)), "web build 0-2 1s critical after []")
}

// Each service has the steps that it shares with others; in sums they count once.
func TestReadSharedSteps(t *testing.T) {
	const base = "[base 1/1] RUN base"
	r := Read(&buildx.Result{Steps: []buildx.Step{
		vertex("web", base, 0, 4), vertex("api", base, 0, 4),
		vertex("api", "[api 1/1] RUN api", 4, 6, base), vertex("web", "[web 1/1] RUN web", 4, 10, base),
	}}, nil, noon, map[string]buildx.Usage{"sha256:" + base: {CPUSeconds: 3, IOBytes: 7}})
	assert.Equal(t, outline(r), `api base 0-4 4s critical after []
api api 4-6 2s after [0]
web base 0-4 4s critical after []
web web 4-10 6s critical after [2]`)
	assert.Equal(t, r.CPU, 3.0)
	assert.Equal(t, r.IOBytes, int64(7))
	assert.Equal(t, r.Phases.Steps, 10.0)
	assert.Equal(t, r.CriticalPath, 10.0)
	assert.Equal(t, r.Parallelism, 1.2)
	assert.Equal(t, len(distinct(r.Steps)), 3)
}

func TestReadNothing(t *testing.T) {
	r := Read(&buildx.Result{}, nil, noon, nil)
	assert.Equal(t, len(r.Steps), 0)
	assert.Equal(t, r.CriticalPath+r.Parallelism, 0.0)
	r = Read(&buildx.Result{Steps: []buildx.Step{{Service: "web", Name: "[1/1] RUN never", Inputs: []string{}}}}, nil, noon, nil)
	assert.Equal(t, outline(r), "web stage-0 0-0 0s after []")
	assert.Assert(t, !ran(&r.Steps[0]))
}

func TestLabels(t *testing.T) {
	for name, want := range map[string]label{
		"[1/3] FROM docker.io/library/alpine:3@sha256:012": {"", "", 1, "FROM docker.io/library/alpine:3"},
		"[build  2/12] RUN  make   all":                    {"", "build", 2, "RUN make all"},
		"[stage-0 2/3] RUN a\n  b":                         {"", "stage-0", 2, "RUN a b"},
		"[linux/arm64 1/3] COPY a b":                       {"linux/arm64", "", 1, "COPY a b"},
		"[linux/amd64->arm64 build 1/3] COPY a b":          {"linux/amd64->arm64", "build", 1, "COPY a b"},
		"[build 2/3] LINK COPY --link a b":                 {"", "build", 2, "COPY --link a b"},
		"no step":                                          {"", "", 0, "no step"},
	} {
		assert.Equal(t, labelOf(name), want, name)
	}
}

func TestSecretsAreHidden(t *testing.T) {
	for _, text := range []string{
		"RUN NPM_TOKEN=hunter2 npm ci",
		`RUN export A=1 && API_KEY="hunter2 x" make`,
		"RUN login --password hunter2",
		"RUN login --user me --password=hunter2",
		"RUN git clone https://me:hunter2@example.com/a.git",
		"ADD https://hunter2@example.com/a.git /a",
		`RUN curl -H "Authorization: Bearer hunter2" example.com`,
		"RUN --mount=type=cache,target=/c DB_PASSWORD='hunter2' make",
		"RUN DSN=postgres://me:hunter2@db/x make",
	} {
		hidden := redact(text)
		assert.Assert(t, !strings.Contains(hidden, "hunter2"), hidden)
		assert.Equal(t, redact(hidden), hidden)
		assert.Assert(t, redact(strings.ReplaceAll(text, "hunter2", "hunter3")) != hidden, "another secret is another step: %s", text)
	}
	for _, text := range []string{
		"RUN --mount=type=secret,id=npm_token,env=NPM_TOKEN npm ci",
		"RUN TOKEN=$(cat /run/secrets/token) make",
		`RUN curl -H "Authorization: Bearer $TOKEN" https://example.com/x@1.tgz`,
		"COPY --chown=1:1 --from=build /a /b",
		"FROM docker.io/library/alpine:3@sha256:012",
		"RUN apt-get install -y --no-install-recommends git",
	} {
		assert.Equal(t, redact(text), text)
	}
	r := Read(&buildx.Result{Steps: []buildx.Step{vertex("web", "[1/1] RUN TOKEN=hunter2 make", 0, 1)}}, nil, noon, nil)
	assert.Assert(t, !strings.Contains(r.Steps[0].Name, "hunter2"))
}
