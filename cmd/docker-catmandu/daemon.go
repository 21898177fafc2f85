package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/docker/cli/cli/command"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/embedded"
	"github.com/docker-catmandu/docker-catmandu/pkg/lab"
)

// daemonCommand is the hidden first argument with which the plugin runs itself as a private BuildKit.
const daemonCommand = "__buildkitd"

// openBuilder opens a builder, starting a private BuildKit when it comes to that.
func openBuilder(ctx context.Context, cli command.Cli, notices io.Writer, name, dir string) (builder, error) {
	b, err := open(ctx, cli, notices, name, dir, startDaemon)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// peekBuilder connects to the builder that would build, if it runs.
func peekBuilder(ctx context.Context, cli command.Cli, name, dir string) (*buildx.Live, error) {
	b, err := open(ctx, cli, io.Discard, name, dir, func(ctx context.Context, o embedded.Options) (string, error) {
		if !embedded.Answers(ctx, o) {
			return "", errAsleep
		}
		return o.Address(), nil
	})
	if errors.Is(err, errAsleep) {
		return nil, errAsleep
	}
	if err != nil {
		return nil, err
	}
	return b.Live(ctx)
}

// errAsleep says that the private BuildKit is not running, as it is most of the time.
var errAsleep = errors.New("the private BuildKit is not running")

// open opens a builder; private is asked for the address of a private BuildKit when it comes to that.
func open(ctx context.Context, cli command.Cli, notices io.Writer, name, dir string,
	private func(context.Context, embedded.Options) (string, error),
) (*buildx.Builder, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	o := buildx.OpenOptions{Name: name, Dir: dir, Notices: notices, ConfigDir: filepath.Join(cache, "buildx")}
	if options, err := embedded.DefaultOptions(); !errors.Is(err, errors.ErrUnsupported) {
		o.Private = func(ctx context.Context) (string, error) {
			if err != nil {
				return "", err
			}
			address, err := private(ctx, options)
			if err == nil {
				// Where the folder is not there, buildx can't write down who this client is, and the next build is another's.
				err = os.MkdirAll(o.ConfigDir, 0o700)
			}
			return address, err
		}
	}
	return buildx.Open(ctx, cli, o)
}

// labOptions say where a builder for measuring is made, like the one of that name.
func labOptions(cli command.Cli, name, dir string) (lab.Options, error) {
	cache, err := cacheDir()
	if err != nil {
		return lab.Options{}, err
	}
	self, err := os.Executable()
	return lab.Options{
		Dir: filepath.Join(cache, "labs"), CLI: cli, Builder: cmp.Or(name, os.Getenv("BUILDX_BUILDER")), ProjectDir: dir,
		ConfigDir: filepath.Join(cache, "buildx"), Daemon: []string{self, daemonCommand},
	}, err
}

// startDaemon sees to it that a private BuildKit answers and returns its address.
func startDaemon(ctx context.Context, o embedded.Options) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if _, err := embedded.Ensure(ctx, o, []string{self, daemonCommand}); err != nil {
		return "", err
	}
	return o.Address(), nil
}

// serveDaemon is the private BuildKit; Ensure has put its options into the environment.
func serveDaemon(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return usageError("%s takes no arguments", daemonCommand)
	}
	o, err := embedded.DefaultOptions()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return embedded.Serve(ctx, o)
}
