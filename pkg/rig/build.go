package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/lab"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
	"github.com/docker-catmandu/docker-catmandu/pkg/trial"
)

// Build runs a case once. An error says that no run can be made any more; a run that is not what its scenario says is none.
func (r *Rig) Build(ctx context.Context, c session.Case, _ int) (session.Run, error) {
	r.seq++
	var run session.Run
	var err error
	switch c.Scenario {
	case Cold:
		run, err = r.buildCold(ctx, c)
	case ColdBuilder, CI:
		run, err = r.buildFresh(ctx, c)
	default:
		run, err = r.buildWarm(ctx, c)
	}
	if gone := r.gone(); gone != nil {
		return run, fmt.Errorf("%w: what was measured before and after that doesn't compare", gone)
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w", c.Name(), err)
	}
	return run, err
}

// labs are those that there are.
func (r *Rig) labs() []*lab.Lab {
	if r.cold == r.warm {
		return []*lab.Lab{r.warm}
	}
	return []*lab.Lab{r.warm, r.cold}
}

func (r *Rig) gone() error {
	for _, l := range r.labs() {
		if err := l.Gone(); err != nil {
			return err
		}
	}
	return nil
}

// plan is what a case builds.
func (v *version) plan(c session.Case) *targets.Plan {
	p := v.Plans[c.Kind]
	if c.Service == "" {
		return p
	}
	return p.Only(c.Service)
}

// buildCold builds where nothing is left of earlier builds but base images.
func (r *Rig) buildCold(ctx context.Context, c session.Case) (session.Run, error) {
	v := r.versions[c.Version]
	if err := r.cold.Reset(ctx); err != nil {
		return session.Run{}, err
	}
	run, err := r.measure(ctx, r.cold, c, r.cold.Adapt(withoutImports(v.plan(c)), true))
	if err != nil {
		return run, err
	}
	if r.cold == r.warm { // its local sources are gone
		v.unsettle()
	}
	if err := r.cold.Sweep(ctx); err != nil {
		return run, err
	}
	r.judge(&run, trial.Claim{Scenario: trial.Cold, Graphs: v.graphs[c.Kind]})
	return run, nil
}

// buildFresh builds where there is nothing at all.
func (r *Rig) buildFresh(ctx context.Context, c session.Case) (session.Run, error) {
	l, err := r.warm.Fresh(ctx)
	if err != nil {
		return session.Run{}, err
	}
	plan := r.versions[c.Version].plan(c)
	if c.Scenario == ColdBuilder {
		plan = withoutImports(plan)
	}
	run, err := r.measure(ctx, l, c, plan)
	if closeErr := l.Close(context.WithoutCancel(ctx)); err == nil {
		err = closeErr
	}
	if err != nil {
		return run, err
	}
	claim := trial.Claim{Scenario: c.Scenario, Graphs: r.versions[c.Version].graphs[c.Kind]}
	if c.Scenario == CI {
		for _, t := range plan.Targets {
			claim.Imports = append(claim.Imports, t.CacheFrom...)
		}
	}
	r.judge(&run, claim)
	return run, nil
}

func withoutImports(p *targets.Plan) *targets.Plan {
	out := *p
	out.Targets = slices.Clone(p.Targets)
	for i := range out.Targets {
		out.Targets[i].CacheFrom = []string{}
	}
	return &out
}

// buildWarm builds where the last build is still there, after an edit if the scenario has one.
func (r *Rig) buildWarm(ctx context.Context, c session.Case) (run session.Run, err error) {
	v := r.versions[c.Version]
	plan := r.warm.Adapt(withoutImports(v.plan(c)), false)
	if err := r.settle(ctx, v, c, plan); err != nil {
		return run, err
	}
	claim := trial.Claim{Scenario: c.Scenario, Graphs: v.graphs[c.Kind]}
	if claim.Before, err = r.left(ctx); err != nil {
		return run, err
	}
	var files []string
	if IsEdit(c.Scenario) {
		v.unsettle()
		done, err := r.apply(ctx, v, c)
		if err != nil {
			return run, err
		}
		claim.Edits, files = done.claims, done.paths
		defer func() { err = errors.Join(err, done.revert()) }()
	}
	if run, err = r.measure(ctx, r.warm, c, plan); err != nil {
		return run, err
	}
	run.Edited = files
	if claim.After, err = r.warm.Mounts(ctx); err != nil {
		return run, err
	}
	r.mounts = claim.After
	r.judge(&run, claim)
	return run, nil
}

// left are the cache mounts that builds until now have left, those with them that are gone since the last one.
func (r *Rig) left(ctx context.Context) (map[string]int64, error) {
	now, err := r.warm.Mounts(ctx)
	if err != nil {
		return nil, err
	}
	for id, size := range r.mounts {
		if _, there := now[id]; !there {
			now[id] = size
		}
	}
	return now, nil
}

// settle builds what a case builds, with the files as they are, if that is not what was built last.
func (r *Rig) settle(ctx context.Context, v *version, c session.Case, plan *targets.Plan) error {
	key := c.Kind + " " + c.Service
	if v.settled[key] {
		return nil
	}
	if _, err := r.warm.Builder().Build(ctx, plan, r.options(v)); err != nil {
		return err
	}
	v.settled[key] = true
	return nil
}

func (v *version) unsettle() { clear(v.settled) }

// judge decides whether a run is what its scenario says.
func (r *Rig) judge(run *session.Run, c trial.Claim) {
	o := trial.Prove(c, run)
	run.Valid, run.Why, run.Proof, run.Missed = o.Valid, o.Why, o.Proof, o.Missed
}

// measure times a build.
func (r *Rig) measure(ctx context.Context, l *lab.Lab, c session.Case, plan *targets.Plan) (session.Run, error) {
	v := r.versions[c.Version]
	if err := l.Gone(); err != nil { // buildx would wait for it
		return session.Run{}, err
	}
	meter := startMeter(ctx, l)
	began := time.Now()
	result, err := l.Builder().Build(ctx, plan, r.options(v))
	wall := time.Since(began)
	if err != nil {
		return session.Run{}, err
	}
	used := meter.stop(ctx)
	run := trial.Read(result, v.graphs[c.Kind], began, r.usage(ctx, l, result))
	run.Wall = wall.Seconds()
	for i := range run.Steps {
		run.Steps[i].File = r.File(run.Steps[i].File)
	}
	if used.cpu > 0 {
		run.CPU = used.cpu
	}
	run.Busy = used.busy
	return run, nil
}

// usage is what the builder counted for each step.
func (r *Rig) usage(ctx context.Context, l *lab.Lab, result *buildx.Result) map[string]buildx.Usage {
	out := map[string]buildx.Usage{}
	seen := map[string]bool{}
	for _, t := range result.Targets {
		if t.Ref == "" || seen[t.Ref] {
			continue
		}
		seen[t.Ref] = true
		used, err := l.Live().Usage(ctx, t.Ref)
		if err != nil {
			continue // it is measured without
		}
		for dgst, u := range used {
			out[dgst] = u
		}
	}
	return out
}

// options are those of every build: nothing is exported, nothing shown.
func (r *Rig) options(v *version) buildx.BuildOptions {
	return buildx.BuildOptions{
		Outputs: buildx.Outputs{Specs: []string{"type=cacheonly"}}, Progress: "quiet", Out: io.Discard, Notices: io.Discard,
		Environment: v.Environment, Jobs: r.Jobs,
	}
}
