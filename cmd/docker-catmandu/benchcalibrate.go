package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/sample"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

const benchCalibrateLong = `Measure the working tree against itself: what differs is noise. Prints for every series how much it varies, the smallest change
that so many runs would find, and budgets that would hold.`

func newBenchCalibrateCommand(a *app, project *projectFlags) *cobra.Command {
	o := benchOptions{from: planFlags{project: project}, same: true}
	cmd := &cobra.Command{
		Use:               "calibrate [OPTIONS] [SERVICE...]",
		Short:             "Find out how much the numbers vary by themselves",
		Long:              benchCalibrateLong,
		Example:           "  docker catmandu bench calibrate --scenario warm,source",
		ValidArgsFunction: completeServices(project),
		RunE: func(cmd *cobra.Command, services []string) error {
			return runBenchCalibrate(cmd.Context(), a, &o, services)
		},
	}
	o.add(a, cmd)
	return cmd
}

func runBenchCalibrate(ctx context.Context, a *app, o *benchOptions, services []string) error {
	if err := o.check(); err != nil {
		return err
	}
	o.noSizes = true
	s, err := a.measure(ctx, o, services)
	if err != nil {
		return err
	}
	if o.out.format.value != "table" {
		if err := o.out.write(ctx, a, s.Session, s.trends); err != nil {
			return err
		}
		return o.gate.verdict(s.Session)
	}
	if err := printNoise(a.out, s.Session); err != nil {
		return err
	}
	return o.gate.verdict(s.Session)
}

// headroom is how far above the slowest run a budget is suggested.
const headroom = 1.25

// printNoise prints a row for each series: both versions of it are the same.
func printNoise(w io.Writer, s *session.Session) error {
	rows := [][]string{{"case", "metric", "runs", "median", "noise", "smallest change seen with 3, 5, 10 runs", "suggested budget"}}
	for _, x := range s.Series {
		if x.Version != session.Head {
			continue
		}
		values := x.Values
		for _, y := range s.Series {
			if y.Metric == x.Metric && y.Service == x.Service && y.Kind == x.Kind && y.Scenario == x.Scenario && y.Version == session.Base {
				values = append(values, y.Values...)
			}
		}
		noise := sample.Noise(values)
		budget := ""
		if x.Metric == session.Wall {
			slowest := 0.0
			for _, v := range values {
				slowest = max(slowest, v)
			}
			budget = fmt.Sprintf("%.2g s", slowest*headroom)
		}
		rows = append(rows, []string{
			x.Name(), x.Metric, fmt.Sprint(len(values)), fmt.Sprintf("%.2f s", sample.Median(values)), fmt.Sprintf("%.0f %%", noise*100),
			fmt.Sprintf("%+.0f %%, %+.0f %%, %+.0f %%", 100*sample.Smallest(noise, 3), 100*sample.Smallest(noise, 5), 100*sample.Smallest(noise, 10)), budget,
		})
	}
	return table(w, rows)
}
