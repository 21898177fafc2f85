package buildx

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// memory is a folder with the manifests of images that went into engines with the containerd image store: such an
// engine tells the digest of an image's manifest, but not which blobs the manifest names. A file is believed only if
// its content has the digest of its name.
type memory string

// remembered is how long a manifest is kept that nothing asks for.
const remembered = 30 * 24 * time.Hour

func (m memory) path(dgst digest.Digest) string {
	return filepath.Join(string(m), dgst.Algorithm().String()+"-"+dgst.Encoded())
}

// keep remembers an image. What can't be written is not remembered.
func (m memory) keep(e *exported) {
	if m == "" || os.MkdirAll(string(m), 0o755) != nil {
		return
	}
	tmp, err := os.CreateTemp(string(m), ".new-")
	if err != nil {
		return
	}
	_, err = tmp.Write(e.blobs[e.manifest.Digest])
	if closeErr := tmp.Close(); err != nil || closeErr != nil || os.Rename(tmp.Name(), m.path(e.manifest.Digest)) != nil {
		_ = os.Remove(tmp.Name())
	}
	m.sweep()
}

// layers returns the digests of the layers of an image; none when it is not known.
func (m memory) layers(dgst digest.Digest) []digest.Digest {
	if m == "" || dgst.Validate() != nil {
		return nil
	}
	text, err := os.ReadFile(m.path(dgst))
	if err != nil || dgst.Algorithm().FromBytes(text) != dgst {
		return nil
	}
	var manifest ocispecs.Manifest
	if json.Unmarshal(text, &manifest) != nil {
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(m.path(dgst), now, now)
	var out []digest.Digest
	for _, layer := range manifest.Layers {
		out = append(out, layer.Digest)
	}
	return slices.Clip(out)
}

// sweep forgets what was not asked for in a long time.
func (m memory) sweep() {
	files, _ := os.ReadDir(string(m))
	for _, f := range files {
		if info, err := f.Info(); err == nil && time.Since(info.ModTime()) > remembered {
			_ = os.Remove(filepath.Join(string(m), f.Name()))
		}
	}
}
