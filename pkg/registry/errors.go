package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

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

// ErrNoAnswer says that a registry took too long to say anything.
var ErrNoAnswer = errors.New("no answer")

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

// MayPass tells whether the same request may have another answer soon.
func MayPass(err error) bool {
	var e *Error
	if errors.As(err, &e) {
		return e.Status >= http.StatusInternalServerError || e.Status == http.StatusTooManyRequests
	}
	return err != nil && !errors.Is(err, ErrNoAnswer)
}

// failure is what a registry says of why it does not do it, or its status where it says nothing.
func failure(status int, body []byte) *Error {
	e := &Error{Status: status}
	var said struct {
		Errors []struct{ Code, Message string }
	}
	if json.Unmarshal(body, &said) == nil && len(said.Errors) > 0 {
		e.Code, e.Message = said.Errors[0].Code, said.Errors[0].Message
	}
	return e
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
