package buildx

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/docker/buildx/util/progress"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/contentutil"
	"github.com/moby/moby/api/types/image"
	engine "github.com/moby/moby/client"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

// shelf is an engine. It keeps images by ID, and refuses an archive that lacks what it has not.
type shelf struct {
	byManifest bool
	names      map[string]string // tag → ID
	images     map[string]*exported
	layers     map[digest.Digest]bool // chain IDs, or blobs
	// sent are the digests of all layers that archives brought.
	sent   []digest.Digest
	loads  int
	broken error
	tagErr error
	// partial is an engine that takes whatever it gets.
	partial bool
}

func newShelf(byManifest bool) *shelf {
	return &shelf{byManifest: byManifest, names: map[string]string{}, images: map[string]*exported{}, layers: map[digest.Digest]bool{}}
}

func (s *shelf) id(e *exported) string { return (&loader{byManifest: s.byManifest}).id(e) }

func (s *shelf) whole(e *exported) bool {
	for i, l := range e.layers {
		if s.byManifest && !s.layers[l.Digest] || !s.byManifest && !s.layers[identity.ChainID(e.diffIDs[:i+1])] {
			return false
		}
	}
	return true
}

func (s *shelf) ImageInspect(_ context.Context, name string, _ ...engine.ImageInspectOption) (engine.ImageInspectResult, error) {
	if s.broken != nil {
		return engine.ImageInspectResult{}, s.broken
	}
	id := name
	if named, ok := s.names[name]; ok {
		id = named
	}
	e, ok := s.images[id]
	if !ok {
		return engine.ImageInspectResult{}, errdefs.ErrNotFound
	}
	r := image.InspectResponse{ID: id, Size: 7}
	for _, d := range e.diffIDs {
		r.RootFS.Layers = append(r.RootFS.Layers, d.String())
	}
	if s.byManifest {
		r.Manifests = []image.ManifestSummary{{ID: id, Descriptor: e.manifest, Available: s.whole(e)}}
	}
	return engine.ImageInspectResult{InspectResponse: r}, nil
}

func (s *shelf) ImageList(context.Context, engine.ImageListOptions) (engine.ImageListResult, error) {
	var r engine.ImageListResult
	for id := range s.images {
		r.Items = append(r.Items, image.Summary{ID: id})
	}
	return r, s.broken
}

func (s *shelf) ImageTag(_ context.Context, o engine.ImageTagOptions) (engine.ImageTagResult, error) {
	if s.tagErr == nil {
		s.names[o.Target] = o.Source
	}
	return engine.ImageTagResult{}, s.tagErr
}

func (s *shelf) ImageLoad(_ context.Context, archive io.Reader, _ ...engine.ImageLoadOption) (engine.ImageLoadResult, error) {
	s.loads++
	files := map[string][]byte{}
	t := tar.NewReader(archive)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if files[h.Name], err = io.ReadAll(t); err != nil {
			return nil, err
		}
	}
	_, _ = io.Copy(io.Discard, archive)
	var list []struct {
		Config           string
		RepoTags, Layers []string
	}
	var index ocispecs.Index
	var err error
	if s.byManifest {
		err = json.Unmarshal(files["index.json"], &index)
		for _, m := range index.Manifests {
			if err == nil {
				err = s.unpack(files, files[blobPath(m.Digest)], strings.TrimPrefix(m.Annotations["io.containerd.image.name"], "docker.io/library/"))
			}
		}
	} else {
		err = json.Unmarshal(files["manifest.json"], &list)
		for _, i := range list {
			m := ocispecs.Manifest{Config: ocispecs.Descriptor{Digest: digest.FromBytes(files[i.Config])}}
			for _, l := range i.Layers {
				m.Layers = append(m.Layers, ocispecs.Descriptor{Digest: digest.Digest("sha256:" + l[strings.LastIndex(l, "/")+1:])})
			}
			text, _ := json.Marshal(m)
			for _, tag := range i.RepoTags {
				if err == nil {
					err = s.unpack(files, text, tag)
				}
			}
		}
	}
	answer := `{"stream":"Loaded image"}`
	if err != nil {
		answer = `{"errorDetail":{"message":"x"},"error":` + string(must(json.Marshal(err.Error()))) + `}`
	}
	return io.NopCloser(strings.NewReader(answer)), nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (s *shelf) unpack(files map[string][]byte, manifest []byte, tag string) error {
	var m ocispecs.Manifest
	var c ocispecs.Image
	if err := errors.Join(json.Unmarshal(manifest, &m), json.Unmarshal(files[blobPath(m.Config.Digest)], &c)); err != nil {
		return err
	}
	e := &exported{config: m.Config, layers: m.Layers, diffIDs: c.RootFS.DiffIDs}
	e.manifest.Digest = digest.FromBytes(manifest)
	for i, l := range m.Layers {
		key := l.Digest
		if !s.byManifest {
			key = identity.ChainID(e.diffIDs[:i+1])
		}
		text, given := files[blobPath(l.Digest)]
		switch {
		case given:
			s.layers[key] = true
			s.sent = append(s.sent, digest.FromBytes(text))
		case !s.layers[key] && !s.partial:
			return errors.New("layer is missing: " + l.Digest.String())
		}
	}
	s.images[s.id(e)] = e
	s.names[strings.TrimSuffix(tag, ":latest")] = s.id(e)
	return nil
}

// anImage is an image of these layers; blobs gets them.
func anImage(blobs content.Store, layers ...string) *exported {
	e := &exported{blobs: map[digest.Digest][]byte{}}
	m := ocispecs.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageManifest}
	var c ocispecs.Image
	for _, text := range layers {
		packed := "packed " + text
		d := ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageLayerGzip, Digest: digest.FromString(packed), Size: int64(len(packed))}
		_ = content.WriteBlob(context.Background(), blobs, d.Digest.String(), strings.NewReader(packed), d)
		m.Layers = append(m.Layers, d)
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, digest.FromString(text))
	}
	config := must(json.Marshal(c))
	m.Config = ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))}
	manifest := must(json.Marshal(m))
	e.manifest = ocispecs.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(manifest), Size: int64(len(manifest))}
	e.config, e.layers, e.diffIDs = m.Config, m.Layers, c.RootFS.DiffIDs
	e.blobs[e.manifest.Digest], e.blobs[e.config.Digest] = manifest, config
	return e
}

// quiet is a progress display that shows nothing.
type quiet struct{ progress.Writer }

func (quiet) Write(*client.SolveStatus)                 {}
func (quiet) WriteBuildRef(string, string)              {}
func (quiet) ValidateLogSource(digest.Digest, any) bool { return true }
func (quiet) ClearLogSource(any)                        {}
func bring(t *testing.T, s *shelf, blobs content.Provider, m memory, e *exported, tags ...string) *delivery {
	t.Helper()
	d := &delivery{exported: e, tags: tags}
	l := &loader{api: s, byManifest: s.byManifest, memory: m, progress: quiet{}}
	assert.NilError(t, l.load(t.Context(), []*delivery{d}, blobs))
	for _, tag := range tags {
		assert.Equal(t, s.names[tag], s.id(e), tag)
	}
	assert.Assert(t, s.whole(e))
	return d
}

// both runs a test for a graph driver and for the containerd image store.
func both(t *testing.T, f func(t *testing.T, byManifest bool)) {
	for name, byManifest := range map[string]bool{"graph driver": false, "containerd": true} {
		t.Run(name, func(t *testing.T) { f(t, byManifest) })
	}
}

func TestLoadSendsWhatIsMissing(t *testing.T) {
	both(t, func(t *testing.T, byManifest bool) {
		s, blobs, m := newShelf(byManifest), contentutil.NewBuffer(), memory(t.TempDir())
		prod, dev := anImage(blobs, "base", "prod"), anImage(blobs, "base", "dev")
		assert.Assert(t, bring(t, s, blobs, m, prod, "web", "web:prod").sent)
		assert.Equal(t, len(s.sent), 4) // two layers under each of two tags
		s.sent = nil

		assert.Assert(t, !bring(t, s, blobs, m, prod, "web", "web:prod").sent)
		assert.Equal(t, len(s.sent), 0)

		assert.Assert(t, bring(t, s, blobs, m, dev, "web", "web:dev").sent)
		for _, sent := range s.sent {
			assert.Equal(t, sent, dev.layers[1].Digest)
		}
		s.sent = nil
		assert.Assert(t, !bring(t, s, blobs, m, prod, "web", "web:prod").sent) // only the name moves
		assert.Assert(t, !bring(t, s, blobs, m, dev, "web", "web:dev").sent)
		assert.Equal(t, len(s.sent), 0)

		s.names["web"], s.names["web:dev"] = s.id(prod), s.id(prod) // taken by somebody
		assert.Assert(t, !bring(t, s, blobs, m, dev, "web", "web:dev").sent)
	})
}

// A layer is known by those below it: in another place it is another one.
func TestLoadKnowsLayersByTheirPlace(t *testing.T) {
	s, blobs := newShelf(false), contentutil.NewBuffer()
	bring(t, s, blobs, "", anImage(blobs, "a", "b"), "web")
	s.sent = nil
	swapped := anImage(blobs, "b", "a")
	bring(t, s, blobs, "", swapped, "web")
	assert.Equal(t, len(s.sent), 2)
}

// What the loader takes for there can be gone when it is needed: all is sent then.
func TestLoadFallsBackToAllLayers(t *testing.T) {
	both(t, func(t *testing.T, byManifest bool) {
		for _, partial := range []bool{false, true} {
			if partial && !byManifest {
				continue // a graph driver refuses what it can't unpack
			}
			s, blobs, m := newShelf(byManifest), contentutil.NewBuffer(), memory(t.TempDir())
			bring(t, s, blobs, m, anImage(blobs, "base", "old"), "web")
			s.sent, s.loads, s.partial = nil, 0, partial
			l := &loader{api: &forgetful{s}, byManifest: byManifest, memory: m, progress: quiet{}}
			e := anImage(blobs, "base", "new")
			assert.NilError(t, l.load(t.Context(), []*delivery{{exported: e, tags: []string{"web"}}}, blobs))
			assert.Equal(t, s.loads, 2)
			assert.Assert(t, s.whole(e))
		}
	})
}

// forgetful loses all layers as soon as something is sent.
type forgetful struct{ *shelf }

func (f *forgetful) ImageLoad(ctx context.Context, archive io.Reader, o ...engine.ImageLoadOption) (engine.ImageLoadResult, error) {
	if f.loads == 0 {
		f.layers = map[digest.Digest]bool{}
	}
	return f.shelf.ImageLoad(ctx, archive, o...)
}

func TestLoadErrors(t *testing.T) {
	both(t, func(t *testing.T, byManifest bool) {
		blobs := contentutil.NewBuffer()
		e := anImage(blobs, "base")
		load := func(s *shelf, layers content.Provider) error {
			l := &loader{api: s, byManifest: byManifest, progress: quiet{}}
			return l.load(t.Context(), []*delivery{{exported: e, tags: []string{"web"}}}, layers)
		}
		s := newShelf(byManifest)
		s.broken = errors.New("the daemon is restarting")
		assert.ErrorContains(t, load(s, blobs), "the daemon is restarting")
		assert.ErrorIs(t, load(newShelf(byManifest), contentutil.NewBuffer()), errNoLayers)

		s = newShelf(byManifest) // a name that can't be given is sent
		bring(t, s, blobs, "", e, "other")
		s.tagErr = errors.New("no")
		assert.NilError(t, load(s, blobs))
		assert.Equal(t, s.names["web"], s.id(e))
	})
}

// An image that the containerd image store has only in parts is sent, whatever its name says.
func TestLoadMendsParts(t *testing.T) {
	s, blobs, m := newShelf(true), contentutil.NewBuffer(), memory(t.TempDir())
	e := anImage(blobs, "base", "top")
	bring(t, s, blobs, m, e, "web")
	delete(s.layers, e.layers[0].Digest)
	assert.Assert(t, bring(t, s, blobs, m, e, "web").sent)
}

func TestMemoryBelievesOnlyWhatHasTheDigest(t *testing.T) {
	m := memory(t.TempDir())
	e := anImage(contentutil.NewBuffer(), "a", "b")
	assert.Equal(t, len(m.layers(e.manifest.Digest)), 0)
	m.keep(e)
	assert.Equal(t, len(m.layers(e.manifest.Digest)), 2)
	other := anImage(contentutil.NewBuffer(), "c")
	e.blobs[e.manifest.Digest] = other.blobs[other.manifest.Digest]
	m.keep(e)
	assert.Equal(t, len(m.layers(e.manifest.Digest)), 0)
	assert.Equal(t, len(m.layers("../../etc/passwd")), 0)
}

func TestExportStoreDeclinesLayers(t *testing.T) {
	s := newExportStore(nil)
	text := []byte("{}")
	d := ocispecs.Descriptor{Digest: digest.FromBytes(text), Size: 2}
	_, err := s.Writer(t.Context(), content.WithRef("layer-"+d.Digest.String()), content.WithDescriptor(d))
	assert.Assert(t, errdefs.IsAlreadyExists(err))
	_, err = s.Writer(t.Context(), content.WithRef("unknown"), content.WithDescriptor(ocispecs.Descriptor{Digest: d.Digest, Size: maxManifest + 1}))
	assert.Assert(t, errdefs.IsAlreadyExists(err))
	assert.NilError(t, content.WriteBlob(t.Context(), s, "config-"+d.Digest.String(), bytes.NewReader(text), d))
	kept, err := content.ReadBlob(t.Context(), s, d)
	assert.NilError(t, err)
	assert.DeepEqual(t, kept, text)
}
