package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/courier"
	"github.com/docker-catmandu/docker-catmandu/pkg/porter"
)

const cacheSaveLong = `Store what is in the cache mounts of the project's targets.

Only what changed is stored: files that are as they were when they were saved or restored last on this machine are not even read, and
of others only the pieces that are new are moved. A mount that a build is using is waited for, but a shared one (the default of a
Dockerfile) is read beside it; files that are written to at that moment are left out.

--max-size removes what was saved or restored longest ago until the whole store is no larger.`

func newCacheSaveCommand(a *app, project *projectFlags) *cobra.Command {
	c := &carriage{from: planFlags{project: project}, app: a}
	var most string
	cmd := &cobra.Command{
		Use:   "save [OPTIONS] [SERVICE...]",
		Short: "Store what is in the cache mounts of the project",
		Long:  cacheSaveLong,
		Example: "  docker catmandu cache save --target prod\n" +
			"  docker catmandu cache save --store registry=registry.example/team/shop-cache\n" +
			"  docker catmandu cache save --store local=.cache/mounts --max-size 5GB",
		ValidArgsFunction: completeServices(project),
		RunE: func(cmd *cobra.Command, services []string) error {
			return runCacheSave(cmd.Context(), c, most, services)
		},
	}
	c.add(cmd, a, "save the mounts of")
	cmd.Flags().StringVar(&most, "max-size", "", "Remove what was used longest ago until all that is stored takes no more than this")
	return cmd
}

func runCacheSave(ctx context.Context, c *carriage, most string, services []string) error {
	var limit int64
	if most != "" {
		var err error
		if limit, err = units.RAMInBytes(most); err != nil || limit <= 0 {
			return usageError("--max-size %s: must be a size such as 10GB", most)
		}
	}
	if err := c.prepare(ctx, services, false); err != nil {
		return err
	}
	all, err := c.each(ctx, c.save)
	if err := errors.Join(c.print(all), err, c.depot.Sweep()); err != nil || limit == 0 {
		return err
	}
	gone, err := c.depot.Trim(ctx, limit)
	for _, p := range gone {
		fmt.Fprintf(c.app.err, "removed %s of %s, last used %s\n", p.Name, p.Mount, p.Used.Local().Format("2006-01-02 15:04"))
	}
	return err
}

// save saves one mount.
func (c *carriage) save(ctx context.Context, d *carried) error {
	there, err := c.live.HasMount(ctx, c.mountOf(d.Mount))
	if err != nil {
		return err
	}
	if !there { // to look into it would make one
		d.Result = mountMissing
		return nil
	}
	var saved *courier.Saved
	err = c.beside(ctx, d.Mount, func(ctx context.Context, h porter.Helper) (err error) {
		saved, err = courier.Save(ctx, h, c.depot, keyOf(d.Mount), c.memory(d.Mount))
		return err
	})
	if err != nil {
		return err
	}
	d.Read, d.Moved = saved.Read, saved.Moved
	for _, name := range saved.Skipped {
		d.Skipped = append(d.Skipped, string(name))
	}
	if n := len(saved.Skipped); n > 0 {
		fmt.Fprintf(c.app.err, "cache mount %q: %s left out, sockets or in the middle of being written: %q\n", d.ID, counted(n, "file"), saved.Skipped[0])
	}
	switch {
	case saved.Parcel == nil:
		d.Result = mountEmpty
		return nil
	case saved.Unchanged:
		d.Result = mountUnchanged
	default:
		d.Result = mountSaved
	}
	d.of(saved.Parcel)
	return nil
}
