package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/courier"
	"github.com/docker-catmandu/docker-catmandu/pkg/porter"
)

const cacheRestoreLong = `Fill the cache mounts of the project's targets with what is stored.

A mount that has something in it is left alone: on a builder that stays it is newer than what is stored. --replace replaces it.
All that comes is verified before a build can see any of it; what is damaged or missing is an error, and the mount stays as it was.
That nothing is stored is none.`

func newCacheRestoreCommand(a *app, project *projectFlags) *cobra.Command {
	c := &carriage{from: planFlags{project: project}, app: a}
	var replace bool
	cmd := &cobra.Command{
		Use:   "restore [OPTIONS] [SERVICE...]",
		Short: "Fill the cache mounts of the project with what is stored",
		Long:  cacheRestoreLong,
		Example: "  docker catmandu cache restore --target prod\n" +
			"  docker catmandu cache restore --store registry=registry.example/team/shop-cache",
		ValidArgsFunction: completeServices(project),
		RunE: func(cmd *cobra.Command, services []string) error {
			return runCacheRestore(cmd.Context(), c, replace, services)
		},
	}
	c.add(cmd, a, "restore the mounts of")
	cmd.Flags().BoolVar(&replace, "replace", false, "Replace what is in the mounts")
	return cmd
}

func runCacheRestore(ctx context.Context, c *carriage, replace bool, services []string) error {
	if err := c.prepare(ctx, services, true); err != nil {
		return err
	}
	all, err := c.each(ctx, func(ctx context.Context, d *carried) error { return c.restore(ctx, d, replace) })
	for _, d := range all {
		if d.Result == mountKept {
			fmt.Fprintf(c.app.err, "cache mount %q: has something in it and is left alone\nhint: --replace replaces it\n", d.ID)
		}
	}
	return errors.Join(c.print(all), err)
}

// restore restores one mount.
func (c *carriage) restore(ctx context.Context, d *carried, replace bool) error {
	p, err := c.depot.Find(ctx, keyOf(d.Mount))
	if err != nil {
		return err
	}
	if p == nil {
		d.Result = mountMissing
		return nil
	}
	var restored *courier.Restored
	err = c.beside(ctx, d.Mount, func(ctx context.Context, h porter.Helper) (err error) {
		restored, err = courier.Restore(ctx, h, c.depot, p, replace, c.memory(d.Mount))
		return err
	})
	if err != nil {
		return err
	}
	d.of(p)
	d.Result, d.Moved = mountRestored, restored.Moved
	if restored.NotEmpty {
		d.Result = mountKept
	}
	return nil
}
