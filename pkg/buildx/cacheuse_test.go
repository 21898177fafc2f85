package buildx

import (
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

func TestCacheUse(t *testing.T) {
	at := func(second int) *time.Time { t := time.Unix(int64(second), 0); return &t }
	vertex := func(name string, from, to int, cached bool, text string) *client.Vertex {
		return &client.Vertex{Digest: digest.FromString(name), Name: name, Started: at(from), Completed: at(to), Cached: cached, Error: text}
	}
	status := func(name, id string, current int64) *client.VertexStatus {
		return &client.VertexStatus{Vertex: digest.FromString(name), ID: id, Current: current}
	}
	r := newRecorder(sink{}, []string{"web", "api"})
	r.Write(&client.SolveStatus{
		Vertexes: []*client.Vertex{
			vertex("[web] importing cache manifest from example.com/c:web", 1, 2, false, ""),
			vertex("[web] importing cache manifest from example.com/c:new", 1, 3, false, "example.com/c:new: not found"),
			vertex("[api] importing cache manifest from example.com/c:api", 1, 2, false, "connection refused"),
			vertex("[api] exporting cache to registry", 5, 9, false, ""),
			{Digest: digest.FromString("open"), Name: "[web] exporting cache to client directory", Started: at(4)},
			vertex("[web 1/2] RUN a", 3, 5, true, ""),
			vertex("[web 2/2] RUN b", 3, 9, false, ""),
		},
		Statuses: []*client.VertexStatus{
			status("[api] exporting cache to registry", "writing layer sha256:a", 0),
			status("[api] exporting cache to registry", "writing layer sha256:a", 0),
			status("[api] exporting cache to registry", "writing layer sha256:b", 0),
			status("[web 1/2] RUN a", "sha256:a", 10),
			status("[web 1/2] RUN a", "sha256:a", 100),
			status("[web 1/2] RUN a", "sha256:b", 20),
			status("[web 2/2] RUN b", "sha256:b", 20),
		},
	})
	assert.DeepEqual(t, r.caches(), []CacheUse{
		{Kind: WorkImport, Service: "api", Name: "example.com/c:api", Seconds: 1, Error: "connection refused"},
		{Kind: WorkCacheExport, Service: "api", Name: "registry", Seconds: 4, Layers: 2},
		{Kind: WorkImport, Service: "web", Name: "example.com/c:new", Seconds: 2, Missing: true},
		{Kind: WorkImport, Service: "web", Name: "example.com/c:web", Seconds: 1},
		{Kind: WorkCacheExport, Service: "web", Name: "local", Error: "not finished"},
	})
	bytes, took := r.fetchedFor("web")
	assert.Equal(t, bytes, int64(120))
	assert.Equal(t, took, 2*time.Second)
}
