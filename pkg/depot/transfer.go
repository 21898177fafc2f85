package depot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
)

// Libraries that push do so through pipes, where the end of a context is not always seen. These are plain requests.

// call is a request.
type call struct {
	method string
	// path is below the repository; to is a whole address in place of it.
	path string
	to   *url.URL

	accept, mediaType string
	// body is sent from its beginning, as often as it takes.
	body io.ReaderAt
	size int64
}

// watch ends a context when something takes too long.
type watch struct {
	stall  time.Duration
	cancel context.CancelCauseFunc
}

// do calls f; only the time in it counts.
func (w *watch) do(f func()) {
	t := time.AfterFunc(w.stall, w.expire)
	defer t.Stop()
	f()
}

func (w *watch) expire() { w.cancel(fmt.Errorf("%w for %s", errSilent, w.stall)) }

var errSilent = errors.New("the registry was silent")

// incoming is what a registry answers. Who reads it closes it.
type incoming struct {
	io.ReadCloser
	*watch
	ctx    context.Context
	header http.Header
	size   int64 // -1 where it is not told
}

func (i *incoming) Read(b []byte) (n int, err error) {
	i.do(func() { n, err = i.ReadCloser.Read(b) })
	if err != nil && !errors.Is(err, io.EOF) && i.ctx.Err() != nil {
		err = context.Cause(i.ctx)
	}
	return n, err
}

// Close ends the transfer, whether all of it was read or not.
func (i *incoming) Close() error {
	i.cancel(nil)
	return i.ReadCloser.Close()
}

// outgoing is what is sent; each piece of it that goes is a sign of life.
type outgoing struct {
	io.Reader
	alive func()
}

func (o *outgoing) Read(b []byte) (int, error) {
	o.alive()
	return o.Reader.Read(b)
}

func (r *remote) read(ctx context.Context, c call) (*incoming, error) {
	return r.ask(docker.WithScope(ctx, "repository:"+r.path+":pull"), r.reader, c)
}

// write makes a request whose answer has nothing to say.
func (r *remote) write(ctx context.Context, c call) error {
	in, err := r.ask(docker.WithScope(ctx, "repository:"+r.path+":pull,push"), r.writer, c)
	if err != nil {
		return err
	}
	return in.Close()
}

// push sends a blob.
func (r *remote) push(ctx context.Context, d ocispecs.Descriptor, from io.ReaderAt) error {
	ctx = docker.WithScope(ctx, "repository:"+r.path+":pull,push")
	in, err := r.ask(ctx, r.writer, call{method: http.MethodPost, path: "blobs/uploads/"})
	if err != nil {
		return err
	}
	defer in.Close()
	to, err := r.address(r.writer, "blobs/uploads/").Parse(in.header.Get("Location"))
	if err != nil {
		return err
	}
	query := to.Query()
	query.Set("digest", d.Digest.String())
	to.RawQuery = query.Encode()
	return r.write(ctx, call{method: http.MethodPut, to: to, mediaType: "application/octet-stream", body: from, size: d.Size})
}

func (r *remote) address(host docker.RegistryHost, path string) *url.URL {
	return &url.URL{Scheme: host.Scheme, Host: host.Host, Path: host.Path + "/" + r.path + "/" + path}
}

// ask makes a request, and again with a login where the registry wants one.
func (r *remote) ask(ctx context.Context, host docker.RegistryHost, c call) (*incoming, error) {
	if c.to == nil {
		c.to = r.address(host, c.path)
	}
	if c.to.Host != host.Host || c.to.Scheme != host.Scheme {
		host.Authorizer = nil // the login is of nobody else's concern
	}
	var responses []*http.Response
	for {
		in, response, err := r.send(ctx, host, c)
		if err != nil || response.StatusCode < http.StatusBadRequest {
			return in, err
		}
		failed := failure(in, response)
		responses = append(responses, response)
		// A token can be out of date at the second try; a third one helps nobody.
		if response.StatusCode != http.StatusUnauthorized || host.Authorizer == nil || len(responses) > 2 {
			return nil, failed
		}
		ctx, end := context.WithTimeoutCause(ctx, r.stall, fmt.Errorf("%w for %s", errSilent, r.stall))
		err = host.Authorizer.AddResponses(ctx, responses)
		end()
		if err != nil {
			return nil, failed
		}
	}
}

func (r *remote) send(ctx context.Context, host docker.RegistryHost, c call) (*incoming, *http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{r.stall, cancel}
	var response *http.Response
	var err error
	silence := time.AfterFunc(w.stall, w.expire)
	defer silence.Stop()
	request, err := c.request(ctx, host, func() { silence.Reset(w.stall) })
	if err == nil && host.Authorizer != nil {
		err = host.Authorizer.Authorize(ctx, request)
	}
	if err == nil {
		response, err = host.Client.Do(request)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		cancel(nil)
		return nil, nil, err
	}
	return &incoming{response.Body, w, ctx, response.Header, response.ContentLength}, response, nil
}

func (c *call) request(ctx context.Context, host docker.RegistryHost, alive func()) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, c.method, c.to.String(), nil)
	if err != nil {
		return nil, err
	}
	if c.body != nil {
		request.ContentLength = c.size
		request.GetBody = func() (io.ReadCloser, error) {
			return io.NopCloser(&outgoing{io.NewSectionReader(c.body, 0, c.size), alive}), nil
		}
		request.Body, _ = request.GetBody()
	}
	for name, values := range host.Header {
		request.Header[name] = values
	}
	for name, value := range map[string]string{"Accept": c.accept, "Content-Type": c.mediaType} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	return request, nil
}

// failure is what a registry says of why it does not do it.
func failure(in *incoming, response *http.Response) *registry.Error {
	defer in.Close()
	e := &registry.Error{Status: response.StatusCode}
	var said struct {
		Errors []struct{ Code, Message string }
	}
	if json.NewDecoder(io.LimitReader(in, 64<<10)).Decode(&said) == nil && len(said.Errors) > 0 {
		e.Code, e.Message = said.Errors[0].Code, said.Errors[0].Message
	}
	return e
}
