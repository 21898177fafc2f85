package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

type benchCompareOptions struct {
	project *projectFlags
	gate    gateFlags
	out     reportFlags
}

const benchCompareLong = `Compare two sessions: BASE with HEAD. A session is an id or the begin of one, "latest", "latest~2", a commit that was measured,
or a file that bench --report wrote as JSON.

Times of two sessions are a hint, however many runs they have: between two sessions a machine changes more than most builds do.
Those of two machines are refused, and the reason is said; sizes compare all the same. bench --against measures both in one.

Exit status: 0 fine, 1 could not do it, 3 a regression of sizes, or with --trust-baseline of times, 4 over budget, 5 with --strict:
cannot tell, 6 with --require-baseline: not comparable.`

func newBenchCompareCommand(a *app, project *projectFlags) *cobra.Command {
	o := benchCompareOptions{project: project}
	cmd := &cobra.Command{
		Use:   "compare [OPTIONS] BASE [HEAD]",
		Short: "Compare two saved sessions",
		Long:  benchCompareLong,
		Example: `  docker catmandu bench compare latest~1
  docker catmandu bench compare main.json here.json --report compare.html`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 {
				return usageError("bench compare takes BASE and HEAD (there are %d arguments)", len(args))
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runBenchCompare(cmd.Context(), a, &o, append(args, "latest")[:2])
		},
	}
	o.gate.add(cmd.Flags())
	o.out.add(cmd.Flags())
	return cmd
}

func runBenchCompare(ctx context.Context, a *app, o *benchCompareOptions, refs []string) error {
	if err := o.out.check(); err != nil {
		return err
	}
	if err := checkDifferences(o.gate.allow); err != nil {
		return err
	}
	s, err := a.saved(ctx, o.project, o.gate.allow)
	if err != nil {
		return err
	}
	base, err := s.store.Find(refs[0])
	if err != nil {
		return err
	}
	head, err := s.store.Find(refs[1])
	if err != nil {
		return err
	}
	o.out.dir = s.dir
	compared := *head
	compared.Compare = s.rules.Sessions(head, base)
	trends := s.rules.Trends([]*session.Session{base, head}, head)
	if err := o.out.write(ctx, a, &compared, trends); err != nil {
		return err
	}
	return o.gate.verdict(&compared)
}
