package buildx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// mergeLayout moves the images of the OCI layout part into the one at dir, replacing those of the same name, and
// removes blobs that no image there needs any more. A reader sees the old index or the new one, each with all of
// its blobs: they come before the index and go after it.
func mergeLayout(part, dir string) error {
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(dir, ".lock"))
	if err := lock.Lock(); err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()

	added, err := readIndex(part)
	if err != nil {
		return err
	}
	index, err := readIndex(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(part, "blobs", "sha256"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(part, "blobs", "sha256", e.Name()), filepath.Join(blobs, e.Name())); err != nil {
			return err
		}
	}
	index.Manifests = slices.DeleteFunc(index.Manifests, func(old ocispecs.Descriptor) bool {
		return slices.ContainsFunc(added.Manifests, func(m ocispecs.Descriptor) bool {
			return m.Annotations[ocispecs.AnnotationRefName] == old.Annotations[ocispecs.AnnotationRefName]
		})
	})
	added.Manifests = append(added.Manifests, index.Manifests...)
	if err := writeJSON(filepath.Join(dir, "index.json"), added); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, ocispecs.ImageLayoutFile), ocispecs.ImageLayout{Version: ocispecs.ImageLayoutVersion}); err != nil {
		return err
	}
	return sweep(dir, added)
}

func readIndex(dir string) (ocispecs.Index, error) {
	var index ocispecs.Index
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return index, err
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return index, fmt.Errorf("%s: %w", filepath.Join(dir, "index.json"), err)
	}
	return index, nil
}

// writeJSON replaces a file as a whole.
func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, text, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// sweep removes the blobs that index does not lead to.
func sweep(dir string, index ocispecs.Index) error {
	needed := map[string]bool{}
	for _, m := range index.Manifests {
		reach(dir, m, needed)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !needed[e.Name()] {
			if err := os.Remove(filepath.Join(dir, "blobs", "sha256", e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// reach marks what a descriptor leads to.
func reach(dir string, d ocispecs.Descriptor, needed map[string]bool) {
	if needed[d.Digest.Encoded()] {
		return
	}
	needed[d.Digest.Encoded()] = true
	m, err := readManifest(dir, d.Digest)
	if err != nil {
		return // a layer
	}
	if m.Config != nil {
		needed[m.Config.Digest.Encoded()] = true
	}
	for _, l := range m.Layers {
		needed[l.Digest.Encoded()] = true
	}
	for _, sub := range m.Manifests {
		reach(dir, sub, needed)
	}
}

// manifest is an image manifest or an index.
type manifest struct {
	Config    *ocispecs.Descriptor  `json:"config"`
	Layers    []ocispecs.Descriptor `json:"layers"`
	Manifests []ocispecs.Descriptor `json:"manifests"`
}

// maxManifest bounds what is read as a manifest, in bytes; registries take 4 MiB at most.
const maxManifest = 4 << 20

func readManifest(dir string, dgst digest.Digest) (manifest, error) {
	var m manifest
	path := filepath.Join(dir, "blobs", "sha256", dgst.Encoded())
	if info, err := os.Stat(path); err != nil || info.Size() > maxManifest {
		return m, errors.Join(err, errors.ErrUnsupported)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(text, &m)
}

// layoutSize returns the bytes of an image in a layout: what a pull of it would bring, layers that its platforms
// share counted once.
func layoutSize(dir string, dgst digest.Digest) int64 {
	needed := map[string]bool{}
	reach(dir, ocispecs.Descriptor{Digest: dgst}, needed)
	var size int64
	for name := range needed {
		if info, err := os.Stat(filepath.Join(dir, "blobs", "sha256", name)); err == nil {
			size += info.Size()
		}
	}
	return size
}
