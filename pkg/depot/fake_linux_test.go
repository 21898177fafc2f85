package depot

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"gotest.tools/v3/assert"
)

// fakeRegistry is a registry with one repository, that can be made to fail.
type fakeRegistry struct {
	*httptest.Server
	mu        sync.Mutex
	blobs     map[string][]byte
	manifests map[string][]byte
	tags      map[string]string
	// before is asked first; it answers by itself and returns true, or lets the request through.
	before func(w http.ResponseWriter, r *http.Request) bool
	sent   int64
}

func newFakeRegistry(t *testing.T) *fakeRegistry {
	t.Helper()
	f := &fakeRegistry{blobs: map[string][]byte{}, manifests: map[string][]byte{}, tags: map[string]string{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeRegistry) depot(t *testing.T) *Depot {
	t.Helper()
	d, err := Repository(strings.TrimPrefix(f.URL, "http://")+"/cache", func() docker.RegistryHosts {
		return docker.ConfigureDefaultRegistries(docker.WithPlainHTTP(docker.MatchLocalhost))
	})
	assert.NilError(t, err)
	return d
}

func (f *fakeRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	before := f.before
	f.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_, rest, _ := strings.Cut(r.URL.Path, "/v2/cache/")
	kind, name, _ := strings.Cut(rest, "/")
	f.sent += int64(len(body))
	switch {
	case kind == "tags":
		f.list(w)
	case kind == "blobs" && r.Method == http.MethodPost:
		w.Header().Set("Location", "/v2/cache/uploads/1")
		w.WriteHeader(http.StatusAccepted)
	case kind == "uploads":
		d := r.URL.Query().Get("digest")
		if d != sum(body) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		f.blobs[d] = body
		w.WriteHeader(http.StatusCreated)
	case kind == "blobs":
		f.answer(w, r, f.blobs, name, "application/octet-stream")
	case kind == "manifests" && r.Method == http.MethodPut:
		d := sum(body)
		f.manifests[d], f.tags[name] = body, d
		w.Header().Set("Docker-Content-Digest", d)
		w.WriteHeader(http.StatusCreated)
	case kind == "manifests" && r.Method == http.MethodDelete:
		for tag, d := range f.tags {
			if d == name {
				delete(f.tags, tag)
			}
		}
		delete(f.manifests, name)
		w.WriteHeader(http.StatusAccepted)
	case kind == "manifests":
		if d, ok := f.tags[name]; ok {
			name = d
		}
		w.Header().Set("Docker-Content-Digest", name)
		f.answer(w, r, f.manifests, name, "application/vnd.oci.image.manifest.v1+json")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func sum(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

func (f *fakeRegistry) list(w http.ResponseWriter) {
	var names []string
	for tag := range f.tags {
		names = append(names, fmt.Sprintf("%q", tag))
	}
	slices.Sort(names)
	fmt.Fprintf(w, `{"name":"cache","tags":[%s]}`, strings.Join(names, ","))
}

func (f *fakeRegistry) answer(w http.ResponseWriter, r *http.Request, from map[string][]byte, name, mediaType string) {
	b, ok := from[name]
	if !ok {
		w.Header().Del("Docker-Content-Digest")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(b)
	}
}

func (f *fakeRegistry) fail(before func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = before
}
