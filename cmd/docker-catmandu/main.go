// Docker-catmandu is a Docker CLI plugin that builds the services of a Compose project with BuildKit, at their
// production or development stage. It runs as "docker catmandu" and as "docker-catmandu".
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/cache"
	"github.com/docker-catmandu/docker-catmandu/pkg/lab"
	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// version is set by the linker.
var version = "dev"

// app is what every command needs.
type app struct {
	out, err io.Writer
	// display is where progress is drawn; it is a file when it is a terminal.
	display io.Writer
	// open returns the builder of that name; empty is the one to use by default.
	open func(ctx context.Context, name, projectDir string) (builder, error)
	// peek returns that builder to be asked about, if it runs; it starts none.
	peek func(ctx context.Context, name, projectDir string) (*buildx.Live, error)
	// lab returns what a builder for measuring is made from.
	lab func(builder, projectDir string) (lab.Options, error)
	// engine is the address of the Docker context's engine.
	engine func() string
	// images are those of a project in the Docker Engine, and removeImage removes one that has no name.
	images      func(ctx context.Context, project string) ([]buildx.EngineImage, error)
	removeImage func(ctx context.Context, id string) error
	// job is what a CI says of the job that this runs in; nil in tests, for none.
	job func() cache.CI
	// builders are the names of those there are.
	builders func() ([]string, error)
	// pushMerge makes and pushes what a merge is of, with the registries of that builder.
	pushMerge func(ctx context.Context, m *buildx.Merge, builder string) error
	// registries are the logins and settings with which that builder asks registries.
	registries func(builder string) (registry.Hosts, error)
}

// builder is the part of *buildx.Builder that commands use. Tests fake it.
type builder interface {
	Build(context.Context, *targets.Plan, buildx.BuildOptions) (*buildx.Result, error)
	Live(context.Context) (*buildx.Live, error)
	Running(context.Context, buildx.BuildOptions) (*buildx.Live, error)
}

func main() {
	os.Exit(run())
}

// run returns the exit status.
func run() int {
	if len(os.Args) > 1 && os.Args[1] == daemonCommand {
		return exitStatus(os.Stderr, serveDaemon(context.Background(), os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == helperCommand {
		return exitStatus(os.Stderr, help())
	}
	// What a plan leaves behind is a few megabytes; collecting it as it grows costs a quarter of the plan's time.
	debug.SetGCPercent(planGC)
	if plugin.RunningStandalone() {
		os.Args = asPlugin(os.Args[1:])
	}
	dockerCLI, err := command.NewDockerCli()
	if err != nil {
		return exitStatus(os.Stderr, err)
	}
	a := &app{out: dockerCLI.Out(), err: dockerCLI.Err(), display: os.Stderr}
	a.open = func(ctx context.Context, name, dir string) (builder, error) {
		return openBuilder(ctx, dockerCLI, a.err, name, dir)
	}
	a.peek = func(ctx context.Context, name, dir string) (*buildx.Live, error) {
		return peekBuilder(ctx, dockerCLI, name, dir)
	}
	a.lab = func(name, dir string) (lab.Options, error) { return labOptions(dockerCLI, name, dir) }
	a.engine = func() string { return dockerCLI.DockerEndpoint().Host }
	a.images = func(ctx context.Context, project string) ([]buildx.EngineImage, error) {
		return buildx.EngineImages(ctx, dockerCLI, project)
	}
	a.removeImage = func(ctx context.Context, id string) error { return buildx.RemoveEngineImage(ctx, dockerCLI, id) }
	a.builders = func() ([]string, error) { return buildx.Names(dockerCLI) }
	a.job = func() cache.CI { return jobOf(dockerCLI) }
	a.pushMerge = func(ctx context.Context, m *buildx.Merge, builder string) error {
		return m.Push(ctx, dockerCLI, builder)
	}
	a.registries = func(builder string) (registry.Hosts, error) { return buildx.Registries(dockerCLI, builder) }
	return exitStatus(a.err, plugin.RunPlugin(dockerCLI, newRootCommand(a), metadata.Metadata{
		SchemaVersion:    "0.1.0",
		Vendor:           "The docker catmandu authors",
		Version:          version,
		ShortDescription: "Build a Compose project at its production or development stage",
		URL:              "https://github.com/docker-catmandu/docker-catmandu",
	}))
}

// Percentages of the heap's growth between collections: while planning, and Go's own, for building.
const planGC, buildGC = 400, 100

// asPlugin returns the arguments with which the docker CLI would have run us.
func asPlugin(args []string) []string {
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return append([]string{"docker", args[0], "catmandu"}, args[1:]...)
	}
	return append([]string{"docker", "catmandu"}, args...)
}

// Exit statuses, beside 0 and 1.
const (
	statusUsage       = 125 // as docker run and the docker CLI
	statusInterrupted = 130 // 128 + SIGINT
)

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// exitStatus prints an error and returns the exit status that it means.
func exitStatus(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	var status cli.StatusError
	switch {
	case errors.As(err, &status):
		_, _ = fmt.Fprintln(w, status.Error())
		return status.StatusCode
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled): // libraries return a context's error, not its cause
		_, _ = fmt.Fprintln(w, "interrupted")
		return statusInterrupted
	}
	_, _ = fmt.Fprintln(w, err)
	return 1
}

// usageError is for flags and arguments that can't be.
func usageError(format string, args ...any) error {
	return cli.StatusError{StatusCode: statusUsage, Status: fmt.Sprintf(format, args...)}
}
