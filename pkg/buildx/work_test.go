package buildx

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

func TestKindsOfWork(t *testing.T) {
	for name, want := range map[string]string{
		"[internal] load build definition from Dockerfile":       WorkContext,
		"[internal] load .dockerignore":                          WorkContext,
		"[internal] load build context":                          WorkContext,
		"[internal] load git source https://example.com/a.git":   WorkContext,
		"[context lib] load from client":                         WorkContext,
		"[context lib] load .dockerignore":                       WorkContext,
		"[context lib] https://example.com/a.tar":                WorkContext,
		"[context base] load metadata for docker.io/library/a":   WorkPull,
		"[internal] load metadata for docker.io/library/alpine":  WorkPull,
		"[auth] library/alpine:pull token":                       WorkPull,
		"resolve image config for docker-image://docker/file:1":  WorkPull,
		"docker-image://docker.io/docker/dockerfile:1":           WorkPull,
		"importing cache manifest from example.com/c":            WorkImport,
		"importing to docker":                                    WorkExport,
		"exporting to image":                                     WorkExport,
		"exporting to oci image format":                          WorkExport,
		"exporting to client directory":                          WorkExport,
		"pushing example.com/a with docker":                      WorkExport,
		"exporting cache to registry":                            WorkCacheExport,
		"exporting cache to client directory":                    WorkCacheExport,
		"exporting to GitHub Actions Cache":                      WorkCacheExport,
		"[internal] preparing inline document":                   WorkInternal,
		"[internal] booting buildkit":                            WorkInternal,
		"[context base] docker-image://docker.io/library/alpine": WorkInternal,
		"[build 2/3] RUN true":                                   "",
		"[linux/arm64 1/3] FROM docker.io/library/alpine":        "",
	} {
		assert.Equal(t, (&span{name: name}).work(), want, name)
	}
}

// Downloads make a pull of a FROM or of a named image, and the fetching of a cache import of a step that was cached.
func TestDownloadsAreWork(t *testing.T) {
	for name, want := range map[string]string{
		"[build 1/3] FROM docker.io/library/alpine":              WorkPull,
		"[context base] docker-image://docker.io/library/alpine": WorkPull,
		"[build 2/3] RUN true":                                   WorkImport,
	} {
		r := newRecorder(sink{}, []string{"web"})
		v := vertex(name, 1, 3, name == "[build 2/3] RUN true")
		r.Write(&client.SolveStatus{Vertexes: []*client.Vertex{v}, Statuses: []*client.VertexStatus{{ID: "sha256:01", Vertex: v.Digest}}})
		work, _ := r.work()
		assert.Equal(t, len(work), 1, name)
		assert.Equal(t, work[0].Kind, want, name)
		assert.Equal(t, work[0].Seconds, 2.0, name)
	}
}

// What several services share is one thing at work.
func TestSharedWorkCountsOnce(t *testing.T) {
	r := newRecorder(sink{}, []string{"api", "web"})
	v := vertex("[internal] load build context", 0, 2, false)
	r.own(map[digest.Digest][]string{v.Digest: {"api", "web"}})
	r.Write(&client.SolveStatus{Vertexes: []*client.Vertex{v}})
	r.Write(&client.SolveStatus{Vertexes: []*client.Vertex{vertex("[web] exporting to image", 4, 5, false), vertex("[web 1/1] RUN a", 2, 4, false)}})
	work, _ := r.work()
	assert.Equal(t, len(work), 2)
	assert.Equal(t, work[0].Name, "[internal] load build context")
	assert.Equal(t, work[0].Service, "")
	assert.Equal(t, work[0].Seconds, 2.0)
	assert.Equal(t, work[1].Kind, WorkExport)
	assert.Equal(t, work[1].Service, "web")
	assert.Equal(t, work[1].Name, "exporting to image")
	assert.Equal(t, work[1].Ended, start.Add(5*time.Second))
}

// What was still at work at the end has no interval, and is left out.
func TestUnfinishedWorkIsLeftOut(t *testing.T) {
	r := newRecorder(sink{}, []string{"web"})
	r.Write(&client.SolveStatus{Vertexes: []*client.Vertex{vertex("exporting to image", 4, -1, false)}})
	work, _ := r.work()
	assert.Equal(t, len(work), 0)
}

// A status is sent again and again as bytes go; a folder may be sent twice.
func TestContextBytes(t *testing.T) {
	r := newRecorder(sink{}, []string{"web"})
	v := vertex("[internal] load build context", 0, 2, false)
	later := start.Add(time.Minute)
	for _, s := range []client.VertexStatus{
		{ID: "transferring context:", Started: &start, Current: 10},
		{ID: "transferring context:", Started: &start, Current: 30},
		{ID: "transferring context:", Started: &start, Current: 20},
		{ID: "transferring context:", Started: &later, Current: 5},
		{ID: "transferring dockerfile:", Started: &start, Current: 1},
		{ID: "copying files linux/amd64", Started: &start, Current: 1000},
	} {
		s.Vertex = v.Digest
		r.Write(&client.SolveStatus{Statuses: []*client.VertexStatus{&s}})
	}
	_, sent := r.work()
	assert.Equal(t, sent, int64(36))
}

func TestStepsEnd(t *testing.T) {
	steps := record([]string{"web"}, vertex("[1/2] RUN a", 0, 2, false), vertex("[1/2] RUN a", 5, 6, false), vertex("[2/2] RUN b", -1, -1, false))
	assert.Equal(t, steps[1].Ended, start.Add(6*time.Second))
	assert.Equal(t, len(steps[1].Busy), 2)
	assert.Assert(t, steps[0].Ended.IsZero())
	text, err := json.Marshal(Result{Work: []Work{{Kind: WorkPull}}, ContextBytes: 1, Steps: steps})
	assert.NilError(t, err)
	for _, name := range []string{"ork", "ontext", "nded", "usy"} {
		assert.Assert(t, !strings.Contains(string(text), name+`"`), name)
	}
}
