package buildx

import (
	"context"
	"io"

	"github.com/containerd/errdefs"
	"github.com/docker/buildx/util/dockerutil"
	"github.com/docker/buildx/util/progress"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	engine "github.com/moby/moby/client"
)

// loader brings images into a Docker Engine from a builder that is not the engine's own. It asks the engine before
// BuildKit sends anything: an image that is there already is not sent again, and one that is there under another
// name gets its names. https://github.com/docker/buildx/issues/107
type loader struct {
	api    images
	docker *dockerutil.Client
	// byManifest tells that the engine knows images by the digest of their manifest, as the containerd image store
	// does; others know them by that of their configuration. Either covers all of an image's content.
	byManifest bool
	progress   progress.Writer
}

// images is the part of the engine's API that a loader uses.
type images interface {
	ImageInspect(ctx context.Context, image string, _ ...engine.ImageInspectOption) (engine.ImageInspectResult, error)
	ImageTag(ctx context.Context, o engine.ImageTagOptions) (engine.ImageTagResult, error)
}

// newLoader asks the engine what it is.
func (b *Builder) newLoader(ctx context.Context) (*loader, error) {
	docker := dockerutil.NewClient(b.cli)
	features, err := docker.Features(ctx, "")
	if err != nil {
		return nil, err
	}
	api, err := docker.API("")
	if err != nil {
		return nil, err
	}
	return &loader{api: api, docker: docker, byManifest: features[dockerutil.OCIImporter]}, nil
}

// entry is the export of an image that gets tags in the engine. note is told when nothing had to be sent.
func (l *loader) entry(ctx context.Context, tags []string, note func()) client.ExportEntry {
	e := client.ExportEntry{Type: client.ExporterDocker, Attrs: map[string]string{}}
	if l.byManifest {
		e.Type, e.Attrs["prefer-image-digest"] = client.ExporterOCI, "true"
	}
	// BuildKit calls this when the image is made. No writer means that it is there already.
	e.Output = func(response map[string]string) (io.WriteCloser, error) {
		if l.has(ctx, l.id(response), tags) {
			note()
			return nil, nil
		}
		w, _, err := l.docker.LoadImage(ctx, "", l.progress)
		return w, err
	}
	return e
}

// id is what the engine calls the image that BuildKit made.
func (l *loader) id(response map[string]string) string {
	if l.byManifest {
		return response[exptypes.ExporterImageDigestKey]
	}
	return response[exptypes.ExporterImageConfigDigestKey]
}

// has tells whether the engine has the image under all of its tags, after giving it those it lacks. Anything out of
// the ordinary is a no: the image is then sent as a whole.
func (l *loader) has(ctx context.Context, id string, tags []string) bool {
	if id == "" || len(tags) == 0 {
		return false
	}
	if found, err := l.api.ImageInspect(ctx, id); err != nil || found.ID != id {
		return false
	}
	for _, tag := range tags {
		found, err := l.api.ImageInspect(ctx, tag)
		switch {
		case err == nil && found.ID == id:
			continue
		case err != nil && !errdefs.IsNotFound(err):
			return false
		}
		if _, err := l.api.ImageTag(ctx, engine.ImageTagOptions{Source: id, Target: tag}); err != nil {
			return false
		}
	}
	return true
}
