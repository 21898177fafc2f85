package depot

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
)

// TestDamage breaks each blob in a folder in several ways: that is an error, nothing is restored, and to save again mends it
// where it can be seen without reading all.
func TestDamage(t *testing.T) {
	k := Key{Platform: "linux/amd64", Mount: "/npm"}
	for what, damage := range map[string]func(path string) error{
		"gone":      os.Remove,
		"truncated": func(path string) error { return os.Truncate(path, 100) },
		"flipped": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[len(b)/2] ^= 4
			return os.WriteFile(path, b, 0o600)
		},
	} {
		for layer := range 3 {
			d := Folder(t.TempDir())
			c := newGoods(t, 1, 20)
			p, _ := mustSave(t, d, k, c.dir, day)
			blob := p.manifest.Layers[layer]
			assert.NilError(t, damage(d.place.(*folder).blobPath(blob.Digest)))
			dir := t.TempDir()
			err := restored(t.Context(), d, p, dir)
			assert.ErrorIs(t, err, parcel.ErrDamaged, "%s %s", blob.MediaType, what)
			assert.ErrorContains(t, err, p.Name)
			left, err := os.ReadDir(dir)
			assert.NilError(t, err)
			assert.Equal(t, len(left), 0)
			if what == "flipped" && blob.MediaType == packType {
				continue
			}
			p, moved := mustSave(t, d, k, c.dir, day.Add(time.Hour))
			assert.Assert(t, p != nil && moved > 0, "%s %s", blob.MediaType, what)
			mustRestore(t, d, p, c.dir)
		}
	}
}

func TestForeign(t *testing.T) {
	d := Folder(t.TempDir())
	k := Key{Platform: "linux/amd64", Mount: "/npm"}
	text := []byte(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json"},"layers":[]}`)
	assert.NilError(t, d.tag(t.Context(), k.Name(), describe("application/vnd.oci.image.manifest.v1+json", text), text))
	_, err := d.Find(t.Context(), k)
	assert.ErrorContains(t, err, "is no stored cache mount")
	assert.NilError(t, d.Answers(t.Context(), k)) // others may be there
	all, err := d.List(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(all), 0)

	assert.NilError(t, os.WriteFile(filepath.Join(d.Name, "index.json"), []byte("{"), 0o600))
	_, err = d.List(t.Context())
	assert.ErrorIs(t, err, parcel.ErrDamaged)
	assert.ErrorContains(t, Folder(filepath.Join(d.Name, "index.json", "x")).Answers(t.Context(), k), "not a directory")
}

// TestLeftovers removes what a save that was killed left, but not while another is at work.
func TestLeftovers(t *testing.T) {
	none := Folder(filepath.Join(t.TempDir(), "none"))
	assert.NilError(t, none.Sweep())
	_, err := os.Stat(none.Name)
	assert.ErrorIs(t, err, os.ErrNotExist)
	d := Folder(t.TempDir())
	c := newGoods(t, 1, 5)
	p, _ := mustSave(t, d, Key{Mount: "/npm"}, c.dir, day)
	f, err := d.draft()
	assert.NilError(t, err)
	_, err = f.Write([]byte("half"))
	assert.NilError(t, err)
	release, err := d.Hold(t.Context())
	assert.NilError(t, err)
	assert.NilError(t, d.Remove(t.Context(), p))
	ingest := filepath.Join(d.Name, ingestDir)
	list, err := os.ReadDir(ingest)
	assert.NilError(t, err)
	assert.Equal(t, len(list), 1)
	mustRestore(t, d, p, c.dir) // who holds it can read it to the end
	release()
	assert.NilError(t, d.sweep())
	for _, dir := range []string{ingest, filepath.Join(d.Name, "blobs/sha256")} {
		list, err := os.ReadDir(dir)
		assert.NilError(t, err)
		assert.Equal(t, len(list), 0)
	}
}

// TestRegistryFaults has a registry fail in every way: that is said, and nothing is named.
func TestRegistryFaults(t *testing.T) {
	fail := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	on := func(method, part string, f func(http.ResponseWriter, *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method == method && strings.Contains(r.URL.Path, part) && f(w, r)
		}
	}
	silent := func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // only then it is told that nobody waits any more
		<-r.Context().Done()
		return true
	}
	c := newGoods(t, 1, 20)
	k := Key{Platform: "linux/amd64", Mount: "/npm"}
	for name, test := range map[string]struct {
		before func(http.ResponseWriter, *http.Request) bool
		want   string
	}{
		"no login":           {fail(http.StatusUnauthorized, ""), "docker login 127.0.0.1"},
		"may not write":      {on(http.MethodPost, "/blobs/", fail(http.StatusForbidden, `{"errors":[{"code":"DENIED"}]}`)), "docker login"},
		"broken":             {fail(http.StatusInternalServerError, ""), "500"},
		"no space":           {on(http.MethodPut, "/uploads/", fail(http.StatusInsufficientStorage, "")), "507"},
		"refuses a manifest": {on(http.MethodPut, "/manifests/", fail(http.StatusBadRequest, `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}`)), "MANIFEST_BLOB_UNKNOWN"},
		"silent":             {on(http.MethodHead, "", silent), "no answer"},
		"silent at the end":  {on(http.MethodPut, "/uploads/", silent), "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeRegistry(t)
			d := f.depot(t)
			usual := d.place.(*remote).Stall
			if test.want == "no answer" {
				d.place.(*remote).Stall = 200 * time.Millisecond
			}
			f.fail(test.before)
			_, _, err := save(t.Context(), d, k, c.dir, day)
			d.place.(*remote).Stall = usual
			assert.ErrorContains(t, err, test.want)
			assert.Equal(t, len(f.tags), 0)
			f.fail(nil)
			mustSave(t, d, k, c.dir, day)
		})
	}
}

// TestRegistryHiccup has a registry fail once in a while.
func TestRegistryHiccup(t *testing.T) {
	f := newFakeRegistry(t)
	d := f.depot(t)
	var n atomic.Int32
	f.fail(func(w http.ResponseWriter, _ *http.Request) bool {
		if n.Add(1)%9 != 0 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	c := newGoods(t, 1, 20)
	p, _ := mustSave(t, d, Key{Mount: "/npm"}, c.dir, day)
	mustRestore(t, d, p, c.dir)
	assert.Assert(t, n.Load() > 9)
}

// TestRegistryTruncates has a registry send less than it should, or nothing more.
func TestRegistryTruncates(t *testing.T) {
	f := newFakeRegistry(t)
	d := f.depot(t)
	c := newGoods(t, 1, 20)
	p, _ := mustSave(t, d, Key{Mount: "/npm"}, c.dir, day)
	pack := p.manifest.Layers[2].Digest.String()
	whole := slices.Clone(f.blobs[pack])
	for name, stop := range map[string]func(w http.ResponseWriter, r *http.Request){
		"closes": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"silent": func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f.fail(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, pack) {
					return false
				}
				w.Header().Set("Content-Length", "999999999")
				_, _ = w.Write(whole[:len(whole)/2])
				stop(w, r)
				return true
			})
			dir, usual := t.TempDir(), d.place.(*remote).Stall
			d.place.(*remote).Stall = 300 * time.Millisecond
			err := restored(t.Context(), d, p, dir)
			d.place.(*remote).Stall = usual
			assert.Assert(t, err != nil)
			left, err := os.ReadDir(dir)
			assert.NilError(t, err)
			assert.Assert(t, is.Len(left, 0))
		})
	}
	f.fail(nil)
	f.blobs[pack] = whole[:len(whole)/2]
	assert.ErrorIs(t, restored(t.Context(), d, p, t.TempDir()), parcel.ErrDamaged)
}
