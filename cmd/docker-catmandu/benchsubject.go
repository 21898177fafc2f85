package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
	"github.com/docker-catmandu/docker-catmandu/pkg/rig"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// subject is what is measured.
type subject struct {
	project   *compose.Project
	services  []string
	versions  []rig.Version
	scenarios []string
	edits     map[string]map[string][]rig.Change
	config    compose.Bench
	effects   session.Effects
	erratic   []string
	vcs       *session.VCS
	// against is what the base is; nil where there is none.
	against *commit
	// estimate is what the session took the last time; 0 is unknown.
	estimate time.Duration
	replica  *replica
}

func (s *subject) close() {
	if s.replica != nil {
		s.replica.close()
	}
}

// head is a plan of the working tree.
func (s *subject) head() *targets.Plan { return anyPlan(s.versions[0]) }

func anyPlan(v rig.Version) *targets.Plan {
	for _, kind := range []string{"", string(targets.Prod), string(targets.Dev)} {
		if plan := v.Plans[kind]; plan != nil {
			return plan
		}
	}
	return nil
}

// allTargets is a plan of all kinds at once, to be asked about.
func allTargets(v rig.Version) *targets.Plan {
	out := *anyPlan(v)
	out.Targets = nil
	for _, kind := range slices.Sorted(maps.Keys(v.Plans)) {
		out.Targets = append(out.Targets, v.Plans[kind].Targets...)
	}
	return &out
}

// versus says what is compared with what.
func (s *subject) versus() string {
	switch {
	case s.against == nil && len(s.versions) > 1:
		return " · A/A: the same twice"
	case s.against == nil:
		return ""
	}
	return " · A/B against " + s.against.String()
}

// subject finds out what is measured: the working tree, and the revision that it is measured against.
func (a *app) subject(ctx context.Context, o *benchOptions, services []string) (_ *subject, err error) {
	s := &subject{services: services}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	head, err := a.headVersion(ctx, o, s)
	if err != nil {
		return nil, err
	}
	s.versions = []rig.Version{head}
	if err := s.configure(o); err != nil {
		return nil, err
	}
	s.vcs = stateOf(ctx, s.head().Dir)
	switch {
	case o.same:
		base := head
		base.Name = session.Base
		s.versions = append(s.versions, base)
	case o.against != "":
		base, err := s.baseVersion(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("--against %s: %w", o.against, err)
		}
		s.versions = append(s.versions, base)
	}
	return s, nil
}

// headVersion plans the working tree: for production and development where no target is asked for and they differ.
func (a *app) headVersion(ctx context.Context, o *benchOptions, s *subject) (rig.Version, error) {
	v := rig.Version{Name: session.Head, Plans: map[string]*targets.Plan{}}
	warned := map[string]bool{}
	for _, from := range kindsOf(o.from) {
		plan, project, err := from.plan(ctx, s.services)
		if err != nil {
			return v, err
		}
		s.project, v.Environment = project, project.Environment
		v.Plans[string(plan.Kind)] = plan
		fresh := *plan
		fresh.Warnings = slices.DeleteFunc(slices.Clone(plan.Warnings), func(w compose.Warning) bool {
			text := w.Service + w.Message
			seen := warned[text]
			warned[text] = true
			return seen
		})
		a.warn(&fresh, project)
		if len(plan.Targets) == 0 {
			return v, fmt.Errorf("project %q has nothing to build", plan.Project)
		}
	}
	joinKinds(v.Plans)
	return v, nil
}

// kindsOf are the plans that are made: what was asked for, or production and development.
func kindsOf(from planFlags) []planFlags {
	for _, t := range from.targets {
		if !strings.Contains(t, "=") {
			return []planFlags{from}
		}
	}
	var out []planFlags
	for _, kind := range []targets.Kind{targets.Prod, targets.Dev} {
		one := from
		one.targets = append(slices.Clone(from.targets), string(kind))
		out = append(out, one)
	}
	return out
}

// joinKinds makes one plan of two that build the same.
func joinKinds(plans map[string]*targets.Plan) {
	prod, dev := plans[string(targets.Prod)], plans[string(targets.Dev)]
	if prod == nil || dev == nil || len(prod.Targets) != len(dev.Targets) {
		return
	}
	for i, t := range prod.Targets {
		other := dev.Targets[i]
		if t.Service != other.Service || t.Stage != other.Stage || t.Dockerfile != other.Dockerfile || t.Context != other.Context ||
			!reflect.DeepEqual(t.Build.Args, other.Build.Args) {
			return
		}
	}
	delete(plans, string(targets.Prod))
	delete(plans, string(targets.Dev))
	plans[""] = prod
}

// baseVersion checks a revision out and plans it with the same flags.
func (s *subject) baseVersion(ctx context.Context, o *benchOptions) (rig.Version, error) {
	v := rig.Version{Name: session.Base, Plans: map[string]*targets.Plan{}, Environment: s.versions[0].Environment}
	r, err := resolveRange(ctx, &o.from, o.against, "", o.exact)
	if err != nil {
		return v, err
	}
	s.against = &r.base
	tree, err := revision.Open(ctx, r.dir, r.base.ID)
	if err != nil {
		return v, err
	}
	defer tree.Close()
	var also []string
	for _, plan := range s.versions[0].Plans {
		also = append(also, plan.Files...)
		for _, t := range plan.Targets {
			if filepath.IsAbs(t.Dockerfile) {
				also = append(also, t.Dockerfile)
			}
		}
	}
	slices.Sort(also)
	if s.replica, err = newReplica(ctx, tree, o.from.project, slices.Compact(also)); err != nil {
		return v, err
	}
	v.Private = func(path string) bool {
		rel, err := filepath.Rel(s.replica.under, path)
		return err == nil && filepath.IsLocal(rel)
	}
	for _, from := range kindsOf(o.from) {
		plan, broken, err := s.replica.plan(ctx, &from, s.services)
		if err == nil && len(broken) > 0 {
			err = broken[slices.Sorted(maps.Keys(broken))[0]]
		}
		if errors.Is(err, compose.ErrNoFile) {
			return v, errors.New("it has no Compose file")
		}
		if err != nil {
			return v, s.replica.onDisk(err)
		}
		if len(s.services) > 0 { // a load that misses one of them takes all that there are
			plan = plan.Only(s.services...)
		}
		if len(plan.Targets) == 0 {
			return v, errors.New("it has nothing to build of what is measured")
		}
		v.Plans[string(plan.Kind)] = plan
	}
	if joined := s.versions[0].Plans[""]; joined != nil {
		if joinKinds(v.Plans); v.Plans[""] == nil { // there they differ
			s.versions[0].Plans = map[string]*targets.Plan{string(targets.Prod): joined, string(targets.Dev): joined}
		}
	}
	if err := s.replica.fill(ctx, r.base.ID); err != nil {
		return v, err
	}
	if s.vcs != nil {
		s.vcs.Base = r.base.ID
	}
	return v, nil
}

// stateOf is the revision of a folder; nil where there is none. Sessions that were saved there are no change of it.
func stateOf(ctx context.Context, dir string) *session.VCS {
	state, err := revision.StateOf(ctx, dir, session.StoreFolder)
	if err != nil || state.Commit == "" {
		return nil
	}
	return &session.VCS{Revision: state.Commit, Branch: state.Branch, Dirty: state.Dirty}
}
