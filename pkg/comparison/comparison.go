// Package comparison compares the images of a project as two revisions make them: which of them differ, and why.
//
// It compares the keys of graphs; where there is none, all files that a build could take. Nothing that changes an image may
// be missed; to name an image too many is allowed. It asks no builder, reads files through git's trees only, and prints
// nothing.
package comparison

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Side is a project at one revision.
type Side struct {
	// Plan is nil when Err says why there is none.
	Plan *targets.Plan
	Err  error
	// Broken are the errors of services that the project has and that can't be built.
	Broken map[string]error
	// Sources are the graphs of the plan.
	Sources []steps.Source
	// Syntax is the frontend that each service's Dockerfile names.
	Syntax map[string]string
	Files  *Files

	graphs map[image]*steps.Graph
	config map[image][]byte
}

// image is one of a service.
type image struct{ service, platform string }

// Change is a service whose image is another than before.
type Change struct {
	Service string `json:"service"`
	// Target is the stage; empty is the last.
	Target string `json:"target"`
	// Platforms are those of the image, empty where the builder's own is built for.
	Platforms []string `json:"platforms"`
	// New services are not in the base.
	New bool `json:"new,omitempty"`
	// Exact is false where files changed that the image may not have in it.
	Exact  bool   `json:"exact"`
	Reason string `json:"reason"`
	// Step is the name of the first step that is another than before, File and Line its place.
	Step  string       `json:"step,omitempty"`
	File  string       `json:"file,omitempty"`
	Line  int          `json:"line,omitempty"`
	Cause *steps.Cause `json:"cause,omitempty"`
}

// Comparison is what differs between two sides. All are by name.
type Comparison struct {
	Changes []Change `json:"affected"`
	// Same are the services whose image is the same, Removed those that are no longer there.
	Same    []string `json:"unaffected"`
	Removed []string `json:"removed"`
}

// New compares.
func New(ctx context.Context, base, head *Side) (*Comparison, error) {
	c := &comparer{base: base, head: head, changes: map[string]*Change{}, same: map[string]bool{}}
	touched := map[string]bool{}
	for _, t := range head.Plan.Targets {
		same, err := c.untouched(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("service %q: %w", t.Service, err)
		}
		touched[t.Service] = !same
	}
	var eg errgroup.Group
	eg.Go(func() error { return base.load(ctx, touched) })
	eg.Go(func() error { return head.load(ctx, touched) })
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	out := &Comparison{Changes: []Change{}, Same: []string{}, Removed: []string{}}
	for _, t := range head.Plan.Targets {
		if t.Linked { // nobody gets its image
			continue
		}
		if !touched[t.Service] {
			out.Same = append(out.Same, t.Service)
			continue
		}
		change, err := c.change(ctx, t)
		switch {
		case err != nil:
			return nil, fmt.Errorf("service %q: %w", t.Service, err)
		case change != nil:
			out.Changes = append(out.Changes, *change)
		default:
			out.Same = append(out.Same, t.Service)
		}
	}
	if base.Plan != nil {
		for _, t := range base.Plan.Targets {
			if !t.Linked && head.target(t.Service) == nil {
				out.Removed = append(out.Removed, t.Service)
			}
		}
	}
	return out, nil
}

// load makes the graphs of the services that may have changed.
func (s *Side) load(ctx context.Context, touched map[string]bool) error {
	s.graphs, s.config = map[image]*steps.Graph{}, map[image][]byte{}
	contents := steps.NewContents(s.Files)
	sources := slices.Clone(s.Sources)
	for i := range sources {
		var err error
		if sources[i].Definition, err = settled(sources[i].Definition); err != nil {
			return err
		}
		if err := contents.Know(sources[i]); err != nil {
			return err
		}
	}
	graphs := make([]*steps.Graph, len(sources))
	var eg errgroup.Group
	for i, source := range sources {
		if !touched[source.Service] {
			continue
		}
		eg.Go(func() error {
			g, err := steps.New(ctx, source, contents, steps.Rules{})
			if err != nil { // that a builder would refuse it is no reason to say nothing of the others
				g = &steps.Graph{Service: source.Service, Platform: source.Platform, Unknown: line(err)}
			}
			graphs[i] = g
			return ctx.Err()
		})
	}
	err := eg.Wait()
	for i, g := range graphs {
		if g != nil {
			s.graphs[image{g.Service, g.Platform}] = g
			s.config[image{g.Service, g.Platform}] = s.Sources[i].Image
		}
	}
	return err
}

func (s *Side) target(service string) *targets.Target {
	if s.Plan == nil {
		return nil
	}
	i := slices.IndexFunc(s.Plan.Targets, func(t targets.Target) bool { return t.Service == service })
	if i < 0 {
		return nil
	}
	return &s.Plan.Targets[i]
}

// settings says which of those changed that are no part of a graph.
func settings(old, now targets.Target) string {
	for _, part := range []struct {
		what     string
		old, now any
	}{
		{"tags", old.Tags, now.Tags},
		{"platforms", old.Platforms, now.Platforms},
		{"provenance", old.Build.Provenance, now.Build.Provenance},
		{"sbom", old.Build.SBOM, now.Build.SBOM},
	} {
		if before, after := text(part.old), text(part.now); before != after {
			return fmt.Sprintf("%s changed: %s → %s", part.what, before, after)
		}
	}
	return ""
}

func text(v any) string {
	switch v := v.(type) {
	case []string:
		return "(" + strings.Join(v, ", ") + ")"
	case string:
		return fmt.Sprintf("%q", v)
	}
	out, _ := json.Marshal(v) // plain values
	return string(out)
}

func line(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}
