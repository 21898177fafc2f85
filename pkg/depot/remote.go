package depot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
)

// remote is a repository of a registry. The names of parcels are tags.
type remote struct {
	*registry.Repository
}

// Repository is the depot in a repository, which is named without a tag.
func Repository(name string, hosts registry.Hosts) (*Depot, error) {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !reference.IsNameOnly(ref) {
		return nil, fmt.Errorf("%s: must be a repository without a tag or digest", name)
	}
	r, err := registry.Open(ref.Name(), hosts, 0)
	if err != nil {
		return nil, err
	}
	return &Depot{Name: reference.FamiliarName(ref), place: &remote{r}}, nil
}

func (r *remote) get(ctx context.Context, name string) (text []byte, used time.Time, err error) {
	err = again(ctx, func() error {
		m, err := r.Text(ctx, name)
		if err == nil {
			text = m.Bytes
		}
		return err
	})
	return text, used, err
}

func (r *remote) names(ctx context.Context, prefix string) ([]string, error) {
	all, err := r.Tags(ctx)
	return slices.DeleteFunc(all, func(tag string) bool { return !strings.HasPrefix(tag, prefix) }), explain(err)
}

func (r *remote) holds(ctx context.Context, d ocispecs.Descriptor) (held bool, err error) {
	err = again(ctx, func() error {
		size, err := r.BlobSize(ctx, d.Digest)
		held = err == nil && (size == d.Size || size < 0)
		return err
	})
	if errors.Is(err, errNotFound) {
		return false, nil
	}
	return held, err
}

func (r *remote) open(ctx context.Context, d ocispecs.Descriptor) (body io.ReadCloser, err error) {
	err = again(ctx, func() error {
		in, err := r.OpenBlob(ctx, d.Digest)
		if err == nil {
			body = in
		}
		return err
	})
	return body, err
}

func (*remote) draft() (draft, error) { return newDraft(os.TempDir()) }

func (r *remote) put(ctx context.Context, d ocispecs.Descriptor, from draft) error {
	held, err := r.holds(ctx, d)
	if !held && err == nil {
		err = again(ctx, func() error { return r.PushBlob(ctx, d.Digest, from.file, d.Size) })
	}
	return errors.Join(err, from.discard())
}

func (r *remote) tag(ctx context.Context, name string, d ocispecs.Descriptor, text []byte) error {
	return again(ctx, func() error { return r.PutManifest(ctx, name, d.MediaType, text) })
}

// remove asks for the removal of the manifest; a registry removes blobs when it likes.
func (r *remote) remove(ctx context.Context, p *Parcel) error {
	return r.Remove(ctx, p.digest.String())
}

// A registry is not told of uses, and keeps what manifests need by itself.
func (*remote) touch(*Parcel) error                  { return nil }
func (*remote) hold(context.Context) (func(), error) { return func() {}, nil }
func (*remote) sweep() error                         { return nil }

// explain says what is missing in the words of depots.
func explain(err error) error {
	if registry.IsNotFound(err) {
		return errNotFound
	}
	return err
}

// again calls f once more when it fails in a way that may pass.
func again(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if !registry.MayPass(err) || try == 3 || ctx.Err() != nil {
			return explain(err)
		}
		select {
		case <-time.After(time.Duration(try) * 300 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
