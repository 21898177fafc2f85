package buildx

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/util/contentutil"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// exportStore is the content store into which BuildKit exports images. It keeps what describes them, and declines their
// layers as if it had them: the loader fetches those that the engine lacks when it knows which.
type exportStore struct {
	content.Store
	// layers takes the layers, too, when it is not nil.
	layers content.Store
}

func newExportStore(layers content.Store) *exportStore {
	return &exportStore{contentutil.NewBuffer(), layers}
}

// Writer answers "already exists" for a layer. BuildKit's client sees no media type here, but its server begins the
// reference of every blob with a word for it.
func (s *exportStore) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	var o content.WriterOpts
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	switch {
	case !strings.HasPrefix(o.Ref, "layer-") && o.Desc.Size <= maxManifest:
		return s.Store.Writer(ctx, opts...)
	case s.layers != nil:
		return s.layers.Writer(ctx, opts...)
	}
	return nil, fmt.Errorf("%s: %w", o.Desc.Digest, errdefs.ErrAlreadyExists)
}

// exported is an image without its layers.
type exported struct {
	manifest ocispecs.Descriptor
	config   ocispecs.Descriptor
	layers   []ocispecs.Descriptor
	// diffIDs are the digests of the layers as they are unpacked, in the same order.
	diffIDs []digest.Digest
	// blobs are the texts of manifest and config.
	blobs map[digest.Digest][]byte
}

// image reads an image by the digest of its manifest.
func (s *exportStore) image(ctx context.Context, dgst digest.Digest) (*exported, error) {
	e := &exported{blobs: map[digest.Digest][]byte{}}
	var m ocispecs.Manifest
	text, err := s.read(ctx, e, dgst, &m)
	if err != nil {
		return nil, err
	}
	e.manifest = ocispecs.Descriptor{MediaType: m.MediaType, Digest: dgst, Size: int64(len(text))}
	e.config, e.layers = m.Config, m.Layers
	var c ocispecs.Image
	if _, err := s.read(ctx, e, m.Config.Digest, &c); err != nil {
		return nil, err
	}
	e.manifest.Platform = &ocispecs.Platform{
		OS: c.OS, Architecture: c.Architecture, Variant: c.Variant, OSVersion: c.OSVersion, OSFeatures: c.OSFeatures,
	}
	e.diffIDs = c.RootFS.DiffIDs
	if len(e.diffIDs) != len(e.layers) {
		return nil, fmt.Errorf("image %s: %d layers, and %d in its configuration", dgst, len(e.layers), len(e.diffIDs))
	}
	return e, nil
}

func (s *exportStore) read(ctx context.Context, e *exported, dgst digest.Digest, v any) ([]byte, error) {
	text, err := content.ReadBlob(ctx, s, ocispecs.Descriptor{Digest: dgst})
	if err != nil {
		return nil, fmt.Errorf("exported image: %w", err)
	}
	e.blobs[dgst] = text
	return text, json.Unmarshal(text, v)
}

// describe adds what an exporter answers for the image.
func (e *exported) describe(response map[string]string, tags []string) error {
	text, err := json.Marshal(e.manifest)
	if err != nil {
		return err
	}
	var names []string
	for _, tag := range tags {
		name, err := fullName(tag)
		if err != nil {
			return err
		}
		names = append(names, name.String())
	}
	response[exptypes.ExporterImageDigestKey] = e.manifest.Digest.String()
	response[exptypes.ExporterImageConfigDigestKey] = e.config.Digest.String()
	response[exptypes.ExporterImageDescriptorKey] = base64.StdEncoding.EncodeToString(text)
	response[exptypes.ExporterImageNameKey] = strings.Join(names, ",")
	return nil
}

// index reads the manifests of an image index, in their order.
func (s *exportStore) index(ctx context.Context, dgst digest.Digest) ([]ocispecs.Descriptor, error) {
	text, err := content.ReadBlob(ctx, s, ocispecs.Descriptor{Digest: dgst})
	if err != nil {
		return nil, fmt.Errorf("exported images: %w", err)
	}
	var index ocispecs.Index
	return index.Manifests, json.Unmarshal(text, &index)
}
