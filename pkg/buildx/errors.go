package buildx

import (
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"
)

// failure is the error of one service with the lines of its Dockerfile that it comes from.
type failure struct {
	service string
	err     error
}

func failed(service string, err error) error {
	// With several targets buildx wraps the target's name around an error, in two layers of one text.
	for strings.HasPrefix(err.Error(), "target "+service+": ") && errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return &failure{service, err}
}

// Error shows where in the Dockerfile it happened: BuildKit keeps that apart from its error text.
func (f *failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "service %q: %s", f.service, explain(f.err))
	for _, src := range errdefs.Sources(f.err) {
		b.WriteString("\n")
		_ = src.Print(&b)
	}
	return strings.TrimRight(b.String(), "\n")
}

func (f *failure) Unwrap() error { return f.err }

// explain puts what a user can do about it behind errors that are not about the Dockerfile.
func explain(err error) error {
	text := err.Error()
	text = strings.TrimPrefix(text, "failed to solve: ")
	switch {
	case grpcerrors.Code(err) == codes.Unavailable,
		strings.Contains(text, "error reading from server: EOF"),
		strings.Contains(text, "connection reset by peer"):
		return &hinted{err, "the builder went away: " + text, "see that BuildKit runs, then build again: what was built is kept"}
	case strings.Contains(text, "insecure registry") || strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return &hinted{err, text, "the builder must know that this registry speaks HTTP: buildkitd.toml, [registry.\"HOST\"] http = true"}
	case strings.Contains(text, "for multi-node builds currently not supported"):
		return &hinted{err, text, "several nodes can only push: use --push, or choose one platform with --platform, or a builder of one node"}
	}
	return &hinted{err, text, ""}
}

type hinted struct {
	err        error
	text, hint string
}

func (h *hinted) Error() string {
	if h.hint == "" {
		return h.text
	}
	return h.text + "\nhint: " + h.hint
}

func (h *hinted) Unwrap() error { return h.err }

func firstLine(err error) string {
	line, _, _ := strings.Cut(explain(err).Error(), "\n")
	return line
}
