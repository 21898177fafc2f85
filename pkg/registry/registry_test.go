package registry

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"
)

func TestTagsOfAllPages(t *testing.T) {
	f := newFake(t)
	f.answers["GET tags/list?n=1000"] = says(http.StatusOK, `{"name":"a/b","tags":["c","b"]}`, `Link: </v2/a/b/tags/list?last=b&n=2>; rel="next"`)
	f.answers["GET tags/list?last=b&n=2"] = says(http.StatusOK, `{"tags":["b","a"]}`, `Link: <https://elsewhere.example/x?last=c&n=2>; rel=next`)
	f.answers["GET tags/list?last=c&n=2"] = says(http.StatusOK, `{"tags":null}`)
	tags, err := f.open("", "", 0).Tags(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, tags, []string{"a", "b", "c"})
	assert.Equal(t, len(f.questions()), 3)
}

func TestTagsThatNeverEnd(t *testing.T) {
	f := newFake(t)
	f.answers["GET tags/list?n=1000"] = says(http.StatusOK, `{"tags":["a"]}`, `Link: </v2/a/b/tags/list?n=1000>; rel="next"`)
	_, err := f.open("", "", 0).Tags(t.Context())
	assert.ErrorContains(t, err, "goes on and on")
}

func TestNoRepository(t *testing.T) {
	f := newFake(t)
	c, err := f.open("", "", 0).Read(t.Context(), nil)
	assert.NilError(t, err)
	assert.Equal(t, len(c.Tags)+len(c.Manifests), 0)
}

const (
	image = `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:c0","size":7},
		"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:10","size":100}]}`
	cache = `{"schemaVersion":2,"config":{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"sha256:c1","size":8},
		"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:10","size":100,"annotations":{"buildkit/createdat":"2026-01-02T03:04:05.6Z"}},
		{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:10","size":100},
		{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:11","size":50,"annotations":{"buildkit/createdat":"2026-01-01T00:00:00Z"}}]}`
	oldCache = `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","digest":"sha256:10","size":100},
		{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"sha256:c2","size":9}]}`
)

func TestManifests(t *testing.T) {
	f := newFake(t)
	f.has(image, "image")
	f.has(cache, "cache")
	f.has(oldCache, "old")
	r := f.open("", "", 0)

	m, err := r.Manifest(t.Context(), "image")
	assert.NilError(t, err)
	assert.Assert(t, !m.Cache && m.Created.IsZero())
	assert.DeepEqual(t, m.Blobs, map[string]int64{m.Digest: int64(len(image)), "sha256:c0": 7, "sha256:10": 100})

	m, err = r.Manifest(t.Context(), "cache")
	assert.NilError(t, err)
	assert.Assert(t, m.Cache)
	assert.Equal(t, m.Created, time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC))
	assert.DeepEqual(t, m.Blobs, map[string]int64{m.Digest: int64(len(cache)), "sha256:c1": 8, "sha256:10": 100, "sha256:11": 50})

	m, err = r.Manifest(t.Context(), "old")
	assert.NilError(t, err)
	assert.Assert(t, m.Cache && len(m.Manifests) == 0)
	assert.DeepEqual(t, m.Blobs, map[string]int64{m.Digest: int64(len(oldCache)), "sha256:c2": 9, "sha256:10": 100})

	f.answers["GET manifests/dated"] = says(http.StatusOK, cache, "Last-Modified: Sat, 03 Jan 2026 00:00:00 GMT")
	m, err = r.Manifest(t.Context(), "dated")
	assert.NilError(t, err)
	assert.Equal(t, m.Created, time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC))

	f.answers["GET manifests/wrong"] = says(http.StatusOK, cache, "Docker-Content-Digest: "+m.Digest[:len(m.Digest)-4]+"0000")
	_, err = r.Manifest(t.Context(), "wrong")
	assert.ErrorContains(t, err, "has the digest "+m.Digest)
	f.answers["GET manifests/signed"] = says(http.StatusOK, `{"schemaVersion":1}`, "Docker-Content-Digest: "+m.Digest, "Content-Type: "+signedType+"prettyjws")
	signed, err := r.Manifest(t.Context(), "signed")
	assert.NilError(t, err)
	assert.Equal(t, signed.Digest, m.Digest)
	_, err = r.Manifest(t.Context(), "none")
	assert.Assert(t, IsNotFound(err))
	assert.ErrorContains(t, err, "404 Not Found (MANIFEST_UNKNOWN: manifest unknown)")
}

func TestReadsAllThatTagsReach(t *testing.T) {
	f := newFake(t)
	of := func(digests ...string) string {
		var list []map[string]any
		for _, d := range digests {
			list = append(list, map[string]any{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": d, "size": 1})
		}
		text, err := json.Marshal(map[string]any{"manifests": list})
		assert.NilError(t, err)
		return string(text)
	}
	plain := f.has(image)
	inner := f.has(of(plain, "sha256:missing"))
	outer := f.has(of(inner, plain), "index")
	kept := f.has(cache, "cache")
	subject := f.has(`{"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"`+kept+`","size":1}}`, "signature")
	f.answers["GET tags/list?n=1000"] = says(http.StatusOK, `{"tags":["index","cache","signature","dangling"]}`)

	c, err := f.open("", "", 0).Read(t.Context(), nil)
	assert.NilError(t, err)
	assert.Assert(t, c.Whole)
	assert.Equal(t, c.Name, f.host()+"/a/b")
	assert.DeepEqual(t, c.Tags, map[string]string{"index": outer, "cache": kept, "signature": subject})
	assert.Equal(t, len(c.Manifests), 5)
	assert.DeepEqual(t, c.Manifests[inner].Manifests, []string{plain, "sha256:missing"})

	c, err = f.open("", "", 0).Read(t.Context(), func(tag string) bool { return tag == "cache" })
	assert.NilError(t, err)
	assert.Assert(t, !c.Whole)
	assert.DeepEqual(t, c.Tags, map[string]string{"index": "", "cache": kept, "signature": "", "dangling": ""})
	assert.Equal(t, len(c.Manifests), 1)
}

// One that accepts and never answers, and one that stops in the middle.
func TestRegistriesThatDoNotAnswer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	t.Cleanup(func() { assert.Check(t, silent.Close()) })
	r, err := Open(silent.Addr().String()+"/a/b", func() docker.RegistryHosts {
		return docker.ConfigureDefaultRegistries(docker.WithPlainHTTP(docker.MatchAllHosts))
	}, 100*time.Millisecond)
	assert.NilError(t, err)
	_, err = r.Read(t.Context(), nil)
	assert.ErrorContains(t, err, silent.Addr().String()+": no answer within 100ms")

	f := newFake(t)
	f.answers["GET tags/list?n=1000"] = func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, `{"tags":`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	_, err = f.open("", "", 100*time.Millisecond).Read(t.Context(), nil)
	assert.ErrorContains(t, err, "no answer within 100ms")
}

func TestMirrorsAreNotAsked(t *testing.T) {
	f, mirror := newFake(t), newFake(t)
	hosts := func() docker.RegistryHosts {
		return func(string) ([]docker.RegistryHost, error) {
			return []docker.RegistryHost{
				{Client: http.DefaultClient, Scheme: "http", Host: mirror.host(), Path: "/v2", Capabilities: docker.HostCapabilityPull | docker.HostCapabilityResolve},
				{Client: http.DefaultClient, Scheme: "http", Host: f.host(), Path: "/v2", Capabilities: docker.HostCapabilityPush},
			}, nil
		}
	}
	r, err := Open("a/b", hosts, 0)
	assert.NilError(t, err)
	assert.Equal(t, r.Name(), "docker.io/a/b")
	assert.NilError(t, r.Remove(t.Context(), "sha256:0"))
	_, err = r.Tags(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, f.questions(), []string{"DELETE manifests/sha256:0", "GET tags/list?n=1000"})
	assert.Equal(t, len(mirror.questions()), 0)
}

func TestRemovals(t *testing.T) {
	f := newFake(t)
	f.answers["DELETE manifests/done"] = says(http.StatusAccepted, "")
	f.answers["DELETE manifests/off"] = says(http.StatusMethodNotAllowed, `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}`)
	f.answers["DELETE manifests/login"] = says(http.StatusForbidden, "")
	f.answers["DELETE manifests/moved"] = says(http.StatusFound, "", "Location: /v2/a/b/elsewhere")
	f.answers["GET elsewhere"] = says(http.StatusOK, "")
	r := f.open("", "", 0)
	assert.NilError(t, r.Remove(t.Context(), "done"))
	assert.NilError(t, r.Remove(t.Context(), "not there"))
	err := r.Remove(t.Context(), "off")
	assert.Assert(t, IsRefused(err) && !IsDenied(err))
	assert.ErrorContains(t, err, "405 Method Not Allowed (UNSUPPORTED: The operation is unsupported.)\nhint: ")
	err = r.Remove(t.Context(), "login")
	assert.Assert(t, IsDenied(err) && !IsRefused(err))
	assert.ErrorContains(t, err, "hint: docker login "+f.host())
	assert.ErrorContains(t, r.Remove(t.Context(), "moved"), "200 OK")
}

// A token that allows reading is none for removing, and one that is too old is replaced.
func TestTokens(t *testing.T) {
	f := newFake(t)
	var scopes []string
	serial := 0
	token := func(w http.ResponseWriter, r *http.Request) {
		assert.NilError(t, r.ParseForm())
		scopes = append(scopes, r.Form["scope"]...)
		serial++
		_ = json.NewEncoder(w).Encode(map[string]string{"token": fmt.Sprint(serial), "access_token": fmt.Sprint(serial)})
	}
	f.answers["POST /token"] = token
	guarded := func(action string, allowed ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if slices.Contains(allowed, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
				w.WriteHeader(http.StatusOK)
				_, _ = fmt.Fprint(w, `{"tags":[]}`)
				return
			}
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="s",scope="repository:a/b:%s"`, f.URL, action))
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	f.answers["GET tags/list?n=1000"] = guarded("pull", "1")
	f.answers["DELETE manifests/x"] = guarded("delete", "2")
	f.answers["DELETE manifests/y"] = guarded("delete", "2", "3")
	r := f.open("me", "secret", 0)
	_, err := r.Tags(t.Context())
	assert.NilError(t, err)
	assert.NilError(t, r.Remove(t.Context(), "x"))
	assert.NilError(t, r.Remove(t.Context(), "y"))
	assert.DeepEqual(t, scopes, []string{"repository:a/b:pull", "repository:a/b:delete"})
}

func TestWrongLogin(t *testing.T) {
	f := newFake(t)
	f.answers["GET tags/list?n=1000"] = func(w http.ResponseWriter, r *http.Request) {
		if user, secret, _ := r.BasicAuth(); user == "me" && secret == "right" {
			says(http.StatusOK, `{"tags":["a"]}`)(w, r)
			return
		}
		says(http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, `WWW-Authenticate: Basic realm="x"`)(w, r)
	}
	tags, err := f.open("me", "right", 0).Tags(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, tags, []string{"a"})
	for _, secret := range []string{"wrong", ""} {
		_, err = f.open("me", secret, 0).Tags(t.Context())
		assert.Assert(t, IsDenied(err), "%v", err)
		assert.ErrorContains(t, err, "401 Unauthorized (UNAUTHORIZED: authentication required)")
		assert.ErrorContains(t, err, "\nhint: docker login "+f.host())
	}
}

func TestAnswersThatAreTooLarge(t *testing.T) {
	f := newFake(t)
	f.answers["GET manifests/a"] = func(w http.ResponseWriter, _ *http.Request) {
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for range maxAnswer>>20 + 1 {
			_, _ = w.Write(chunk)
		}
	}
	_, err := f.open("", "", 0).Manifest(t.Context(), "a")
	assert.ErrorContains(t, err, "more than 16 MB")
}

func TestPush(t *testing.T) {
	f := newFake(t)
	blob := []byte("blob")
	dgst := digest.FromBytes(blob)
	var sent, manifest string
	f.answers["POST blobs/uploads/"] = says(http.StatusAccepted, "", "Location: /v2/a/b/blobs/uploads/7?state=x%3D")
	f.answers["PUT blobs/uploads/7?digest="+url.QueryEscape(dgst.String())+"&state=x%3D"] = func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		sent = string(text)
		w.WriteHeader(http.StatusCreated)
	}
	f.answers["PUT manifests/tag"] = func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		manifest = r.Header.Get("Content-Type") + " " + string(text)
		w.WriteHeader(http.StatusCreated)
	}
	r := f.open("", "", 0)
	assert.NilError(t, r.PutBlob(t.Context(), blob))
	assert.Equal(t, sent, "blob")
	assert.NilError(t, r.PutManifest(t.Context(), "tag", "application/x", []byte("{}")))
	assert.Equal(t, manifest, "application/x {}")

	f.answers["HEAD blobs/"+dgst.String()] = says(http.StatusOK, "")
	f.answers["GET blobs/"+dgst.String()] = says(http.StatusOK, "blob")
	f.questions()
	assert.NilError(t, r.PutBlob(t.Context(), blob))
	assert.DeepEqual(t, f.questions(), []string{"HEAD blobs/" + dgst.String()})
	got, err := r.Blob(t.Context(), dgst)
	assert.NilError(t, err)
	assert.Equal(t, string(got), "blob")
	f.answers["GET blobs/"+dgst.String()] = says(http.StatusOK, "bl")
	_, err = r.Blob(t.Context(), dgst)
	assert.ErrorContains(t, err, "has the digest")
}

// TestPushElsewhere sees that a registry that sends uploads to another host does not make the login known there.
func TestPushElsewhere(t *testing.T) {
	var login string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(other.Close)
	f := newFake(t)
	f.answers["POST blobs/uploads/"] = func(w http.ResponseWriter, r *http.Request) {
		if user, _, _ := r.BasicAuth(); user != "somebody" {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Location", other.URL+"/upload")
		w.WriteHeader(http.StatusAccepted)
	}
	assert.NilError(t, f.open("somebody", "secret", 0).PutBlob(t.Context(), []byte("x")))
	assert.Equal(t, login, "")
}
