package buildx

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/containerd/containerd/v2/core/content"
	containerd "github.com/containerd/containerd/v2/core/images"
	"github.com/distribution/reference"
	"github.com/docker/buildx/util/progress"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// send loads images from one archive, with those of their layers that missing names. An engine accepts an archive that
// lacks layers which it has.
func (l *loader) send(ctx context.Context, all []*delivery, missing func(*delivery) parts, layers content.Provider) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pr, pw := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := l.write(ctx, pw, all, missing, layers)
		_ = pw.CloseWithError(err)
		written <- err
	}()
	err := progress.Wrap("importing to docker", l.progress.Write, func(sub progress.SubLogger) error {
		response, err := l.api.ImageLoad(ctx, pr)
		if err != nil {
			return err
		}
		defer response.Close()
		return loaded(response, sub)
	})
	_ = pr.CloseWithError(io.ErrClosedPipe)
	if writeErr := <-written; writeErr != nil && !errors.Is(writeErr, io.ErrClosedPipe) {
		return writeErr // the engine's error is a consequence
	}
	return err
}

// loaded reads an engine's answer to its end.
func loaded(response io.Reader, sub progress.SubLogger) error {
	for d := json.NewDecoder(response); ; {
		var line struct {
			Stream string `json:"stream"`
			Error  string `json:"error"`
		}
		switch err := d.Decode(&line); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case line.Error != "":
			return errors.New(line.Error)
		case line.Stream != "":
			sub.Log(1, []byte(line.Stream))
		}
	}
}

// write writes an archive: of OCI for engines with the containerd image store, and of docker save for others.
func (l *loader) write(ctx context.Context, w io.Writer, all []*delivery, missing func(*delivery) parts, layers content.Provider) error {
	t := tar.NewWriter(w)
	head, err := saveIndex(all)
	if l.byManifest {
		head, err = ociIndex(all)
	}
	if err != nil {
		return err
	}
	texts, wanted := map[string][]byte{}, map[digest.Digest]ocispecs.Descriptor{}
	for _, d := range all {
		for dgst, text := range d.blobs {
			texts[blobPath(dgst)] = text
		}
		for _, layer := range missing(d) {
			wanted[layer.Digest] = layer
		}
	}
	maps.Copy(texts, head)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if err := writeFile(t, name, int64(len(texts[name])), bytes.NewReader(texts[name])); err != nil {
			return err
		}
	}
	for _, dgst := range slices.Sorted(maps.Keys(wanted)) {
		if err := writeLayer(ctx, t, wanted[dgst], layers); err != nil {
			return err
		}
	}
	return t.Close()
}

func blobPath(dgst digest.Digest) string {
	return "blobs/" + dgst.Algorithm().String() + "/" + dgst.Encoded()
}

// saveIndex is the manifest.json of docker save.
func saveIndex(all []*delivery) (map[string][]byte, error) {
	type image struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	var list []image
	for _, d := range all {
		i := image{Config: blobPath(d.config.Digest)}
		for _, tag := range d.tags {
			name, err := fullName(tag)
			if err != nil {
				return nil, err
			}
			i.RepoTags = append(i.RepoTags, reference.FamiliarString(name))
		}
		for _, layer := range d.layers {
			i.Layers = append(i.Layers, blobPath(layer.Digest))
		}
		list = append(list, i)
	}
	text, err := json.Marshal(list)
	return map[string][]byte{"manifest.json": text}, err
}

// ociIndex is the index.json of an OCI layout, with the names as containerd writes them.
func ociIndex(all []*delivery) (map[string][]byte, error) {
	index := ocispecs.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageIndex}
	for _, d := range all {
		for _, tag := range d.tags {
			name, err := fullName(tag)
			if err != nil {
				return nil, err
			}
			m := d.manifest
			m.Annotations = map[string]string{containerd.AnnotationImageName: name.String()}
			if tagged, ok := name.(reference.Tagged); ok {
				m.Annotations[ocispecs.AnnotationRefName] = tagged.Tag()
			}
			index.Manifests = append(index.Manifests, m)
		}
	}
	text, err := json.Marshal(index)
	if err != nil {
		return nil, err
	}
	layout, err := json.Marshal(ocispecs.ImageLayout{Version: ocispecs.ImageLayoutVersion})
	return map[string][]byte{ocispecs.ImageIndexFile: text, ocispecs.ImageLayoutFile: layout}, err
}

func fullName(tag string) (reference.Named, error) {
	name, err := reference.ParseNormalizedNamed(tag)
	if err != nil {
		return nil, fmt.Errorf("image %q: %w", tag, err)
	}
	return reference.TagNameOnly(name), nil
}

// chunk is how much of a layer is asked for at once, in bytes: half of what a message of gRPC may hold.
const chunk = 2 << 20

func writeLayer(ctx context.Context, t *tar.Writer, layer ocispecs.Descriptor, layers content.Provider) error {
	r, err := layers.ReaderAt(ctx, layer)
	if err != nil {
		return fmt.Errorf("layer %s: %w: %w", layer.Digest, errNoLayers, err)
	}
	defer r.Close()
	if r.Size() != layer.Size {
		return fmt.Errorf("layer %s: %w: %d of %d bytes", layer.Digest, errNoLayers, r.Size(), layer.Size)
	}
	return writeFile(t, blobPath(layer.Digest), layer.Size, &gone{io.NewSectionReader(r, 0, layer.Size)})
}

// gone marks the errors of a layer's reader.
type gone struct{ io.Reader }

func (g *gone) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", errNoLayers, err)
	}
	return n, err
}

func writeFile(t *tar.Writer, name string, size int64, r io.Reader) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	// io.Copy would let the archive choose the size of a read.
	_, err := io.CopyBuffer(struct{ io.Writer }{t}, struct{ io.Reader }{r}, make([]byte, min(chunk, max(size, 1))))
	return err
}
