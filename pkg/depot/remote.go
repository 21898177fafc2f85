package depot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
)

// remote is a repository of a registry. The names of parcels are tags.
type remote struct {
	domain, path string
	tags         *registry.Repository
	// reader and writer have tokens of their own: one for reading is of no use for writing.
	reader, writer docker.RegistryHost
	stall          time.Duration
}

// stall is how long a registry may be silent.
const stall = 30 * time.Second

// Repository is the depot in a repository, which is named without a tag.
func Repository(name string, hosts registry.Hosts) (*Depot, error) {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !reference.IsNameOnly(ref) {
		return nil, fmt.Errorf("%s: must be a repository without a tag or digest", name)
	}
	r := &remote{domain: reference.Domain(ref), path: reference.Path(ref), stall: stall}
	if r.tags, err = registry.Open(ref.Name(), hosts, 0); err != nil {
		return nil, err
	}
	for _, host := range []*docker.RegistryHost{&r.reader, &r.writer} {
		all, err := hosts()(r.domain)
		if err != nil {
			return nil, fmt.Errorf("registry %s: %w", r.domain, err)
		}
		// What a mirror has may be old.
		i := slices.IndexFunc(all, func(h docker.RegistryHost) bool { return h.Capabilities.Has(docker.HostCapabilityPush) })
		if i < 0 {
			return nil, fmt.Errorf("registry %s: none of its %d hosts is more than a mirror", r.domain, len(all))
		}
		*host = all[i]
	}
	return &Depot{Name: reference.FamiliarName(ref), place: r}, nil
}

// maxManifest bounds what is read of a manifest, in bytes; registries take 4 MiB at most.
const maxManifest = 4 << 20

func (r *remote) get(ctx context.Context, name string) (text []byte, used time.Time, err error) {
	err = r.again(ctx, func() error {
		in, err := r.read(ctx, call{method: http.MethodGet, path: "manifests/" + name, accept: ocispecs.MediaTypeImageManifest})
		if err != nil {
			return err
		}
		defer in.Close()
		text, err = io.ReadAll(io.LimitReader(in, maxManifest))
		if said := digest.Digest(in.header.Get("Docker-Content-Digest")); err == nil && said.Validate() == nil && said != digest.FromBytes(text) {
			err = fmt.Errorf("manifest: its digest is not %s", said)
		}
		return err
	})
	return text, used, err
}

func (r *remote) names(ctx context.Context, prefix string) ([]string, error) {
	all, err := r.tags.Tags(ctx)
	return slices.DeleteFunc(all, func(tag string) bool { return !strings.HasPrefix(tag, prefix) }), r.explain(err)
}

func (r *remote) holds(ctx context.Context, d ocispecs.Descriptor) (held bool, err error) {
	err = r.again(ctx, func() error {
		in, err := r.read(ctx, call{method: http.MethodHead, path: "blobs/" + d.Digest.String()})
		if err != nil {
			return err
		}
		held = in.size == d.Size || in.size < 0
		return in.Close()
	})
	if errors.Is(err, errNotFound) {
		return false, nil
	}
	return held, err
}

func (r *remote) open(ctx context.Context, d ocispecs.Descriptor) (body io.ReadCloser, err error) {
	err = r.again(ctx, func() error {
		in, err := r.read(ctx, call{method: http.MethodGet, path: "blobs/" + d.Digest.String()})
		body = in
		return err
	})
	return body, err
}

func (*remote) draft() (draft, error) { return newDraft(os.TempDir()) }

func (r *remote) put(ctx context.Context, d ocispecs.Descriptor, from draft) error {
	held, err := r.holds(ctx, d)
	if !held && err == nil {
		err = r.again(ctx, func() error { return r.push(ctx, d, from.file) })
	}
	return errors.Join(err, from.discard())
}

func (r *remote) tag(ctx context.Context, name string, d ocispecs.Descriptor, text []byte) error {
	return r.again(ctx, func() error {
		return r.write(ctx, call{method: http.MethodPut, path: "manifests/" + name, mediaType: d.MediaType, body: bytes.NewReader(text), size: d.Size})
	})
}

// remove asks for the removal of the manifest; a registry removes blobs when it likes.
func (r *remote) remove(ctx context.Context, p *Parcel) error {
	return r.explain(r.tags.Remove(ctx, p.digest.String()))
}

// A registry is not told of uses, and keeps what manifests need by itself.
func (*remote) touch(*Parcel) error                  { return nil }
func (*remote) hold(context.Context) (func(), error) { return func() {}, nil }
func (*remote) sweep() error                         { return nil }

// explain says what is missing.
func (r *remote) explain(err error) error {
	switch {
	case registry.IsNotFound(err):
		return errNotFound
	case registry.IsDenied(err):
		return fmt.Errorf("%w\nhint: docker login %s", err, r.domain)
	}
	return err
}

// again calls f once more when it fails in a way that may pass.
func (r *remote) again(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		var said *registry.Error
		final := errors.As(err, &said) && said.Status < http.StatusInternalServerError && said.Status != http.StatusTooManyRequests
		if err == nil || final || errors.Is(err, errSilent) || try == 3 || ctx.Err() != nil {
			return r.explain(err)
		}
		select {
		case <-time.After(time.Duration(try) * 300 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
