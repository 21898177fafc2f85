package buildx

import (
	"testing"
	"time"

	"github.com/docker/buildx/util/progress"
	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

// sink is a display that shows nothing.
type sink struct{ progress.Writer }

func (sink) Write(*client.SolveStatus) {}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// vertex is an event of one vertex; times are in seconds after start, negative ones are unset.
func vertex(name string, from, to int, cached bool) *client.Vertex {
	v := &client.Vertex{Name: name, Digest: digest.FromString(name), Cached: cached}
	if from >= 0 {
		t := start.Add(time.Duration(from) * time.Second)
		v.Started = &t
	}
	if to >= 0 {
		t := start.Add(time.Duration(to) * time.Second)
		v.Completed = &t
	}
	return v
}

func record(services []string, events ...*client.Vertex) []Step {
	r := newRecorder(sink{}, services)
	for _, v := range events {
		r.Write(&client.SolveStatus{Vertexes: []*client.Vertex{v}})
	}
	return r.all()
}

func TestStepsAreLinesOfTheDockerfile(t *testing.T) {
	steps := record([]string{"web"},
		vertex("[internal] load build definition from Dockerfile", 0, 1, false),
		vertex("[internal] load metadata for docker.io/library/alpine", 0, 1, false),
		vertex("[context lib] load from client", 0, 1, false),
		vertex("[base 1/2] FROM docker.io/library/alpine", 1, 2, false),
		vertex("[linux/arm64 base 2/2] RUN true", 2, 3, false),
		vertex("[1/1] COPY a b", 3, 4, true),
		vertex("exporting to oci image format", 4, 5, false),
		vertex("importing cache manifest from x", 4, 5, false),
		vertex("[auth] library/alpine:pull token", 4, 5, false),
	)
	assert.Equal(t, len(steps), 3)
	cached, total := counts(steps, "web")
	assert.Equal(t, cached, 2)
	assert.Equal(t, total, 3)
	assert.Equal(t, elapsed(steps, "web"), 3.0)
}

// A FROM is a hit when nothing was downloaded for it, which BuildKit does not say in so many words.
func TestDownloadedBaseIsNoHit(t *testing.T) {
	from := vertex("[base 1/1] FROM docker.io/library/alpine", 0, 2, false)
	for id, want := range map[string]bool{"resolve docker.io/library/alpine": true, "sha256:0123": false, "extracting sha256:0123": false} {
		r := newRecorder(sink{}, []string{"web"})
		r.Write(&client.SolveStatus{Vertexes: []*client.Vertex{from}, Statuses: []*client.VertexStatus{{ID: id, Vertex: from.Digest}}})
		assert.Equal(t, r.all()[0].Cached, want, id)
	}
}

// A hit whose layers must be fetched is first sent as cached, and then as at work.
func TestFetchedHitIsAHit(t *testing.T) {
	steps := record([]string{"web"},
		vertex("[1/1] RUN a", 0, 0, true),
		vertex("[1/1] RUN a", 1, 3, false),
	)
	assert.Assert(t, steps[0].Cached)
	assert.Equal(t, steps[0].Seconds, 2.0)
}

func TestSecondsAreTheUnionOfIntervals(t *testing.T) {
	steps := record([]string{"web"},
		vertex("[1/1] FROM x", 0, -1, false),
		vertex("[1/1] FROM x", 0, 2, false),
		vertex("[1/1] FROM x", 1, 3, false),
		vertex("[1/1] FROM x", 5, 6, false),
		vertex("[1/1] FROM x", 5, 6, false),
	)
	assert.Equal(t, steps[0].Seconds, 4.0)
}

func TestServicesAreToldApart(t *testing.T) {
	services := []string{"web", "web.api"}
	steps := record(services,
		vertex("[web base 1/1] RUN a", 0, 1, true),
		vertex("[web.api base 1/1] RUN a", 0, 1, false),
		vertex("[web] exporting to image", 0, 1, false),
		vertex("[web.api 1/1] RUN b", 1, 2, false),
	)
	cached, total := counts(steps, "web")
	assert.Equal(t, cached, 1)
	assert.Equal(t, total, 1)
	cached, total = counts(steps, "web.api")
	assert.Equal(t, cached, 0)
	assert.Equal(t, total, 2)
	assert.Equal(t, steps[0].Name, "[base 1/1] RUN a")
}

// COPY --link is two vertices of one line: a hit only when both are.
func TestLinesOfSeveralVertices(t *testing.T) {
	a, b := vertex("[1/1] COPY --link a b", 0, 1, true), vertex("[1/1] COPY --link a b", 1, 2, false)
	b.Digest = digest.FromString("merge")
	cached, total := counts(record([]string{"web"}, a, b), "web")
	assert.Equal(t, cached, 0)
	assert.Equal(t, total, 1)
}
