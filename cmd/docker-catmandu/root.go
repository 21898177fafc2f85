package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

const rootLong = `Build the services of a Compose project with BuildKit.

The Compose files are found and merged as docker compose does. --target prod or dev takes the production or
development stage of every service's Dockerfile; without it, exactly what docker compose would build is built.

Exit status: 0 done, 1 could not do it, 125 wrong flags or arguments, 130 interrupted.`

func newRootCommand(a *app) *cobra.Command {
	var project projectFlags
	cmd := &cobra.Command{
		Use:              "catmandu [OPTIONS] COMMAND",
		Short:            "Build a Compose project at its production or development stage",
		Long:             rootLong,
		SilenceUsage:     true,
		SilenceErrors:    true,
		TraverseChildren: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			compose.WarmUp()
			if plugin.PersistentPreRunE != nil { // nil where plugin.Run did not run it: in a test
				if err := plugin.PersistentPreRunE(cmd, args); err != nil {
					return err
				}
			}
			cmd.SetContext(interruptible(cmd.Context()))
			return nil
		},
		// Without a RunE, cobra would answer a mistyped command with help and status 0.
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError("%v", err) })
	project.add(cmd.PersistentFlags())
	_ = cmd.RegisterFlagCompletionFunc("file", completeComposeFiles)
	cmd.AddCommand(
		newPlanCommand(a, &project),
		newBuildCommand(a, &project),
		newAffectedCommand(a, &project),
		newWhyCommand(a, &project),
		newBenchCommand(a, &project),
		newDuCommand(a, &project),
		newPruneCommand(a, &project),
		newCacheCommand(a, &project),
		newCICommand(a, &project),
		newMergeCommand(a),
		newVersionCommand(a),
	)
	return cmd
}

func unknownCommand(cmd *cobra.Command, word string) error {
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return usageError("unknown command: %s; did you mean %q?", word, near[0])
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usageError("unknown command: %s (there is %s)", word, strings.Join(names, ", "))
}

// interruptible returns a context that the first SIGINT or SIGTERM ends; the second ends the process. The docker CLI tells
// of its own signals by ending parent, and a terminal sends them to both: that is one interruption.
func interruptible(parent context.Context) context.Context {
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
		case <-parent.Done():
			cancel(errInterrupted)
			<-signals
		}
		cancel(errInterrupted)
		<-signals
		os.Exit(statusInterrupted)
	}()
	return ctx
}
