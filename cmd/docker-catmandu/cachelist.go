package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/depot"
	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
)

// size is a number of bytes as a person would say it.
func size(n int64) string { return units.HumanSize(float64(n)) }

func newCacheListCommand(a *app) *cobra.Command {
	var store storeFlag
	var form format
	cmd := &cobra.Command{
		Use:               "ls [OPTIONS]",
		Short:             "List the cache mounts that are stored",
		Example:           "  docker catmandu cache ls\n  docker catmandu cache ls --store registry=registry.example/team/shop-cache --format json",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runCacheList(cmd.Context(), a, &store, form.value)
		},
	}
	store.add(cmd.Flags())
	form.add(cmd.Flags(), "table", "json")
	return cmd
}

func runCacheList(ctx context.Context, a *app, store *storeFlag, form string) error {
	d, err := store.open(a, "")
	if err != nil {
		return err
	}
	all, err := d.List(ctx)
	if err != nil {
		return err
	}
	if form == "json" {
		return printJSON(a.out, struct {
			Store   string          `json:"store"`
			Size    int64           `json:"size"`
			Parcels []*depot.Parcel `json:"mounts"`
		}{d.Name, depot.Union(all), append([]*depot.Parcel{}, all...)})
	}
	if len(all) == 0 {
		fmt.Fprintf(a.err, "nothing is stored in %s\n", d.Name)
		return nil
	}
	rows := [][]string{{"name", "mount", "platform", "lock files", "files", "size", "stored", "last used"}}
	for _, p := range all {
		rows = append(rows, []string{
			p.Name, strings.TrimSpace(p.Mount + " " + p.Base), p.Platform, cmp.Or(p.Locks[:min(len(p.Locks), 12)], "none"), fmt.Sprint(p.Files),
			size(p.Bytes), size(p.Size), p.Used.Local().Format("2006-01-02 15:04"),
		})
	}
	return table(a.out, rows)
}

func newCacheRemoveCommand(a *app) *cobra.Command {
	var store storeFlag
	var all, force bool
	cmd := &cobra.Command{
		Use:     "rm [OPTIONS] NAME...",
		Short:   "Remove cache mounts that are stored",
		Long:    "Remove cache mounts that are stored, by the names that docker catmandu cache ls shows. Mounts of builders stay as they are.",
		Example: "  docker catmandu cache rm mount-1f0c3a9b2d4e77aa-none\n  docker catmandu cache rm --all --force",
		RunE: func(cmd *cobra.Command, names []string) error {
			if all == (len(names) > 0) {
				return usageError("cache rm takes names, or --all")
			}
			return runCacheRemove(cmd.Context(), a, &store, names, force)
		},
	}
	store.add(cmd.Flags())
	cmd.Flags().BoolVar(&all, "all", false, "All that is stored")
	cmd.Flags().BoolVar(&force, "force", false, "Do not ask")
	return cmd
}

func runCacheRemove(ctx context.Context, a *app, store *storeFlag, names []string, force bool) error {
	d, err := store.open(a, "")
	if err != nil {
		return err
	}
	stored, err := d.List(ctx)
	if err != nil {
		return err
	}
	chosen := stored
	if len(names) > 0 {
		chosen = nil
		for _, name := range names {
			i := slices.IndexFunc(stored, func(p *depot.Parcel) bool { return p.Name == name })
			if i < 0 {
				return fmt.Errorf("%s: %s is not stored\nhint: docker catmandu cache ls lists what is", d.Name, name)
			}
			chosen = append(chosen, stored[i])
		}
	}
	if len(chosen) == 0 {
		_, err := fmt.Fprintln(a.out, "nothing to remove")
		return err
	}
	before := depot.Union(stored)
	if err := a.confirm(ctx, force, fmt.Sprintf("Remove %s from %s?", counted(len(chosen), "stored mount"), d.Name)); err != nil {
		return err
	}
	if err := d.Remove(ctx, chosen...); err != nil {
		if registry.IsRefused(err) {
			err = fmt.Errorf("%w\nhint: this registry removes nothing when it is asked; its own settings say what goes when", err)
		}
		return err
	}
	left, err := d.List(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "removed %s, %s\n", counted(len(chosen), "stored mount"), size(before-depot.Union(left)))
	return err
}
