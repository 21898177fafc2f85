package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/opencontainers/go-digest"
)

// What a token has to allow of those who read, and of those who push.
const (
	pulls  = "pull"
	pushes = "pull,push"
)

// Blob reads a small blob whole, and sees that it has its digest.
func (r *Repository) Blob(ctx context.Context, dgst digest.Digest) ([]byte, error) {
	a, err := r.ask(ctx, question{method: http.MethodGet, host: r.read, path: "blobs/" + dgst.String(), scope: pulls})
	if err != nil {
		return nil, fmt.Errorf("%s@%s: %w", r.name, dgst, err)
	}
	if is := dgst.Algorithm().FromBytes(a.body); is != dgst {
		return nil, fmt.Errorf("%s@%s: has the digest %s", r.name, dgst, is)
	}
	return a.body, nil
}

// OpenBlob reads a blob of any size as it comes. Who reads it sees that it has its digest.
func (r *Repository) OpenBlob(ctx context.Context, dgst digest.Digest) (*Incoming, error) {
	return r.begin(ctx, question{method: http.MethodGet, host: r.read, path: "blobs/" + dgst.String(), scope: pulls})
}

// BlobSize is that of a blob that the repository has, in bytes; -1 where it doesn't say.
func (r *Repository) BlobSize(ctx context.Context, dgst digest.Digest) (int64, error) {
	a, err := r.ask(ctx, question{method: http.MethodHead, host: r.read, path: "blobs/" + dgst.String(), scope: pulls})
	if err != nil {
		return 0, err
	}
	return a.size, nil
}

// PutBlob writes a small blob; one that is there is not written again.
func (r *Repository) PutBlob(ctx context.Context, blob []byte) error {
	dgst := digest.FromBytes(blob)
	if _, err := r.BlobSize(ctx, dgst); !IsNotFound(err) {
		return err
	}
	return r.PushBlob(ctx, dgst, bytes.NewReader(blob), int64(len(blob)))
}

// PushBlob writes a blob of any size, given in bytes.
func (r *Repository) PushBlob(ctx context.Context, dgst digest.Digest, from io.ReaderAt, size int64) error {
	upload := question{method: http.MethodPost, host: r.write, path: "blobs/uploads/", scope: pushes}
	a, err := r.ask(ctx, upload)
	if err != nil {
		return err
	}
	to, err := r.address(upload).Parse(a.header.Get("Location"))
	if err != nil {
		return fmt.Errorf("%s: upload: %w", r.write.Host, err)
	}
	query, err := url.ParseQuery(to.RawQuery)
	if err != nil {
		return fmt.Errorf("%s: upload: %w", r.write.Host, err)
	}
	query.Set("digest", dgst.String())
	to.RawQuery = query.Encode()
	in, err := r.begin(ctx, question{
		method: http.MethodPut, host: r.write, to: to, body: from, size: size, sentType: "application/octet-stream", scope: pushes,
	})
	if err != nil {
		return err
	}
	return in.Close()
}
