package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

type mergeOptions struct {
	builder string
	format  format
}

const mergeLong = `Join what several builds pushed, each for a platform of its own, into one image per service.

Each FILE is of one docker catmandu build --push --digest-file FILE. Such a build pushes without tags, so that nobody
pulls half an image; merge pushes the whole under every tag. The files must be of one project and target, with the
same services and tags, and have each platform once. Nothing is pushed before all images were found in their registries.
The same files give the same digests, so a merge that was interrupted can be run again.

No builder has to run: of the one that --builder names, or BUILDX_BUILDER, or buildx's current one, only the settings for
registries are read.`

const mergeExample = `  docker catmandu build --target prod --platform linux/amd64 --push --digest-file amd64.json
  docker catmandu build --target prod --platform linux/arm64 --push --digest-file arm64.json
  docker catmandu merge amd64.json arm64.json
  docker catmandu merge --format json *.json | jq -r '.indexes[].digest'`

func newMergeCommand(a *app) *cobra.Command {
	var o mergeOptions
	cmd := &cobra.Command{
		Use:     "merge [OPTIONS] FILE...",
		Short:   "Join what was pushed for several platforms into one image per service",
		Long:    mergeLong,
		Example: mergeExample,
		Args: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 {
				return usageError("%s needs a file or more, of docker catmandu build --digest-file", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error {
			return runMerge(cmd.Context(), a, &o, files)
		},
	}
	cmd.Flags().StringVar(&o.builder, "builder", "", "Builder whose settings for registries are used")
	o.format.add(cmd.Flags(), "table", "json")
	_ = cmd.RegisterFlagCompletionFunc("builder", completeBuilders(a))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(o.format.choices, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runMerge(ctx context.Context, a *app, o *mergeOptions, files []string) error {
	var all []*buildx.Digests
	var errs []error
	for _, file := range files {
		d, err := buildx.ReadDigests(file)
		all, errs = append(all, d), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	merge, err := buildx.NewMerge(all)
	if err != nil {
		return err
	}
	if err := a.pushMerge(ctx, merge, cmp.Or(o.builder, os.Getenv("BUILDX_BUILDER"))); err != nil {
		return err
	}
	if o.format.value == "json" {
		return printJSON(a.out, merge)
	}
	return printMerge(a.out, merge)
}

// printMerge prints a row for each index.
func printMerge(w io.Writer, m *buildx.Merge) error {
	rows := [][]string{{"service", "digest", "platforms", "tags"}}
	for _, x := range m.Indexes {
		rows = append(rows, []string{x.Service, x.Digest, strings.Join(x.Platforms, ","), strings.Join(x.Tags, ",")})
	}
	return table(w, rows)
}
