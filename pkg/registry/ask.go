package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
)

// maxAnswer is how much of an answer is read: registries refuse manifests of more than 4 MB.
const maxAnswer = 16 << 20

// question is one request below a repository.
type question struct {
	method string
	host   docker.RegistryHost
	path   string
	query  url.Values
	accept []string
	// body is sent, if there is any, as what it is: its media type.
	body     []byte
	sentType string
	// to is a whole address, in place of one below the repository.
	to *url.URL
	// scope is what a token has to allow, in the words of the registry's authorization.
	scope string
}

type answer struct {
	header http.Header
	body   []byte
}

// Error is a registry's answer that it does not do what it was asked.
type Error struct {
	Status int
	// Code and Message are the registry's; both may be empty.
	Code, Message string
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	if said := strings.Trim(e.Code+": "+e.Message, ": "); said != "" {
		text += " (" + said + ")"
	}
	return text
}

// IsNotFound tells whether a registry said that it does not have what it was asked for.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// IsRefused tells whether a registry does not do what it was asked whoever asks: removing is turned off, or not by tag.
func IsRefused(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusBadRequest || e.Status == http.StatusNotImplemented)
}

// IsDenied tells whether a registry wants a login, or another one.
func IsDenied(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden)
}

// errNoAnswer is the cause of a request that took too long.
var errNoAnswer = errors.New("no answer")

// ask asks a question, and again with a login where the registry wants one.
func (r *Repository) ask(ctx context.Context, q question) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.answersWithin, fmt.Errorf("%w within %s", errNoAnswer, r.answersWithin))
	defer cancel()
	ctx = docker.WithScope(ctx, "repository:"+r.path+":"+q.scope)
	a, err := r.try(ctx, q)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w%s", q.host.Host, err, hint(q, err))
	}
	return a, nil
}

// hint says what a user can do about an error.
func hint(q question, err error) string {
	switch {
	case IsDenied(err) && q.method == http.MethodDelete:
		return "\nhint: docker login " + q.host.Host + ", as somebody who may delete there"
	case IsDenied(err):
		return "\nhint: docker login " + q.host.Host
	case IsRefused(err) && q.method == http.MethodDelete:
		return "\nhint: many registries delete only when they are told to: Distribution's with REGISTRY_STORAGE_DELETE_ENABLED=true"
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "\nhint: the builder must know that this registry speaks HTTP: buildkitd.toml, [registry.\"" + q.host.Host + "\"] http = true"
	}
	return ""
}

func (r *Repository) try(ctx context.Context, q question) (*answer, error) {
	var responses []*http.Response
	for {
		response, a, err := r.send(ctx, q)
		if err != nil {
			return nil, err
		}
		if response.StatusCode < http.StatusMultipleChoices && response.Request.Method == q.method { // a redirection makes a GET of a DELETE
			return a, nil
		}
		failed := failure(response, a.body)
		// A token can be out of date at the second try; a third one helps nobody.
		if responses = append(responses, response); response.StatusCode != http.StatusUnauthorized || q.host.Authorizer == nil || len(responses) > 2 {
			return nil, failed
		}
		if err := q.host.Authorizer.AddResponses(ctx, responses); err != nil {
			return nil, errors.Join(failed, cause(err))
		}
	}
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

// send makes one request and reads what comes of it.
func (r *Repository) send(ctx context.Context, q question) (*http.Response, *answer, error) {
	to := q.to
	if to == nil {
		to = r.address(q)
	}
	if to.Host != q.host.Host || to.Scheme != q.host.Scheme {
		q.host.Authorizer = nil // the login is of nobody else's concern
	}
	request, err := http.NewRequestWithContext(ctx, q.method, to.String(), bytes.NewReader(q.body))
	if err != nil {
		return nil, nil, err
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
	if q.host.Authorizer != nil {
		if err := q.host.Authorizer.Authorize(ctx, request); err != nil {
			return nil, nil, err
		}
	}
	response, err := q.host.Client.Do(request)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err // the address is said by the caller
		}
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("an answer of more than %d MB", maxAnswer>>20)
	}
	return response, &answer{response.Header, body}, err
}

// failure is what a registry says of itself, or its status where it says nothing.
func failure(response *http.Response, body []byte) *Error {
	e := &Error{Status: response.StatusCode}
	var said struct {
		Errors []struct{ Code, Message string }
	}
	if json.Unmarshal(body, &said) == nil && len(said.Errors) > 0 {
		e.Code, e.Message = said.Errors[0].Code, said.Errors[0].Message
	}
	return e
}
