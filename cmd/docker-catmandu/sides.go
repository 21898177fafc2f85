package main

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/comparison"
	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// sides makes what is compared.
type sides struct {
	from     *planFlags
	services []string
	images   *frontend.Assumed
	object   string // any name of an object in the repository
}

// side is a project at a revision.
type side struct {
	comparison.Side
	replica *replica // nil for the working tree
}

func (s *side) close() {
	if s.replica != nil {
		s.replica.close()
	}
}

// head is the newer one, which must be as a build would take it.
func (m *sides) head(ctx context.Context, tree *revision.Tree, plan *targets.Plan) (*side, error) {
	if plan == nil && tree.Commit() == "" {
		var err error
		if plan, _, err = m.from.plan(ctx, m.services); err != nil {
			// A sparse checkout has less on disk than in the index.
			if s, there := m.complete(ctx, tree); there == nil {
				return s, nil
			}
			return nil, err
		}
	}
	if plan == nil {
		return m.complete(ctx, tree)
	}
	s := &side{}
	s.Plan, s.Files = plan, comparison.NewFiles(tree, "", m.object)
	return s, m.ask(ctx, &s.Side)
}

// complete loads a project of which all must be there.
func (m *sides) complete(ctx context.Context, tree *revision.Tree) (*side, error) {
	s, err := m.at(ctx, tree, nil)
	if err != nil {
		return nil, err
	}
	if err := s.wrong(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// wrong is why not all of a side can be built.
func (s *side) wrong() error {
	if s.Err != nil {
		return s.Err
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.Broken)) {
		errs = append(errs, s.Broken[name])
	}
	return errors.Join(errs...)
}

// base is the older one. What is wrong with it is no error.
func (m *sides) base(ctx context.Context, tree *revision.Tree, head *side) (*side, error) {
	var also []string
	for _, file := range head.Plan.Files {
		also = append(also, head.Files.Real(file))
	}
	for _, t := range head.Plan.Targets {
		if filepath.IsAbs(t.Dockerfile) {
			also = append(also, head.Files.Real(t.Dockerfile))
		}
	}
	return m.at(ctx, tree, also)
}

// at loads the project as a revision has it.
func (m *sides) at(ctx context.Context, tree *revision.Tree, also []string) (*side, error) {
	r, err := newReplica(ctx, tree, m.from.project, also)
	if err != nil {
		return nil, err
	}
	s := &side{replica: r}
	s.Files = comparison.NewFiles(tree, r.under, m.object)
	s.Plan, s.Broken, s.Err = r.plan(ctx, m.from, m.services)
	if s.Err != nil {
		s.Plan = nil
		if ctx.Err() != nil {
			s.close()
			return nil, context.Cause(ctx)
		}
		s.Err = r.onDisk(s.Err)
		return s, nil
	}
	for name, err := range s.Broken {
		s.Broken[name] = r.onDisk(err)
	}
	if err := m.ask(ctx, &s.Side); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

const syntaxArg = "BUILDKIT_SYNTAX"

// ask makes the graphs of a side. Releases of the official frontend are taken for the one in this program: which it is
// counts, and it is not asked.
func (m *sides) ask(ctx context.Context, s *comparison.Side) error {
	plan := *s.Plan
	plan.Targets = slices.Clone(plan.Targets)
	s.Syntax = map[string]string{}
	for i := range plan.Targets {
		t := &plan.Targets[i]
		s.Syntax[t.Service] = syntaxOf(s, t)
		if frontend.IsOfficial(t.Build.Args[syntaxArg]) {
			t.Build.Args = maps.Clone(t.Build.Args)
			delete(t.Build.Args, syntaxArg)
		}
		if inline := t.Build.DockerfileInline; inline != "" {
			t.Build.DockerfileInline = string(frontend.WithoutSyntax([]byte(inline)))
		}
	}
	read := func(dir, name string) ([]byte, error) {
		text, err := s.Files.Read(dir, name)
		if err != nil || strings.HasSuffix(name, ".dockerignore") {
			return text, err
		}
		return frontend.WithoutSyntax(text), nil
	}
	var err error
	s.Sources, err = buildx.Graphs(ctx, &plan, buildx.Asking{Images: m.images, Read: read})
	return err
}

// syntaxOf is the frontend that builds a target.
func syntaxOf(s *comparison.Side, t *targets.Target) string {
	switch arg := t.Build.Args[syntaxArg]; {
	case arg != "":
		return arg
	case t.Build.DockerfileInline != "":
		return frontend.Syntax([]byte(t.Build.DockerfileInline))
	case !filepath.IsAbs(t.Dockerfile):
		return ""
	}
	text, err := s.Files.Read(filepath.Dir(t.Dockerfile), filepath.Base(t.Dockerfile))
	if err != nil {
		return "" // it has no graph either
	}
	return frontend.Syntax(text)
}
