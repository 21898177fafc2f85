package lab

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/embedded"
)

// errPrivate says that the user's builder is the private BuildKit.
var errPrivate = errors.New("the private BuildKit builds")

// choose is the kind of lab that comes nearest to the user's builder, and that builder if the lab has to do with it.
func choose(ctx context.Context, o Options) (Kind, *buildx.Builder, error) {
	switch o.Kind {
	case Embedded:
		return Embedded, nil, nil
	case Container, Namespace, "":
	default:
		return "", nil, fmt.Errorf("no kind of lab: %q (there are %s, %s, %s)", o.Kind, Embedded, Container, Namespace)
	}
	user, err := users(ctx, o)
	if errors.Is(err, errPrivate) && o.Kind != Namespace {
		if o.Kind == Container {
			return "", nil, errors.New("no Docker Engine answers: there can be no container to measure in\nhint: start Docker, or measure in an embedded BuildKit")
		}
		return Embedded, nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	if o.Kind == "" {
		o.Kind = Namespace
		if user.Driver == "docker" || user.Driver == "docker-container" {
			o.Kind = Container
		}
	}
	return o.Kind, user, nil
}

// users is the user's builder; errPrivate if that would be a private BuildKit, unless the lab is to be in it.
func users(ctx context.Context, o Options) (*buildx.Builder, error) {
	private := func(ctx context.Context) (string, error) {
		if o.Kind != Namespace {
			return "", errPrivate
		}
		e, err := embedded.DefaultOptions()
		if err != nil {
			return "", err
		}
		_, err = embedded.Ensure(ctx, e, o.Daemon)
		return e.Address(), err
	}
	if _, err := embedded.DefaultOptions(); errors.Is(err, errors.ErrUnsupported) {
		private = nil
	}
	return buildx.Open(ctx, o.CLI, buildx.OpenOptions{
		Name: o.Builder, Dir: o.ProjectDir, ConfigDir: o.ConfigDir, Notices: io.Discard, Private: private,
	})
}
