package lab

import (
	"context"
	"fmt"

	"github.com/docker/cli/cli/command"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// containerLab is a builder in a container of its own, in the user's engine.
type containerLab struct {
	sole
	cli        command.Cli
	containers buildx.Containers
	builder    *buildx.Builder
}

func (l *Lab) openContainer(ctx context.Context, user *buildx.Builder) error {
	containers := user.Containers("catmandu-bench-" + l.options.ID)
	l.folder.note.Containers = &containers
	place := &containerLab{cli: l.options.CLI, containers: containers}
	l.place = place
	if err := l.folder.write(); err != nil {
		return err
	}
	var err error
	if l.user, err = newStanding(ctx, user); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(l.options.Notices, "measuring in a container of its own, %s\n", containers.Name)
	b, err := user.Contain(ctx, containers, l.folder.buildxDir())
	if err != nil {
		return err
	}
	if err := l.connect(ctx, b); err != nil {
		return err
	}
	place.builder, place.live = b, l.live
	l.watch = newWatch(ctx, l.live, nil)
	return nil
}

func (c *containerLab) cpu(ctx context.Context) (float64, string, error) {
	seconds, err := c.builder.CPUSeconds(ctx)
	return seconds, "container", err
}

func (c *containerLab) remove(ctx context.Context) error {
	return buildx.RemoveContainers(ctx, c.cli, c.containers)
}
