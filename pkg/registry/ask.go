package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
)

// maxAnswer is how much of an answer is read whole, in bytes: registries refuse manifests of more than 4 MB.
const maxAnswer = 16 << 20

// question is one request below a repository.
type question struct {
	method string
	host   docker.RegistryHost
	path   string
	query  url.Values
	accept []string
	// body is sent, if there is any, from its beginning, as often as it takes, as what it is: its media type. size is in bytes.
	body     io.ReaderAt
	size     int64
	sentType string
	// to is a whole address, in place of one below the repository.
	to *url.URL
	// scope is what a token has to allow, in the words of the registry's authorization.
	scope string
}

// with sends a text.
func (q question) with(text []byte, mediaType string) question {
	q.body, q.size, q.sentType = bytes.NewReader(text), int64(len(text)), mediaType
	return q
}

// answer is one that was read whole. size is that of its body as it was told, or -1.
type answer struct {
	header http.Header
	body   []byte
	size   int64
}

// ask asks a question with a short answer, which must be there in time.
func (r *Repository) ask(ctx context.Context, q question) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.answersWithin, fmt.Errorf("%w within %s", ErrNoAnswer, r.answersWithin))
	defer cancel()
	in, err := r.begin(ctx, q)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	body, err := in.whole()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.host.Host, err)
	}
	return &answer{in.header, body, in.Size}, nil
}

// begin asks a question, and again with a login where the registry wants one. The answer is read as it comes.
func (r *Repository) begin(ctx context.Context, q question) (*Incoming, error) {
	ctx = docker.WithScope(ctx, "repository:"+r.path+":"+q.scope)
	if q.to == nil {
		q.to = r.address(q)
	}
	if q.to.Host != q.host.Host || q.to.Scheme != q.host.Scheme {
		q.host.Authorizer = nil // the login is of nobody else's concern
	}
	in, err := r.try(ctx, q)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w%s", q.host.Host, err, hint(q, err))
	}
	return in, nil
}

func (r *Repository) try(ctx context.Context, q question) (*Incoming, error) {
	var responses []*http.Response
	for {
		in, response, err := r.send(ctx, q)
		if err != nil {
			return nil, err
		}
		if response.StatusCode < http.StatusMultipleChoices && response.Request.Method == q.method { // a redirection makes a GET of a DELETE
			return in, nil
		}
		body, _ := in.whole()
		_ = in.Close()
		failed := failure(response.StatusCode, body)
		// A token can be out of date at the second try; a third one helps nobody.
		if responses = append(responses, response); response.StatusCode != http.StatusUnauthorized || q.host.Authorizer == nil || len(responses) > 2 {
			return nil, failed
		}
		if err := r.login(ctx, q, responses); err != nil {
			return nil, errors.Join(failed, cause(err))
		}
	}
}

// login gets a token, which may be from somewhere else that doesn't answer.
func (r *Repository) login(ctx context.Context, q question, responses []*http.Response) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Stall, fmt.Errorf("%w for %s", ErrNoAnswer, r.Stall))
	defer cancel()
	return q.host.Authorizer.AddResponses(ctx, responses)
}

// cause is nil for an error that says no more than that there is no login.
func cause(err error) error {
	if strings.Contains(err.Error(), "auth scheme") {
		return nil
	}
	return err
}

func (r *Repository) address(q question) *url.URL {
	return &url.URL{Scheme: q.host.Scheme, Host: q.host.Host, Path: q.host.Path + "/" + r.path + "/" + q.path, RawQuery: q.query.Encode()}
}

// send makes one request. It ends with an error once the registry takes nothing, or says nothing, for too long.
func (r *Repository) send(ctx context.Context, q question) (*Incoming, *http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{r.Stall, cancel}
	var response *http.Response
	silence := time.AfterFunc(w.stall, w.expire)
	defer silence.Stop()
	request, err := q.request(ctx, func() { silence.Reset(w.stall) })
	if err == nil && q.host.Authorizer != nil {
		err = q.host.Authorizer.Authorize(ctx, request)
	}
	if err == nil {
		response, err = q.host.Client.Do(request)
	}
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err // the address is said by the caller
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		cancel(nil)
		return nil, nil, err
	}
	return &Incoming{response.Body, w, ctx, response.Header, response.ContentLength}, response, nil
}

// request is that of a question; alive is called with each piece of its body that goes.
func (q *question) request(ctx context.Context, alive func()) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, q.method, q.to.String(), nil)
	if err != nil {
		return nil, err
	}
	if q.body != nil {
		request.ContentLength = q.size
		request.GetBody = func() (io.ReadCloser, error) {
			return io.NopCloser(&outgoing{io.NewSectionReader(q.body, 0, q.size), alive}), nil
		}
		request.Body, _ = request.GetBody()
	}
	for name, values := range q.host.Header {
		request.Header[name] = values
	}
	if q.sentType != "" {
		request.Header.Set("Content-Type", q.sentType)
	}
	if len(q.accept) > 0 {
		request.Header.Set("Accept", strings.Join(q.accept, ", "))
	}
	return request, nil
}
