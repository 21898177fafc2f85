package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/opencontainers/go-digest"
)

// pushes is what a token has to allow of those who push.
const pushes = "pull,push"

// Blob reads a small blob whole, and sees that it has its digest.
func (r *Repository) Blob(ctx context.Context, dgst digest.Digest) ([]byte, error) {
	a, err := r.ask(ctx, question{method: http.MethodGet, host: r.read, path: "blobs/" + dgst.String(), scope: "pull"})
	if err != nil {
		return nil, fmt.Errorf("%s@%s: %w", r.name, dgst, err)
	}
	if is := dgst.Algorithm().FromBytes(a.body); is != dgst {
		return nil, fmt.Errorf("%s@%s: has the digest %s", r.name, dgst, is)
	}
	return a.body, nil
}

// Has tells whether the repository has a blob.
func (r *Repository) Has(ctx context.Context, dgst digest.Digest) (bool, error) {
	_, err := r.ask(ctx, question{method: http.MethodHead, host: r.read, path: "blobs/" + dgst.String(), scope: "pull"})
	if IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// PutBlob writes a small blob; one that is there is not written again.
func (r *Repository) PutBlob(ctx context.Context, blob []byte) error {
	dgst := digest.FromBytes(blob)
	if has, err := r.Has(ctx, dgst); has || err != nil {
		return err
	}
	a, err := r.ask(ctx, question{method: http.MethodPost, host: r.write, path: "blobs/uploads/", scope: pushes})
	if err != nil {
		return err
	}
	to, err := r.address(question{host: r.write, path: "blobs/uploads/"}).Parse(a.header.Get("Location"))
	if err != nil {
		return fmt.Errorf("%s: upload: %w", r.write.Host, err)
	}
	query, err := url.ParseQuery(to.RawQuery)
	if err != nil {
		return fmt.Errorf("%s: upload: %w", r.write.Host, err)
	}
	query.Set("digest", dgst.String())
	to.RawQuery = query.Encode()
	_, err = r.ask(ctx, question{method: http.MethodPut, host: r.write, to: to, body: blob, sentType: "application/octet-stream", scope: pushes})
	return err
}

// PutManifest writes a manifest under a tag, or under its digest.
func (r *Repository) PutManifest(ctx context.Context, ref, mediaType string, text []byte) error {
	_, err := r.ask(ctx, question{method: http.MethodPut, host: r.write, path: "manifests/" + ref, body: text, sentType: mediaType, scope: pushes})
	return err
}
