package buildx

import (
	"context"
	"encoding/json"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/buildx/util/dockerutil"
	"github.com/docker/buildx/util/imagetools"
	"github.com/opencontainers/go-digest"
)

// measureTimeout bounds the look-up of one image's size: a build that is done does not wait for a slow registry.
const measureTimeout = 5 * time.Second

// measure finds the size of an image where it went; it stays unknown when that can't be asked.
func (j *job) measure(ctx context.Context, r *TargetResult, d *destination, response map[string]string) {
	ctx, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	for _, e := range d.entries {
		switch {
		case d.delivery != nil:
			r.Digest, r.Size = d.delivery.id, d.delivery.size
		case d.layout != "":
			r.Size = layoutSize(d.layout, digest.Digest(r.Digest))
		case d.where == inEngine && len(r.Tags) > 0:
			j.inspect(ctx, r)
		case e.Type == "image" && e.Attrs["push"] == "true" && len(r.Tags) > 0:
			r.Size = j.pushed(ctx, r.Tags[0], r.Digest)
		}
	}
	if r.Digest == "" {
		r.Digest = response["containerimage.config.digest"]
	}
}

// inspect asks the engine for the image it was given.
func (j *job) inspect(ctx context.Context, r *TargetResult) {
	api, err := dockerutil.NewClientAPI(j.builder.cli, j.builder.cli.CurrentContext())
	if err != nil {
		return
	}
	image, err := api.ImageInspect(ctx, r.Tags[0])
	if err == nil {
		r.Digest, r.Size = image.ID, image.Size
	}
}

// pushed returns the bytes of an image in a registry.
func (j *job) pushed(ctx context.Context, tag, dgst string) int64 {
	if len(j.builder.nodes) == 0 || dgst == "" {
		return 0
	}
	tools := imagetools.New(j.builder.nodes[0].ImageOpt)
	return remoteSize(ctx, tools, tag, digest.Digest(dgst), 0)
}

// maxIndexes bounds how deep an index may lead to others; images have one level.
const maxIndexes = 3

func remoteSize(ctx context.Context, tools *imagetools.Resolver, tag string, dgst digest.Digest, depth int) int64 {
	ref, err := reference.ParseNormalizedNamed(tag)
	if err != nil || depth > maxIndexes {
		return 0
	}
	text, _, err := tools.Get(ctx, ref.Name()+"@"+dgst.String())
	var m manifest
	if err != nil || json.Unmarshal(text, &m) != nil {
		return 0
	}
	size := int64(len(text))
	if m.Config != nil {
		size += m.Config.Size
	}
	for _, l := range m.Layers {
		size += l.Size
	}
	for _, sub := range m.Manifests {
		size += remoteSize(ctx, tools, tag, sub.Digest, depth+1)
	}
	return size
}
