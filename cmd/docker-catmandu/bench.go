package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-catmandu/docker-catmandu/pkg/bench"
	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/lab"
	"github.com/docker-catmandu/docker-catmandu/pkg/rig"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

type benchOptions struct {
	from      planFlags
	builder   string
	isolation string
	scenarios []string
	against   string
	exact     bool
	runs      int
	maxTime   time.Duration
	wait      time.Duration
	seed      uint64
	jobs      int
	whole     bool
	noSizes   bool
	gate      gateFlags
	out       reportFlags
	save      bool
	dirty     bool
	// same measures the working tree against itself.
	same bool
}

const benchLong = `Measure what builds of a Compose project take: of every service and of the project as a whole, for production and
development, under scenarios.

  warm          nothing changed
  source        a source file was edited
  deps          a list of dependencies was edited
  cold          nothing of the project is cached; base images are there
  cold-builder  a builder that has nothing at all
  ci            the same, with the cache imports that the project configures

x-catmandu.bench in the Compose file sets which run, which files they edit, scenarios of the project's own, and budgets.

Builds run on a builder of their own, from copies of the build contexts: neither the user's cache nor any file is touched, and
all of it is removed at the end. A remote builder is used itself, with cache mounts of another name; what was made there is
removed, and that everything else is still there is checked.

Each run has to prove that it did what its scenario says, or it doesn't count. Runs are made in rounds, in random order, after a
round that is discarded. CPU seconds are judged where they can be measured: on a busy machine they are several times as steady.

--against REV measures a revision (or where it parted from the working tree) side by side with the working tree, and fails when
that got slower: measured again, fresh runs alone have to agree.

Exit status: 0 fine, 1 could not do it, 3 a regression, 4 over budget, 5 with --strict: cannot tell, 6 with --require-baseline:
nothing comparable, 125 wrong flags or arguments, 130 interrupted.`

const benchExample = `  docker catmandu bench
  docker catmandu bench --target prod --scenario warm,source --report report.html
  docker catmandu bench --against origin/main --scenario warm,source --report comment.md
  docker catmandu bench --save
  docker catmandu bench history`

func newBenchCommand(a *app, project *projectFlags) *cobra.Command {
	o := benchOptions{from: planFlags{project: project}}
	cmd := &cobra.Command{
		Use:               "bench [OPTIONS] [SERVICE...]",
		Short:             "Measure what builds take, and whether they got slower",
		Long:              benchLong,
		Example:           benchExample,
		ValidArgsFunction: completeServices(project),
		RunE: func(cmd *cobra.Command, services []string) error {
			return runBench(cmd.Context(), a, &o, services)
		},
	}
	o.add(a, cmd)
	cmd.Flags().StringVar(&o.against, "against", "", "Measure a git revision side by side with the working tree")
	cmd.Flags().BoolVar(&o.exact, "exact", false, "Measure against REV itself, not against its merge base with HEAD")
	cmd.AddCommand(newBenchHistoryCommand(a, project), newBenchCompareCommand(a, project), newBenchCalibrateCommand(a, project))
	return cmd
}

// add declares the flags of all commands that measure.
func (o *benchOptions) add(a *app, cmd *cobra.Command) {
	o.from.add(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&o.builder, "builder", "", "Builder whose driver and settings are measured")
	flags.StringVar(&o.isolation, "isolation", "", "How the cache is kept apart: embedded, container, namespace (default: as the builder allows)")
	flags.StringSliceVar(&o.scenarios, "scenario", nil, "Scenarios to measure (default: those of x-catmandu.bench, or warm, source, deps, cold)")
	flags.IntVar(&o.runs, "runs", 0, "Runs of each case; 0 makes as many as are needed")
	flags.DurationVar(&o.maxTime, "max-time", defaultMaxTime, "Begin no round that would end later; 0 is no limit")
	flags.DurationVar(&o.wait, "wait", quietTime, "Let a busy machine come to rest first, for so long at most")
	flags.Uint64Var(&o.seed, "seed", 0, "Seed of the order of runs; 0 chooses one")
	flags.IntVar(&o.jobs, "jobs", 0, "Services to build at once; 0 chooses by CPUs and memory of this machine")
	flags.BoolVar(&o.whole, "whole", false, "Measure the project as a whole only, not its services one by one")
	flags.BoolVar(&o.noSizes, "no-sizes", false, "Do not weigh images")
	flags.BoolVar(&o.save, "save", false, "Add the session to the project's history, .catmandu/bench")
	flags.BoolVar(&o.dirty, "allow-dirty", false, "Save the session of a working tree that is not committed")
	o.gate.add(flags)
	flags.Lookup("allow").Usage += "; or what builds may do beyond the project, as in build: network.host, fs.read=PATH, …"
	o.out.add(flags)
	completeTargets(cmd, &o.from)
	_ = cmd.RegisterFlagCompletionFunc("builder", completeBuilders(a))
	_ = cmd.RegisterFlagCompletionFunc("isolation", cobra.FixedCompletions(isolations, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("scenario", cobra.FixedCompletions(rig.Known, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(o.out.format.choices, cobra.ShellCompDirectiveNoFileComp))
}

// defaultMaxTime is what a job of a pull request may take.
const defaultMaxTime = 15 * time.Minute

var isolations = []string{string(lab.Embedded), string(lab.Container), string(lab.Namespace)}

func (o *benchOptions) check() error {
	switch {
	case o.isolation != "" && !slices.Contains(isolations, o.isolation):
		return usageError("--isolation %s: must be one of %s", o.isolation, strings.Join(isolations, ", "))
	case o.runs < 0:
		return usageError("--runs %d: must be 0 or more", o.runs)
	case o.maxTime < 0:
		return usageError("--max-time %s: must be 0 or more", o.maxTime)
	case o.wait < 0:
		return usageError("--wait %s: must be 0 or more", o.wait)
	case o.jobs < 0:
		return usageError("--jobs %d: must be 0 or more", o.jobs)
	case o.from.noCache:
		return usageError("--no-cache: scenarios say what is cached\nhint: --scenario cold")
	}
	return o.out.check()
}

func runBench(ctx context.Context, a *app, o *benchOptions, services []string) error {
	if err := o.check(); err != nil {
		return err
	}
	s, err := a.measure(ctx, o, services)
	if err != nil {
		return err
	}
	o.out.dir = s.dir
	if err := o.out.write(ctx, a, s.Session, s.trends); err != nil {
		return err
	}
	return o.gate.verdict(s.Session)
}

// measured is a session with what is known of earlier ones.
type measured struct {
	*session.Session
	trends []session.Trend
	// dir is the folder of the project.
	dir string
}

// measure makes a session: everything from the plan to the store.
func (a *app) measure(ctx context.Context, o *benchOptions, services []string) (_ *measured, err error) {
	defer func() {
		if err != nil && ctx.Err() != nil { // whatever it says
			err = context.Cause(ctx)
		}
	}()
	cleanScratches(scratchNotes())
	subject, err := a.subject(ctx, o, services)
	if err != nil {
		return nil, err
	}
	defer subject.close()
	allowed := o.gate.consent()
	for _, v := range subject.versions { // a base may ask for more than what was allowed for the head
		if err := allowed.check(ctx, a, allTargets(v)); err != nil {
			return nil, err
		}
	}
	debug.SetGCPercent(buildGC)
	s := newSession(time.Now(), subject)
	if s.Settings.Seed = o.seed; o.seed == 0 {
		s.Settings.Seed = rand.Uint64() >> 12 // JSON's numbers are exact up to 2^53
	}
	labs, err := a.lab(o.builder, subject.head().Dir)
	if err != nil {
		return nil, err
	}
	labs.ID, labs.Project, labs.Kind, labs.Notices = s.ID, subject.project.Name, lab.Kind(o.isolation), a.err
	if removed, err := lab.Clean(ctx, labs); err != nil {
		fmt.Fprintln(a.err, "warning: leftovers of an earlier bench:", err)
	} else if len(removed) > 0 {
		fmt.Fprintln(a.err, "removed what an earlier bench left:", strings.Join(removed, ", "))
	}
	r, err := rig.Open(ctx, rig.Options{
		Lab: labs, Versions: subject.versions, Scenarios: subject.scenarios, Edits: subject.edits, Whole: o.whole,
		Jobs: benchJobs(o.jobs), File: subject.file, Notices: a.err,
	})
	if err != nil {
		return nil, err
	}
	closed := false
	defer func() {
		if closed {
			return
		}
		closeErr := r.Close(context.WithoutCancel(ctx))
		if closeErr != nil && ctx.Err() != nil { // of an interrupt nothing else is told
			fmt.Fprintln(a.err, "warning:", closeErr)
			closeErr = nil
		}
		err = errors.Join(err, closeErr)
	}()
	m := &measuring{app: a, options: o, subject: subject, rig: r, session: s}
	if err := m.run(ctx); err != nil {
		return nil, err
	}
	closed = true
	if err := r.Close(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	s.Ended = time.Now()
	return m.compare(ctx)
}

// measuring is a session on its way.
type measuring struct {
	app     *app
	options *benchOptions
	subject *subject
	rig     *rig.Rig
	session *session.Session
	cases   []session.Case
	outcome *bench.Outcome
	bench   bench.Options
}

func (m *measuring) run(ctx context.Context) error {
	m.cases = m.rig.Cases()
	for _, missing := range m.rig.Missing {
		m.warn("no-edit", missing)
	}
	if len(m.cases) == 0 {
		return fmt.Errorf("nothing to measure: %s\nhint: x-catmandu.bench.services.NAME.edits says which files", strings.Join(m.rig.Missing, "; "))
	}
	m.describe(ctx)
	m.pair()
	m.bench = bench.Options{
		Cases: m.cases, Rounds: m.options.runs, MaxTime: m.options.maxTime, Seed: m.session.Settings.Seed,
		Effects: m.subject.effects, Erratic: m.subject.erratic, Build: m.rig.Build,
	}
	m.remember()
	display := newBenchDisplay(m.app.err, isTerminal(m.app.err))
	m.bench.Progress = display.show
	m.introduce()
	m.quiet(ctx)
	var err error
	m.outcome, err = bench.Run(ctx, m.bench)
	display.end()
	if err != nil {
		return err
	}
	if m.outcome.OutOfTime {
		m.warn("out-of-time", fmt.Sprintf("--max-time %s ended the session: fewer runs than the method wants", m.options.maxTime))
	}
	if !m.options.noSizes {
		if m.session.Images, err = m.rig.Sizes(ctx); err != nil {
			return err
		}
	}
	m.assemble()
	return nil
}

// pair notes which services only one version has. Then the project as a whole is another one, and no time of it fails a session.
func (m *measuring) pair() {
	if m.subject.against == nil {
		return
	}
	for _, kind := range m.session.Settings.Kinds {
		if m.rig.SameServices(kind) {
			continue
		}
		head, base := m.rig.Services(session.Head, kind), m.rig.Services(session.Base, kind)
		m.warn("services-differ", fmt.Sprintf("%s has the services %s, the working tree %s: the whole project is not judged",
			m.subject.against.Revision, strings.Join(base, ", "), strings.Join(head, ", ")))
		if !slices.Contains(m.subject.erratic, "") {
			m.subject.erratic = append(m.subject.erratic, "")
		}
	}
}

// introduce says what will be done before anything is.
func (m *measuring) introduce() {
	least, most := bench.Bounds(m.cases, m.options.runs)
	builds := fmt.Sprint(least)
	if most > least {
		builds = fmt.Sprintf("%d to %d", least, most)
	}
	w := m.app.err
	fmt.Fprintf(w, "bench  %s · %s · %s%s · %s\n", m.session.Project.Name, counted(len(m.session.Settings.Services), "service"),
		strings.Join(m.subject.scenarios, ", "), m.subject.versus(), m.builderWords())
	fmt.Fprintf(w, "plan   %s builds, %s · seed %d\n", builds, m.limitWords(), m.session.Settings.Seed)
	lines, _ := m.rig.Edits()
	for _, line := range lines {
		fmt.Fprintln(w, "      ", line)
	}
}

func (m *measuring) builderWords() string {
	b := m.session.Builder
	name := "builder of its own"
	if lab.Kind(b.Isolation) == lab.Namespace {
		name = fmt.Sprintf("builder %q", b.Name)
	}
	return fmt.Sprintf("%s (%s, BuildKit %s)", name, b.Isolation, b.BuildKit)
}

func (m *measuring) limitWords() string {
	limit := "no time limit"
	if m.options.maxTime > 0 {
		limit = fmt.Sprintf("limit %s", shortDuration(m.options.maxTime))
	}
	if words := m.subject.estimateWords(); words != "" {
		return fmt.Sprintf("%s (%s)", words, limit)
	}
	return limit + ", how long it takes is known after the first round"
}

func (m *measuring) warn(code, text string) {
	m.session.Warnings = append(m.session.Warnings, session.Warning{Code: code, Text: text})
}

// Before the first run a busy machine is given so long to come to rest.
const (
	quietTime     = 30 * time.Second
	busyPressure  = 20 // percent of ten seconds in which something waited for a CPU
	quietInterval = 2 * time.Second
)

// quiet waits for the machine to come to rest, but not for long.
func (m *measuring) quiet(ctx context.Context) {
	told := false
	for deadline := time.Now().Add(m.options.wait); time.Now().Before(deadline) && ctx.Err() == nil; {
		pressure, _, known := session.Pressure()
		if !known || pressure < busyPressure {
			return
		}
		if !told {
			fmt.Fprintf(m.app.err, "the machine is busy (CPU pressure %.0f %%): waiting up to %s\n", pressure, m.options.wait)
		}
		told = true
		select {
		case <-ctx.Done():
		case <-time.After(quietInterval):
		}
	}
}

// benchJobs is how many services a timed build has at once: as many as a build would.
func benchJobs(asked int) int {
	if asked > 0 {
		return asked
	}
	return buildx.MachineJobs()
}

// isTerminal tells whether lines may be drawn over.
func isTerminal(w any) bool {
	f, ok := w.(interface{ IsTerminal() bool })
	if ok {
		return f.IsTerminal()
	}
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
