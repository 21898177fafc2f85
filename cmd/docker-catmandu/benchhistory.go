package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/report"
	"github.com/docker-catmandu/docker-catmandu/pkg/report/page"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

type benchHistoryOptions struct {
	project   *projectFlags
	scenarios []string
	metric    string
	allow     []string
	format    format
	file      string
}

const benchHistoryLong = `Show what became of the numbers over the sessions that bench --save kept, in .catmandu/bench.

Sessions on another machine or with other settings are listed, but no line joins them with the others. Where a series began to be
slower or faster is marked: chance would make less than one in a thousand such marks.`

func newBenchHistoryCommand(a *app, project *projectFlags) *cobra.Command {
	o := benchHistoryOptions{project: project}
	cmd := &cobra.Command{
		Use:   "history [OPTIONS] [SERVICE...]",
		Short: "Show saved sessions and how the numbers changed",
		Long:  benchHistoryLong,
		Example: `  docker catmandu bench history
  docker catmandu bench history api --scenario source
  docker catmandu bench history --report history.html`,
		ValidArgsFunction: completeServices(project),
		RunE: func(cmd *cobra.Command, services []string) error {
			return runBenchHistory(cmd.Context(), a, &o, services)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.scenarios, "scenario", nil, "Only these scenarios")
	flags.StringVar(&o.metric, "metric", "", "Only this metric: wall, cpu, size")
	flags.StringSliceVar(&o.allow, "allow", nil, "Differences that don't count: builder, dirty")
	flags.StringVar(&o.file, "report", "", "Write an HTML report with charts")
	o.format.add(flags, "table", "json")
	return cmd
}

func runBenchHistory(ctx context.Context, a *app, o *benchHistoryOptions, services []string) error {
	metrics := []string{session.Wall, session.CPU, session.Size}
	if o.metric != "" && !slices.Contains(metrics, o.metric) {
		return usageError("--metric %s: must be one of wall, cpu, size", o.metric)
	}
	if err := checkDifferences(o.allow); err != nil {
		return err
	}
	s, err := a.saved(ctx, o.project, o.allow)
	if err != nil {
		return err
	}
	if len(s.sessions) == 0 {
		return errors.New("no sessions were saved yet\nhint: docker catmandu bench --save")
	}
	if all := s.sessions[len(s.sessions)-1].Settings.Services; len(services) > 0 && slices.Equal(slices.Sorted(slices.Values(services)), all) {
		services = append(services, "") // that is the whole project, and the only series where there is one service
	}
	trends := s.rules.Trends(s.sessions, nil)
	trends = slices.DeleteFunc(trends, func(t session.Trend) bool {
		return len(services) > 0 && !slices.Contains(services, t.Service) ||
			len(o.scenarios) > 0 && !slices.Contains(o.scenarios, t.Scenario) ||
			o.metric != "" && t.Metric != o.metric
	})
	if o.file != "" {
		last := s.sessions[len(s.sessions)-1]
		if err := writeReport(o.file, func(w io.Writer) error { return page.Write(w, last, trends) }); err != nil {
			return err
		}
	}
	if o.format.value == "json" {
		if trends == nil {
			trends = []session.Trend{}
		}
		return printJSON(a.out, trends)
	}
	return report.History(a.out, trends)
}

// saved are the sessions of a project, and how it compares them.
type saved struct {
	dir      string
	store    *session.Store
	sessions []*session.Session
	rules    session.Rules
}

// saved reads the store of the project that the flags mean.
func (a *app) saved(ctx context.Context, flags *projectFlags, allow []string) (*saved, error) {
	project, err := flags.load(ctx, nil, false)
	if errors.Is(err, compose.ErrNoFile) { // sessions can be files, too
		project = &compose.Project{}
		project.Dir, err = flags.repositoryDir()
	}
	if err != nil {
		return nil, err
	}
	s := &saved{dir: project.Dir, store: session.NewStore(project.Dir), rules: rulesOf(ctx, project, effectsOf(project), allow)}
	h, err := s.store.Read()
	if err != nil {
		return nil, err
	}
	for _, w := range h.Warnings {
		fmt.Fprintln(a.err, "warning:", w.Text)
	}
	s.sessions = h.Sessions
	return s, nil
}
