package buildx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/docker/buildx/util/dockerutil"
	"github.com/docker/buildx/util/progress"
	"github.com/moby/buildkit/client"
	engine "github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
)

// loader brings images into a Docker Engine from a builder that is not the engine's own. It asks the engine first: an
// image that is there already is not sent again, one that is there under another name gets its names, and of any other
// only the layers are sent that the engine lacks. https://github.com/docker/buildx/issues/107
//
// Whatever it takes for there is looked at again when all was sent, and sent as a whole if it is not.
type loader struct {
	api images
	// byManifest tells that the engine knows images by the digest of their manifest, as the containerd image store
	// does; others know them by that of their configuration. Either covers all of an image's content.
	byManifest bool
	project    string
	memory     memory
	progress   progress.Writer
}

// images is the part of the engine's API that a loader uses.
type images interface {
	ImageInspect(ctx context.Context, image string, _ ...engine.ImageInspectOption) (engine.ImageInspectResult, error)
	ImageList(ctx context.Context, o engine.ImageListOptions) (engine.ImageListResult, error)
	ImageLoad(ctx context.Context, archive io.Reader, _ ...engine.ImageLoadOption) (engine.ImageLoadResult, error)
	ImageTag(ctx context.Context, o engine.ImageTagOptions) (engine.ImageTagResult, error)
}

// delivery is an image that goes into the engine under all of its tags.
type delivery struct {
	*exported
	tags []string
	// sent tells that the engine did not have it.
	sent bool
	// id is what the engine calls it, and size what it says, in bytes.
	id   string
	size int64
}

// asked bounds the questions that the engine gets at once.
const asked = 8

// newLoader asks the engine what it is.
func (b *Builder) newLoader(ctx context.Context, project, manifests string) (*loader, error) {
	docker := dockerutil.NewClient(b.cli)
	features, err := docker.Features(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("docker engine: %w", err)
	}
	api, err := docker.API("")
	if err != nil {
		return nil, fmt.Errorf("docker engine: %w", err)
	}
	return &loader{api: api, byManifest: features[dockerutil.OCIImporter], project: project, memory: memory(manifests)}, nil
}

// storeEntry is the export of an image that goes into the engine by a loader.
func storeEntry(store *exportStore) client.ExportEntry {
	return client.ExportEntry{Type: client.ExporterOCI, Attrs: map[string]string{"tar": "false"}, OutputStore: store}
}

// id is what the engine calls an image.
func (l *loader) id(e *exported) string {
	if l.byManifest {
		return e.manifest.Digest.String()
	}
	return e.config.Digest.String()
}

// errNoLayers says that layers can't be read where they should be.
var errNoLayers = errors.New("layers are gone")

// load brings images into the engine. It reads from layers what it has to send; errNoLayers says that something is
// missing there.
func (l *loader) load(ctx context.Context, all []*delivery, layers content.Provider) error {
	for _, d := range all {
		d.id = l.id(d.exported)
	}
	s := newStock(l)
	if err := s.look(ctx, all); err != nil {
		return err
	}
	lacking, err := l.name(ctx, s, all)
	if err != nil || len(lacking) == 0 {
		return err
	}
	s.lookFurther(ctx, lacking)
	if l.send(ctx, lacking, s.missing, layers) == nil && l.arrived(ctx, lacking) == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	whole := func(d *delivery) parts { return d.layers }
	if err := l.send(ctx, lacking, whole, layers); err != nil {
		return err
	}
	return l.arrived(ctx, lacking)
}

// name gives the images that the engine has the tags that they lack there, and returns the others.
func (l *loader) name(ctx context.Context, s *stock, all []*delivery) ([]*delivery, error) {
	var mu sync.Mutex
	var lacking []*delivery
	err := each(ctx, all, func(ctx context.Context, d *delivery) error {
		if l.has(ctx, s, d) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		d.sent = true
		lacking = append(lacking, d)
		return nil
	})
	slices.SortFunc(lacking, func(a, b *delivery) int { return slices.Compare(a.tags, b.tags) })
	return lacking, err
}

// has tells whether the engine has the image under all of its tags, after giving it those it lacks. Anything out of
// the ordinary is a no.
func (l *loader) has(ctx context.Context, s *stock, d *delivery) bool {
	found, there := s.byID(d.id)
	if !there {
		var err error
		if found, err = l.inspect(ctx, d.id); err != nil || found.ID != d.id {
			return false
		}
	}
	if !l.whole(found) {
		return false
	}
	d.size = found.Size
	for _, tag := range d.tags {
		if s.tags[tag].ID == d.id {
			continue
		}
		if _, err := l.api.ImageTag(ctx, engine.ImageTagOptions{Source: d.id, Target: tag}); err != nil {
			return false
		}
	}
	return true
}

// arrived looks whether the engine has all of the images, under all of their tags.
func (l *loader) arrived(ctx context.Context, all []*delivery) error {
	return each(ctx, all, func(ctx context.Context, d *delivery) error {
		found, err := l.inspect(ctx, d.id)
		switch {
		case err != nil:
			return err
		case found.ID != d.id || !l.whole(found):
			return fmt.Errorf("image %s: the engine has only parts of it", d.id)
		}
		d.size = found.Size
		if l.byManifest {
			l.memory.keep(d.exported)
		}
		return l.named(ctx, d)
	})
}

// named looks whether an image that was loaded has its tags, and gives it those that another program took in between.
func (l *loader) named(ctx context.Context, d *delivery) error {
	for _, tag := range d.tags {
		if found, err := l.inspect(ctx, tag); err == nil && found.ID == d.id {
			continue
		}
		if _, err := l.api.ImageTag(ctx, engine.ImageTagOptions{Source: d.id, Target: tag}); err != nil {
			return err
		}
	}
	return nil
}

// inspect asks the engine for an image, and with the containerd image store for what is there of its content.
func (l *loader) inspect(ctx context.Context, name string) (engine.ImageInspectResult, error) {
	if l.byManifest {
		found, err := l.api.ImageInspect(ctx, name, engine.ImageInspectWithManifests(true))
		if err == nil || errdefs.IsNotFound(err) {
			return found, err
		}
	}
	return l.api.ImageInspect(ctx, name)
}

// whole tells whether all blobs of an image are there. Engines that don't say have no images in parts: those without
// the containerd image store, and those that are too old to be sent parts.
func (l *loader) whole(found engine.ImageInspectResult) bool {
	for _, m := range found.Manifests {
		if m.Descriptor.Digest.String() == found.ID {
			return m.Available
		}
	}
	return true
}

// each calls f for all deliveries, some at once.
func each(ctx context.Context, all []*delivery, f func(context.Context, *delivery) error) error {
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(asked)
	for _, d := range all {
		eg.Go(func() error { return f(ctx, d) })
	}
	return eg.Wait()
}
