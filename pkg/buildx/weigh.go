package buildx

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/pkg/archive/compression"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Weight is what an image weighs.
type Weight struct {
	Digest string
	// Platform is "os/architecture", with the variant if there is one.
	Platform string
	// Bytes is what a pull brings: layers, configuration and manifest.
	Bytes  int64
	Layers []Layer
}

// Layer is a layer of an image.
type Layer struct {
	DiffID string
	// Bytes is its size as it is pulled, Unpacked that of the files in it, as a tar.
	Bytes, Unpacked int64
}

// Unpacker measures layers, each of them once.
type Unpacker struct{ known map[digest.Digest]int64 }

// Weigh reads an image of an OCI layout.
func (u *Unpacker) Weigh(dir, dgst string) (*Weight, error) {
	blob := func(d digest.Digest) string { return filepath.Join(dir, "blobs", d.Algorithm().String(), d.Encoded()) }
	text, err := os.ReadFile(blob(digest.Digest(dgst)))
	if err != nil {
		return nil, err
	}
	var m ocispecs.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", dgst, err)
	}
	w := &Weight{Digest: dgst, Bytes: int64(len(text)) + m.Config.Size}
	config, err := os.ReadFile(blob(m.Config.Digest))
	if err != nil {
		return nil, err
	}
	var image ocispecs.Image
	if err := json.Unmarshal(config, &image); err != nil {
		return nil, fmt.Errorf("configuration of %s: %w", dgst, err)
	}
	if len(image.RootFS.DiffIDs) != len(m.Layers) {
		return nil, fmt.Errorf("%s: %d layers, but the configuration has %d", dgst, len(m.Layers), len(image.RootFS.DiffIDs))
	}
	w.Platform = image.OS + "/" + image.Architecture
	if image.Variant != "" {
		w.Platform += "/" + image.Variant
	}
	for i, l := range m.Layers {
		unpacked, err := u.unpack(blob(l.Digest), l.Digest)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.Digest, err)
		}
		w.Bytes += l.Size
		w.Layers = append(w.Layers, Layer{DiffID: image.RootFS.DiffIDs[i].String(), Bytes: l.Size, Unpacked: unpacked})
	}
	return w, nil
}

func (u *Unpacker) unpack(path string, dgst digest.Digest) (int64, error) {
	if size, known := u.known[dgst]; known {
		return size, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	stream, err := compression.DecompressStream(f)
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	size, err := io.Copy(io.Discard, stream)
	if err != nil {
		return 0, err
	}
	if u.known == nil {
		u.known = map[digest.Digest]int64{}
	}
	u.known[dgst] = size
	return size, nil
}
