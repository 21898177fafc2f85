package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/workflow"
)

func newCICommand(a *app, project *projectFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ci COMMAND",
		Short: "Build the project in a CI",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	cmd.AddCommand(newCIInitCommand(a, project))
	return cmd
}

type ciInitOptions struct {
	from   planFlags
	output string
	force  bool
	bench  bool
	plugin string
}

const ciInitLong = `Write a workflow of GitHub Actions, or jobs of GitLab CI, that build the project: for pull requests, and for the default branch, from
which images with a name in a registry are pushed. Caches are in the registry that the CI has; those of cache mounts are carried as
well where there are any. All that a job takes is pinned.

The file is .github/workflows/build.yaml or .gitlab-ci.yml at the top of the repository. A .gitlab-ci.yml that is there is left alone:
the jobs are then in a file beside it, to be included. What a job needs beside that, such as secrets, is said.`

const ciInitExample = `  docker catmandu ci init github
  docker catmandu ci init gitlab --bench
  docker catmandu ci init github --output - web`

func newCIInitCommand(a *app, project *projectFlags) *cobra.Command {
	o := ciInitOptions{from: planFlags{project: project}}
	cmd := &cobra.Command{
		Use:     "init [OPTIONS] github|gitlab [SERVICE...]",
		Short:   "Write a workflow that builds the project",
		Long:    ciInitLong,
		Example: ciInitExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] != string(workflow.GitHub) && args[0] != string(workflow.GitLab) {
				return usageError("%s takes github or gitlab, then services", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return []string{string(workflow.GitHub), string(workflow.GitLab)}, cobra.ShellCompDirectiveNoFileComp
			}
			return completeServices(project)(cmd, args, word)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCIInit(cmd.Context(), a, &o, workflow.CI(args[0]), args[1:])
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&o.from.targets, "target", []string{"prod"}, "Stage to build: prod, dev, or the name of a stage; SERVICE=STAGE for one service")
	flags.StringVarP(&o.output, "output", "o", "", "Write to this file; - is standard output (default: where the CI looks for it)")
	flags.BoolVar(&o.force, "force", false, "Write over a file that is there")
	flags.BoolVar(&o.bench, "bench", false, "Measure pull requests as well, and fail when builds get slower")
	flags.StringVar(&o.plugin, "plugin-version", "", "Tag or commit of this program that jobs install (default: that of this one)")
	completeTargets(cmd, &o.from)
	return cmd
}

func runCIInit(ctx context.Context, a *app, o *ciInitOptions, ci workflow.CI, services []string) error {
	if o.plugin != "" && !workflow.IsRevision(o.plugin) {
		return usageError("--plugin-version %s: must be a tag or a commit", o.plugin)
	}
	plan, project, err := o.from.plan(ctx, services)
	if err != nil {
		return err
	}
	a.warn(plan, project)
	if len(plan.Targets) == 0 {
		return nil
	}
	s := newSite(ctx, plan.Dir)
	facts, err := s.facts(o, plan, project)
	if err != nil {
		return err
	}
	facts.CI, facts.Named, facts.Pins = ci, services, pinsOf(ctx, a, o.plugin)
	facts.Taken = ci == workflow.GitLab && s.hasForeign(gitLabFile)
	w := workflow.New(*facts)
	notes := append(w.Notes, s.notes(ctx, plan)...)
	if o.output == "-" {
		_, err := io.WriteString(a.out, w.Text)
		return errors.Join(err, printNotes(a.err, notes))
	}
	path := o.output
	if path == "" {
		path = filepath.Join(s.top, filepath.FromSlash(w.Path))
	}
	cwd, _ := os.Getwd()
	shown := within(cwd, path)
	if err := writeWorkflow(path, w.Text, o.force); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is there already\nhint: --force writes over it, --output - only shows what would be written", shown)
		}
		return err
	}
	if err := printNotes(a.err, notes); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, shown)
	return err
}

func printNotes(w io.Writer, notes []string) error {
	for _, note := range notes {
		if !strings.HasPrefix(note, "hint: ") {
			note = "note: " + note
		}
		if _, err := fmt.Fprintln(w, note); err != nil {
			return err
		}
	}
	return nil
}

// writeWorkflow writes a file as a whole or not at all. One that is there with this text is fine as it is.
func writeWorkflow(path, text string, over bool) error {
	switch there, err := os.ReadFile(path); {
	case err == nil && string(there) == text:
		return nil
	case !errors.Is(err, fs.ErrNotExist) && !over:
		return fs.ErrExist
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return writeReport(path, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}
