package registry

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

// fake answers by method and address below the repository "a/b"; what it does not know is 404.
type fake struct {
	*httptest.Server
	t       *testing.T
	answers map[string]http.HandlerFunc
	asked   chan string
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, answers: map[string]http.HandlerFunc{}, asked: make(chan string, 1000)}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question := r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/v2/a/b/")
		f.asked <- question
		if answer := f.answers[question]; answer != nil {
			answer(w, r)
			return
		}
		says(http.StatusNotFound, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, h := range header {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}
}

// has gives the fake a manifest with tags, and returns its digest.
func (f *fake) has(text string, tags ...string) string {
	dgst := digest.FromString(text).String()
	for _, name := range append(tags, dgst) {
		f.answers["GET manifests/"+name] = says(http.StatusOK, text, "Docker-Content-Digest: "+dgst)
	}
	return dgst
}

func (f *fake) questions() []string {
	var out []string
	for {
		select {
		case q := <-f.asked:
			out = append(out, q)
		default:
			return out
		}
	}
}

func (f *fake) host() string { return strings.TrimPrefix(f.URL, "http://") }

// open is a repository of the fake with a login.
func (f *fake) open(user, secret string, within time.Duration) *Repository {
	f.t.Helper()
	r, err := Open(f.host()+"/a/b", func() docker.RegistryHosts {
		return docker.ConfigureDefaultRegistries(
			docker.WithPlainHTTP(docker.MatchLocalhost),
			docker.WithAuthorizer(docker.NewDockerAuthorizer(docker.WithAuthCreds(func(string) (string, string, error) { return user, secret, nil }))),
		)
	}, within)
	assert.NilError(f.t, err)
	return r
}
