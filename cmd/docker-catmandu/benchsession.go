package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/bench"
	"github.com/docker-catmandu/docker-catmandu/pkg/lab"
	"github.com/docker-catmandu/docker-catmandu/pkg/rig"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/trial"
)

// newSession is a session of which nothing was measured yet.
func newSession(started time.Time, s *subject) *session.Session {
	out := &session.Session{
		Schema: session.Schema, ID: session.NewID(started), Started: started,
		Tool: session.Tool{Version: version, Method: session.Method}, Project: session.Project{Name: s.project.Name},
		VCS: s.vcs, CI: session.ThisCI(os.Getenv), Warnings: []session.Warning{}, Budgets: []session.Budget{},
		Images: []session.Image{}, Cache: []session.Cache{}, Stages: []session.Stage{},
	}
	for _, file := range s.head().Files {
		out.Project.Files = append(out.Project.Files, within(s.head().Dir, file))
	}
	return out
}

// describe fills in what is measured, and on what.
func (m *measuring) describe(ctx context.Context) {
	s, live := m.session, m.rig.Live()
	s.Settings.Scenarios, s.Settings.Runs = slices.Clone(m.subject.scenarios), m.options.runs
	head := m.subject.versions[0]
	services, platforms, imports := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for kind, plan := range head.Plans {
		s.Settings.Kinds = append(s.Settings.Kinds, kind)
		for _, t := range plan.Targets {
			if !t.Linked {
				services[t.Service] = true
			}
			for _, p := range t.Platforms {
				platforms[p] = true
			}
			for _, c := range t.CacheFrom {
				imports[c] = true
			}
		}
	}
	slices.Sort(s.Settings.Kinds)
	s.Settings.Services = slices.Sorted(maps.Keys(services))
	s.Settings.Platforms = slices.Sorted(maps.Keys(platforms))
	if slices.Contains(m.subject.scenarios, rig.CI) {
		s.Settings.CacheFrom = slices.Sorted(maps.Keys(imports))
	}
	_, s.Settings.Edits = m.rig.Edits()
	s.Builder = session.Builder{
		Name: m.rig.BuilderName(), Driver: live.Driver(), BuildKit: live.Version, Isolation: string(m.rig.Isolation()), CPU: m.rig.CPUOf(ctx),
	}
	s.Machine = m.machine()
	if s.Machine.CPUModel == "" {
		s.Machine.CPUModel = "unknown"
	}
}

// machine is that of the builder: this one, unless the builder is somewhere else.
func (m *measuring) machine() session.Machine {
	switch m.rig.Isolation() {
	case lab.Embedded:
		return session.ThisMachine()
	case lab.Container: // Docker Desktop's engine has a machine of its own
		if runtime.GOOS == "linux" && strings.HasPrefix(m.app.engine(), "unix://") {
			return session.ThisMachine()
		}
	}
	live := m.rig.Live()
	return session.Machine{OS: live.OS, Arch: live.Arch}
}

// assemble makes the numbers of what was measured.
func (m *measuring) assemble() {
	s, out := m.session, m.outcome
	s.Runs = out.Runs
	for i := range s.Runs {
		if s.Runs[i].Round > 0 && s.Runs[i].Busy {
			s.Quiet.BusyRuns++
		}
	}
	pressure, load, known := session.Pressure()
	if known {
		s.Quiet.Pressure, s.Quiet.Load = append(s.Quiet.Pressure, pressure), append(s.Quiet.Load, load)
	}
	s.Series = out.Series(m.cases, m.subject.erratic)
	s.Stages = trial.Stages(s.Runs)
	for _, c := range m.cases {
		cold := c
		cold.Scenario = rig.Cold
		if runs := runsOf(s.Runs, c); len(runs) > 0 {
			found := trial.CacheOf(runs, runsOf(s.Runs, cold))
			found.Wasted = runs[trial.Median(runs)].Missed
			s.Cache = append(s.Cache, found)
		}
	}
	s.Budgets = session.Judge(m.bounds(), s)
	if len(m.subject.versions) > 1 {
		s.Compare = m.versus()
	}
	m.notes()
	s.Seal()
}

// bounds are the budgets of what was asked for.
func (m *measuring) bounds() []session.Bound {
	var out []session.Bound
	for _, b := range m.subject.bounds() {
		as, measured := m.rig.MeasuredAs(b.Kind, b.Service)
		switch isTime := b.Scenario != ""; {
		case isTime && !measured, !isTime && m.options.noSizes:
			continue
		case isTime:
			b.Service = as
		}
		out = append(out, b)
	}
	return out
}

// runsOf are the valid runs of a case without the warm-up.
func runsOf(all []session.Run, c session.Case) []session.Run {
	var out []session.Run
	for _, r := range all {
		if r.Case == c && r.Valid && r.Round > 0 {
			out = append(out, r)
		}
	}
	return out
}

// versus compares the two versions of this session.
func (m *measuring) versus() *session.Compare {
	c := &session.Compare{
		Kind: session.KindAB, To: session.Other{Name: "itself"}, Times: session.Yes, Sizes: session.Yes, Why: []string{},
		Results: bench.Results(m.bench, m.outcome),
	}
	if against := m.subject.against; against != nil {
		c.To = session.Other{Revision: against.ID, Name: against.Revision}
	}
	explained := map[session.Case]bool{}
	for i := range c.Results {
		r := &c.Results[i]
		of := session.Case{Service: r.Service, Kind: r.Kind, Scenario: r.Scenario}
		if (r.Verdict == session.Slower || r.Verdict == session.Faster) && !explained[of] { // once, for the metric that gates
			r.Because, explained[of] = m.because(*r), true
		}
	}
	c.Results = append(c.Results, m.unpaired()...)
	c.Results = append(c.Results, m.subject.effects.Sizes(imagesOf(m.session, session.Head), imagesOf(m.session, session.Base))...)
	return c
}

// unpaired are the cases that the base doesn't have.
func (m *measuring) unpaired() []session.Result {
	var out []session.Result
	for _, x := range m.session.Series {
		base := x.Case
		base.Version = session.Base
		if x.Version == session.Head && x.Gate && !slices.Contains(m.cases, base) {
			out = append(out, session.Result{
				Service: x.Service, Kind: x.Kind, Scenario: x.Scenario, Metric: x.Metric, Head: x.Median, Verdict: session.New, Gate: x.Gate,
			})
		}
	}
	return out
}

func imagesOf(s *session.Session, version string) []session.Image { return s.ImagesOf(version) }

// because are the steps that make the difference of a result.
func (m *measuring) because(r session.Result) []session.Because {
	c := session.Case{Service: r.Service, Kind: r.Kind, Scenario: r.Scenario, Version: session.Head}
	base := c
	base.Version = session.Base
	graphs := func(version string) []*steps.Graph { return m.rig.Graphs(version, r.Kind) }
	out := trial.Because(runsOf(m.session.Runs, c), runsOf(m.session.Runs, base), graphs(session.Head), graphs(session.Base))
	for i := range out {
		out[i].File = m.subject.file(out[i].File)
		if out[i].Cause != nil {
			out[i].Cause.File = m.subject.file(out[i].Cause.File)
		}
	}
	return out
}

// notes are warnings that only the end can tell.
func (m *measuring) notes() {
	if n := m.session.Quiet.BusyRuns; n > 0 {
		m.warn("host-busy", fmt.Sprintf("%d of %d runs were on a busy machine: others used more than a third of its CPUs", n, len(m.session.Runs)))
	}
	if m.session.Builder.CPU == "" {
		m.warn("no-cpu", "the builder doesn't tell CPU seconds: times are judged, which vary more")
	}
}

// file is a path as the project knows it: within its folder where it is, also for what was copied or checked out elsewhere.
func (s *subject) file(path string) string {
	if path == "" {
		return ""
	}
	if r := s.replica; r != nil {
		if rel, err := filepath.Rel(r.under, path); err == nil && filepath.IsLocal(rel) {
			path = string(filepath.Separator) + rel
		}
	}
	return within(s.head().Dir, path)
}

// compare holds a session against earlier ones, and saves it if that was asked for.
func (m *measuring) compare(ctx context.Context) (*measured, error) {
	s := m.session
	store := session.NewStore(m.subject.head().Dir)
	history, err := store.Read()
	if err != nil {
		return nil, err
	}
	for _, w := range history.Warnings {
		fmt.Fprintln(m.app.err, "warning:", w.Text)
	}
	past := history.Sessions
	rules := m.subject.rules(ctx, m.options.gate.allow)
	if s.Compare == nil && len(past) > 0 {
		s.Compare = rules.History(s, past)
	}
	if m.options.save {
		if err := m.store(store); err != nil {
			return nil, err
		}
		past = append(past, s)
	}
	if len(past) == 0 || past[len(past)-1].ID != s.ID {
		past = append(slices.Clone(past), s)
	}
	return &measured{s, rules.Trends(past, s), m.subject.head().Dir}, nil
}

// remember finds out how long such a session took the last time.
func (m *measuring) remember() {
	history, err := session.NewStore(m.subject.head().Dir).Read()
	if err != nil || len(m.subject.versions) > 1 {
		return // what is wrong with it is told when it is compared with
	}
	for _, s := range history.Sessions {
		alone := s.Compare == nil || s.Compare.Kind != session.KindAB
		if alone && session.Comparable(m.session, s, nil).Times == session.Yes {
			m.subject.estimate = s.Ended.Sub(s.Started)
		}
	}
}

// store saves a session. One of a tree with changes is none that others could be held against.
func (m *measuring) store(to *session.Store) error {
	if vcs := m.session.VCS; vcs != nil && vcs.Dirty && !m.options.dirty {
		fmt.Fprintln(m.app.err, "warning: not saved: the working tree has changes that are not committed\nhint: --allow-dirty saves it all the same")
		return nil
	}
	if err := to.SaveRuns(m.session); err != nil {
		return err
	}
	if err := to.Append(m.session); err != nil {
		return err
	}
	fmt.Fprintln(m.app.err, "saved as", m.session.ID, "in", within(m.subject.head().Dir, to.Path()))
	if taken := m.rig.TakenBy(to.Path()); len(taken) > 0 { // each session would be a change of the image
		fmt.Fprintf(m.app.err, "warning: the image of %s takes that file too, and changes with it\nhint: add .catmandu to its ignore file\n", strings.Join(taken, ", "))
	}
	return nil
}
