package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Media types that no specification package has.
const (
	cacheConfig    = "application/vnd.buildkit.cacheconfig.v0"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// manifestTypes are those of what a tag can name.
var manifestTypes = []string{ocispecs.MediaTypeImageManifest, ocispecs.MediaTypeImageIndex, dockerManifest, dockerList}

// signedType begins that of manifests whose digest is not that of their text.
const signedType = "application/vnd.docker.distribution.manifest.v1+"

// createdAt is the annotation with which BuildKit notes when a layer was made.
const createdAt = "buildkit/createdat"

// Manifest is what a tag names, or an index lists.
type Manifest struct {
	Digest string
	// Cache says that BuildKit wrote it to be imported as a build cache, and that it is no image.
	Cache bool
	// Created is when the newest layer was made, or the manifest was written, as far as that is told; zero is not known.
	Created time.Time
	// Manifests are the digests of those it lists or is about.
	Manifests []string
	// Blobs are sizes by digest, with its own and without those of Manifests.
	Blobs map[string]int64
}

// Manifest reads what a tag or digest names.
func (r *Repository) Manifest(ctx context.Context, ref string) (*Manifest, error) {
	text, err := r.Text(ctx, ref)
	if err != nil {
		return nil, err
	}
	m, err := parse(text.Digest, text.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.join(ref), err)
	}
	if text.modified.After(m.Created) {
		m.Created = text.modified
	}
	return m, nil
}

// Text is a manifest as it is written.
type Text struct {
	Digest, MediaType string
	Bytes             []byte
	modified          time.Time
}

// Text reads what a tag or digest names, and sees that it has its digest.
func (r *Repository) Text(ctx context.Context, ref string) (*Text, error) {
	a, err := r.ask(ctx, question{method: http.MethodGet, host: r.read, path: "manifests/" + ref, accept: append(slices.Clone(manifestTypes), "*/*"), scope: pulls})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.join(ref), err)
	}
	out := &Text{MediaType: a.header.Get("Content-Type"), Bytes: a.body}
	said := a.header.Get("Docker-Content-Digest")
	if strings.Contains(ref, ":") {
		said = ref
	}
	algorithm := digest.Canonical
	if d, err := digest.Parse(said); err == nil {
		algorithm = d.Algorithm()
	}
	out.Digest = algorithm.FromBytes(a.body).String()
	if said != "" && strings.HasPrefix(out.MediaType, signedType) {
		out.Digest = said
	}
	if said != "" && said != out.Digest {
		return nil, fmt.Errorf("%s: has the digest %s, and should have %s", r.join(ref), out.Digest, said)
	}
	if t, err := http.ParseTime(a.header.Get("Last-Modified")); err == nil {
		out.modified = t
	}
	return out, nil
}

// PutManifest writes a manifest under a tag, or under its digest.
func (r *Repository) PutManifest(ctx context.Context, ref, mediaType string, text []byte) error {
	put := question{method: http.MethodPut, host: r.write, path: "manifests/" + ref, scope: pushes}
	_, err := r.ask(ctx, put.with(text, mediaType))
	return err
}

// join is the full reference of a tag or digest.
func (r *Repository) join(ref string) string {
	if strings.Contains(ref, ":") {
		return r.name + "@" + ref
	}
	return r.name + ":" + ref
}

// parse reads a manifest of any kind.
func parse(self string, text []byte) (*Manifest, error) {
	var m struct {
		Config    *ocispecs.Descriptor
		Subject   *ocispecs.Descriptor
		Manifests []ocispecs.Descriptor
		Layers    []ocispecs.Descriptor
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, err
	}
	out := &Manifest{Digest: self, Blobs: map[string]int64{self: int64(len(text))}}
	if m.Config != nil {
		m.Layers = append(m.Layers, *m.Config)
	}
	if m.Subject != nil {
		m.Manifests = append(m.Manifests, *m.Subject)
	}
	for _, d := range slices.Concat(m.Manifests, m.Layers) {
		if slices.Contains(manifestTypes, d.MediaType) {
			out.Manifests = append(out.Manifests, d.Digest.String())
		} else { // an index that is a cache lists blobs
			out.Blobs[d.Digest.String()] = d.Size
		}
		out.Cache = out.Cache || d.MediaType == cacheConfig
		if t, err := time.Parse(time.RFC3339Nano, d.Annotations[createdAt]); err == nil && t.After(out.Created) {
			out.Created = t
		}
	}
	return out, nil
}
