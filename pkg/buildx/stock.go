package buildx

import (
	"context"
	"sync"

	"github.com/containerd/errdefs"
	engine "github.com/moby/moby/client"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// parts are the layers of an image that an engine lacks.
type parts = []ocispecs.Descriptor

// stock is what an engine is known to have: the images under the tags of a build, those of its project, and their
// layers. It knows too little rather than too much.
type stock struct {
	loader *loader
	mu     sync.Mutex
	// tags has an image for every tag that the engine knows.
	tags map[string]engine.ImageInspectResult
	// layers are chain IDs, by which a graph driver knows a layer on top of those below it
	// (https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid), or the digests of blobs in a
	// containerd image store.
	layers map[digest.Digest]bool
}

func newStock(l *loader) *stock {
	return &stock{loader: l, tags: map[string]engine.ImageInspectResult{}, layers: map[digest.Digest]bool{}}
}

// look asks the engine for all tags.
func (s *stock) look(ctx context.Context, all []*delivery) error {
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(asked)
	for _, d := range all {
		for _, tag := range d.tags {
			eg.Go(func() error {
				found, err := s.loader.inspect(ctx, tag)
				switch {
				case errdefs.IsNotFound(err):
					return nil
				case err != nil:
					return err
				}
				s.note(tag, found)
				return nil
			})
		}
	}
	return eg.Wait()
}

// most bounds how many images of a project are looked at for their layers.
const most = 64

// lookFurther asks for the project's other images when something has to be sent: those of the other stage, and those
// whose name went to a newer one. An error means only that more is sent.
func (s *stock) lookFurther(ctx context.Context, lacking []*delivery) {
	complete := true
	for _, d := range lacking {
		complete = complete && len(s.missing(d)) <= 1
	}
	if complete {
		return
	}
	list, err := s.loader.api.ImageList(ctx, engine.ImageListOptions{
		Filters: engine.Filters{}.Add("label", projectLabel+"="+s.loader.project),
	})
	if err != nil {
		return
	}
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(asked)
	for _, image := range list.Items[:min(len(list.Items), most)] {
		eg.Go(func() error {
			if found, err := s.loader.inspect(ctx, image.ID); err == nil {
				s.note("", found)
			}
			return nil
		})
	}
	_ = eg.Wait()
}

// note keeps an image of the engine; tag is empty for one that was not asked for by tag.
func (s *stock) note(tag string, found engine.ImageInspectResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if tag != "" {
		s.tags[tag] = found
	}
	if !s.loader.byManifest {
		for i := range found.RootFS.Layers {
			s.layers[chainID(found.RootFS.Layers[:i+1])] = true
		}
		return
	}
	for _, m := range found.Manifests { // an engine that lists none does not tell what it has
		if m.Available && m.Descriptor.Digest.String() == found.ID {
			for _, layer := range s.loader.memory.layers(m.Descriptor.Digest) {
				s.layers[layer] = true
			}
		}
	}
}

func (s *stock) byID(id string) (engine.ImageInspectResult, bool) {
	for _, found := range s.tags {
		if found.ID == id {
			return found, true
		}
	}
	return engine.ImageInspectResult{}, false
}

// missing returns the layers that the engine lacks.
func (s *stock) missing(d *delivery) parts {
	var out parts
	for i, layer := range d.layers {
		key := layer.Digest
		if !s.loader.byManifest {
			key = identity.ChainID(d.diffIDs[:i+1])
		}
		if !s.layers[key] {
			out = append(out, layer)
		}
	}
	return out
}

func chainID[T ~string](diffIDs []T) digest.Digest {
	list := make([]digest.Digest, len(diffIDs))
	for i, d := range diffIDs {
		list[i] = digest.Digest(d)
	}
	return identity.ChainID(list)
}
