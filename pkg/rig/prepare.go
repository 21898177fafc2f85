package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/edit"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
	"github.com/docker-catmandu/docker-catmandu/pkg/trial"
)

// prepare makes a version ready: its contexts, graphs and edits, and its base images.
func (r *Rig) prepare(ctx context.Context, v Version) (*version, error) {
	ready := &version{
		Version: v, graphs: map[string][]*steps.Graph{}, sources: map[string][]steps.Source{}, edits: map[editKey][]edited{},
		roots: map[contextKey]string{}, settled: map[string]bool{},
	}
	ready.Plans = map[string]*targets.Plan{}
	copies := &copies{ctx: ctx, rig: r, version: v, made: map[string]string{}}
	for _, kind := range sortedKinds(v.Plans) {
		plan, err := copies.plan(v.Plans[kind])
		if err != nil {
			return nil, err
		}
		ready.Plans[kind] = plan
		for _, t := range plan.Targets {
			ready.roots[contextKey{kind, t.Service}] = t.Context
		}
		sources, err := r.warm.Live().Graphs(ctx, plan, buildx.Asking{})
		if err != nil {
			return nil, err
		}
		ready.sources[kind] = sources
		if ready.graphs[kind], err = graphs(ctx, sources, r.warm.Live().Plain()); err != nil {
			return nil, err
		}
		for _, l := range r.labs() {
			if err := l.Prime(ctx, sources); err != nil {
				return nil, fmt.Errorf("base images: %w", err)
			}
		}
		if err := r.choose(ready, kind, v.Plans[kind]); err != nil {
			return nil, err
		}
	}
	return ready, nil
}

func graphs(ctx context.Context, sources []steps.Source, plain bool) ([]*steps.Graph, error) {
	contents := steps.NewContents(steps.NewDisk(""))
	for _, s := range sources {
		if err := contents.Know(s); err != nil {
			return nil, err
		}
	}
	var out []*steps.Graph
	for _, s := range sources {
		g, err := steps.New(ctx, s, contents, steps.Rules{Plain: plain})
		if err != nil {
			return nil, fmt.Errorf("service %q: %w", s.Service, err)
		}
		for i := range g.Steps {
			g.Steps[i].LoadTakes()
		}
		out = append(out, g)
	}
	return out, nil
}

// copies are the private copies of build contexts. Services that share one share its copy.
type copies struct {
	ctx     context.Context
	rig     *Rig
	version Version
	made    map[string]string // by what was copied: the folder, and the ignore file that counts
}

// plan is a copy of a plan that builds from private contexts, and exports nothing.
func (c *copies) plan(p *targets.Plan) (*targets.Plan, error) {
	out := *p
	out.Targets = slices.Clone(p.Targets)
	for i := range out.Targets {
		t := &out.Targets[i]
		t.CacheTo = []string{}
		if !isFolder(t.Context) || c.version.Private != nil && c.version.Private(t.Context) {
			continue
		}
		into, err := c.copy(t.Context, t.Dockerfile)
		if err != nil {
			return nil, fmt.Errorf("service %q: %w", t.Service, err)
		}
		t.Context = into
	}
	return &out, nil
}

func (c *copies) copy(dir, dockerfile string) (string, error) {
	key := dir
	if _, err := os.Stat(dockerfile + ".dockerignore"); err == nil && dockerfile != "" {
		key += "\x00" + dockerfile
	}
	if into, known := c.made[key]; known {
		return into, nil
	}
	into := filepath.Join(c.rig.warm.Dir(), "contexts", c.version.Name, strconv.Itoa(len(c.made)), filepath.Base(dir))
	if err := mkdir(into); err != nil {
		return "", err
	}
	if _, err := edit.Copy(c.ctx, dir, into, dockerfile); err != nil {
		return "", err
	}
	c.made[key] = into
	return into, nil
}

// isFolder tells a local build context from a URL.
func isFolder(context string) bool { return filepath.IsAbs(context) }

// choose finds the files that scenarios edit: those that the project names, or else guesses.
func (r *Rig) choose(v *version, kind string, original *targets.Plan) error {
	for _, g := range v.graphs[kind] {
		root := v.roots[contextKey{kind, g.Service}]
		if !isFolder(root) {
			continue
		}
		guess := edit.Choose(g, root)
		for _, scenario := range r.Scenarios {
			if !IsEdit(scenario) {
				continue
			}
			key := editKey{kind, g.Service, scenario}
			if named := r.Options.Edits[g.Service][scenario]; len(named) > 0 {
				if err := r.take(v, g, key, named, original); err != nil {
					return fmt.Errorf("service %q: scenario %s: %w", g.Service, scenario, err)
				}
				continue
			}
			switch choice := guessed(guess, scenario); {
			case choice != nil:
				v.edits[key] = append(v.edits[key], edited{Change{Path: choice.Path}, g.Service, root, choice.Why})
			case scenario == Source || scenario == Deps:
				r.missing(fmt.Sprintf("%s: no file to edit was found for scenario %s", titled(g.Service, kind), scenario))
			}
		}
	}
	return nil
}

// take is for the edits that the project names. A file that the working tree doesn't have, or that builds aren't sent, is a
// mistake; one that another revision doesn't have, or that no step takes, leaves the scenario out.
func (r *Rig) take(v *version, g *steps.Graph, key editKey, named []Change, original *targets.Plan) error {
	root := v.roots[contextKey{key.kind, g.Service}]
	of := slices.IndexFunc(original.Targets, func(t targets.Target) bool { return t.Service == g.Service })
	var out []edited
	for _, change := range named {
		if change.Path != "" && len(trial.Takers(g, change.Path)) == 0 {
			absent := absent(original.Targets[of], root, change.Path)
			if absent != nil && v.Name == session.Head {
				return absent
			}
			if absent == nil {
				absent = fmt.Errorf("no step takes %s", change.Path)
			}
			r.missing(fmt.Sprintf("%s: nothing to edit for scenario %s: %s", titled(g.Service, key.kind), key.scenario, absent))
			return nil
		}
		out = append(out, edited{change, g.Service, root, "as configured"})
	}
	v.edits[key] = out
	return nil
}

// absent says why a path is no file that builds are sent; nil when it is one.
func absent(t targets.Target, root, path string) error {
	info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(path)))
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder: name a file in it", path)
	case err == nil:
		return nil
	case exists(t.Context, path):
		return fmt.Errorf("%s is kept out of the build context by %s: an edit of it changes nothing", path, ignoreFile(t))
	}
	return fmt.Errorf("there is no %s in the build context", path)
}

// ignoreFile is the name of the one that counts.
func ignoreFile(t targets.Target) string {
	const name = ".dockerignore"
	if _, err := os.Stat(t.Dockerfile + name); t.Dockerfile != "" && err == nil {
		return filepath.Base(t.Dockerfile) + name
	}
	return name
}

func (r *Rig) missing(text string) {
	if !slices.Contains(r.Missing, text) {
		r.Missing = append(r.Missing, text)
	}
}

func guessed(c edit.Choices, scenario string) *edit.Choice {
	switch scenario {
	case Source:
		return c.Source
	case Deps:
		return c.Deps
	}
	return nil
}

func exists(root, path string) bool {
	_, err := os.Lstat(filepath.Join(root, filepath.FromSlash(path)))
	return !errors.Is(err, os.ErrNotExist)
}

func titled(service, kind string) string { return strings.TrimSpace(service + " " + kind) }
