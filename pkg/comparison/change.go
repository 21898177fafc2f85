package comparison

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// comparer makes one comparison.
type comparer struct {
	base, head *Side
	changes    map[string]*Change // nil: there is none
	same       map[string]bool    // those that nothing changed of
}

// change is that of a service; nil when there is none.
func (c *comparer) change(ctx context.Context, now targets.Target) (*Change, error) {
	if known, ok := c.changes[now.Service]; ok {
		return known, nil
	}
	if same, err := c.untouched(ctx, now); same || err != nil {
		return nil, err
	}
	c.changes[now.Service] = nil // services that are built from one another in a circle are not built at all
	out := &Change{Service: now.Service, Target: now.Stage, Platforms: now.Platforms, Exact: true}
	found, err := c.find(ctx, out, now)
	if err != nil || !found {
		return nil, err
	}
	c.changes[now.Service] = out
	return out, nil
}

// find fills in what is changed, if anything is.
func (c *comparer) find(ctx context.Context, out *Change, now targets.Target) (bool, error) {
	old := c.base.target(now.Service)
	switch broken := c.base.Broken[now.Service]; {
	case broken != nil:
		out.Exact, out.Reason = false, "it could not be built as it was: "+line(broken)
		return true, nil
	case c.base.Err != nil:
		out.Exact, out.Reason = false, "the project could not be built as it was: "+line(c.base.Err)
		return true, nil
	case old == nil:
		out.New, out.Reason = true, "the service is new"
		return true, nil
	}
	if what := settings(*old, now); what != "" {
		out.Reason = what
		return true, nil
	}
	for _, platform := range platformsOf(now) {
		found, err := c.findOn(ctx, out, *old, now, image{now.Service, platform})
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// findOn compares the images for one platform.
func (c *comparer) findOn(ctx context.Context, out *Change, old, now targets.Target, of image) (bool, error) {
	was, is := c.base.graph(of), c.head.graph(of)
	if was == nil || is == nil || was.Key == "" || is.Key == "" {
		return c.guess(ctx, out, old, now, is)
	}
	if before, after := c.base.Syntax[now.Service], c.head.Syntax[now.Service]; before != after {
		out.Reason = fmt.Sprintf("syntax of the Dockerfile changed: %q → %q", before, after)
		return true, nil
	}
	if !slices.Equal(c.base.Files.missing(folders(old)), c.head.Files.missing(folders(now))) {
		out.Exact, out.Reason = false, "a submodule changed whose files are not here"
		return true, nil
	}
	if was.Key == is.Key {
		return false, nil
	}
	step, cause := explain(was, is)
	if cause == nil {
		cause = compareConfig(c.base.config[of], c.head.config[of])
	}
	out.Cause, out.Reason = cause, cause.Text
	if step != nil {
		out.Step, out.Line, out.File = step.Name, step.Line, c.head.fileOf(step)
	}
	return true, nil
}

// fileOf is the Dockerfile of a step. Of a service that another is built from, the graph of that one knows no more than the
// name of the file; its own knows the path.
func (s *Side) fileOf(step *steps.Step) string {
	if step.File == "" || filepath.IsAbs(step.File) {
		return s.Files.Real(step.File)
	}
	for _, t := range s.Plan.Targets {
		for _, platform := range platformsOf(t) {
			g := s.graph(image{t.Service, platform})
			if g == nil {
				continue
			}
			for _, own := range g.Steps {
				if own.Key == step.Key && filepath.IsAbs(own.File) {
					return s.Files.Real(own.File)
				}
			}
		}
	}
	return step.File
}

// graph is the graph of an image. One that can't be made is that of all platforms.
func (s *Side) graph(of image) *steps.Graph {
	if g := s.graphs[of]; g != nil {
		return g
	}
	return s.graphs[image{of.service, ""}]
}

func platformsOf(t targets.Target) []string {
	if len(t.Platforms) == 0 {
		return []string{""}
	}
	return t.Platforms
}
