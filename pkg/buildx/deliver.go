package buildx

import (
	"context"
	"errors"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/content/proxy"
	"github.com/docker/buildx/build"
	"github.com/docker/buildx/builder"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// deliver brings the images that were built for an engine into it.
func (j *job) deliver(ctx context.Context, rec *recorder, responses map[string]*client.SolveResponse) error {
	var all []*delivery
	for _, service := range j.services {
		d, response := j.destinations[service], responses[service]
		if d.store == nil || response == nil {
			continue
		}
		image, err := d.store.image(ctx, digest.Digest(response.ExporterResponse[exptypes.ExporterImageDigestKey]))
		if err != nil {
			return err
		}
		d.delivery = &delivery{exported: image, tags: j.targets[service].Tags}
		all = append(all, d.delivery)
	}
	if len(all) == 0 {
		return nil
	}
	l, err := j.loader()
	if err != nil {
		return err
	}
	l.progress = rec
	err = l.load(ctx, all, j.source())
	if err == nil || errors.Is(err, errNoLayers) && j.layers == nil {
		return err
	}
	for _, service := range j.services {
		if d := j.destinations[service]; d.delivery != nil && d.delivery.sent {
			j.failed[service] = build.TargetResult{Err: err}
		}
	}
	return err
}

// source is where layers are read from.
func (j *job) source() content.Provider {
	if j.layers != nil {
		return j.layers
	}
	return daemons(j.builder.nodes)
}

// daemons reads blobs from the BuildKit that has them.
type daemons []builder.Node

func (d daemons) ReaderAt(ctx context.Context, blob ocispecs.Descriptor) (content.ReaderAt, error) {
	var errs []error
	for _, node := range d {
		c, err := node.Driver.Client(ctx)
		if err == nil {
			var r content.ReaderAt
			if r, err = proxy.NewContentStore(c.ContentClient()).ReaderAt(ctx, blob); err == nil {
				return r, nil
			}
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
