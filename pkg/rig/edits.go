package rig

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/edit"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/trial"
)

// Edits says in words which files are edited, for every service and scenario of the head; files are by "SERVICE SCENARIO", those
// of both kinds together.
func (r *Rig) Edits() (lines []string, files map[string][]string) {
	files = map[string][]string{}
	head := r.versions[session.Head]
	for _, kind := range sortedKinds(head.Plans) {
		for _, service := range wanted(head.Plans[kind]) {
			for _, scenario := range r.Scenarios {
				for _, e := range head.edits[editKey{kind, service, scenario}] {
					line := fmt.Sprintf("%s %s: edits %s (%s)", service, scenario, e.Change, e.why)
					if !slices.Contains(lines, line) {
						lines = append(lines, line)
					}
					key, file := service+" "+scenario, e.String()
					if !slices.Contains(files[key], file) {
						files[key] = append(files[key], file)
					}
				}
			}
		}
	}
	return lines, files
}

// editsOf are the edits of a case.
func (v *version) editsOf(c session.Case) []edited {
	if c.Service != "" {
		return v.edits[editKey{c.Kind, c.Service, c.Scenario}]
	}
	var out []edited
	seen := map[string]bool{}
	for _, service := range wanted(v.Plans[c.Kind]) {
		for _, e := range v.edits[editKey{c.Kind, service, c.Scenario}] {
			place := filepath.Join(e.root, e.Path) + e.Run
			if !seen[place] {
				seen[place], out = true, append(out, e)
			}
		}
	}
	return out
}

// TakenBy are the services of the head with a step that takes a file; the path is on disk.
func (r *Rig) TakenBy(file string) []string {
	var out []string
	for _, v := range r.Versions {
		for _, kind := range sortedKinds(v.Plans) {
			for _, t := range v.Plans[kind].Targets {
				rel, err := filepath.Rel(t.Context, file)
				if v.Name != session.Head || !isFolder(t.Context) || err != nil || !filepath.IsLocal(rel) || slices.Contains(out, t.Service) {
					continue
				}
				if len(takers(r.Graphs(v.Name, kind), t.Service, rel)) > 0 {
					out = append(out, t.Service)
				}
			}
		}
	}
	return out
}

// applied are edits that were made, with what they have to bring about.
type applied struct {
	edits  []*edit.Edit
	claims []trial.Edit
	paths  []string
}

// revert takes the edits back, the last one first.
func (a *applied) revert() error {
	var errs []error
	for _, e := range slices.Backward(a.edits) {
		errs = append(errs, e.Revert())
	}
	return errors.Join(errs...)
}

// apply edits files, each in a way that no run before it did.
func (r *Rig) apply(ctx context.Context, v *version, c session.Case) (*applied, error) {
	done := &applied{}
	for i, e := range v.editsOf(c) {
		one, err := r.change(ctx, e, r.Lab.ID+"-"+strconv.Itoa(r.seq)+"-"+strconv.Itoa(i))
		if err != nil {
			return nil, errors.Join(err, done.revert())
		}
		done.edits, done.paths = append(done.edits, one), append(done.paths, one.Paths...)
		claim, err := r.claim(ctx, v, c.Kind, e, one.Paths)
		if err != nil {
			return nil, errors.Join(err, done.revert())
		}
		done.claims = append(done.claims, claim)
	}
	return done, nil
}

// change edits one file, or lets a command do it.
func (r *Rig) change(ctx context.Context, e edited, nonce string) (*edit.Edit, error) {
	if e.Run == "" {
		return edit.Apply(e.root, e.Path, nonce)
	}
	store := filepath.Join(r.warm.Dir(), "before")
	if err := mkdir(store); err != nil {
		return nil, err
	}
	return edit.Run(ctx, e.root, store, e.Run, nonce)
}

// claim says what an edit has to bring about. Of a command that changes many files it is enough when one of them counts; and it
// may make files that nobody has seen before.
func (r *Rig) claim(ctx context.Context, v *version, kind string, e edited, paths []string) (trial.Edit, error) {
	all := v.graphs[kind]
	if e.Run != "" {
		now, err := graphs(ctx, v.sources[kind], r.warm.Live().Plain())
		if err != nil {
			return trial.Edit{}, err
		}
		all = append(slices.Clone(all), now...)
	}
	out := trial.Edit{Service: e.service, Path: some(paths)}
	for _, path := range paths {
		for _, name := range takers(all, e.service, path) {
			if !slices.Contains(out.Takers, name) {
				out.Takers = append(out.Takers, name)
			}
		}
	}
	return out, nil
}

// takers are the names of the steps of a service that take a file.
func takers(graphs []*steps.Graph, service, path string) []string {
	var out []string
	for _, g := range graphs {
		if g.Service == service {
			out = append(out, trial.Takers(g, path)...)
		}
	}
	return out
}

// someFiles is how many files a sentence has.
const someFiles = 3

func some(paths []string) string {
	text := strings.Join(paths[:min(someFiles, len(paths))], ", ")
	if more := len(paths) - someFiles; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
