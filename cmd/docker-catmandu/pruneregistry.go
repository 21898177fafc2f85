package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/docker-catmandu/docker-catmandu/pkg/refs"
	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
)

// refAge is how old the cache of a branch that is gone must be, if nothing else is said.
const refAge = 7 * 24 * time.Hour

// prunedRefs is what prune --registry prints as JSON.
type prunedRefs struct {
	*refs.Plan
	// Removed are the refs that are gone.
	Removed []string `json:"removed"`
	DryRun  bool     `json:"dryRun"`
	// Unknown says what could not be learnt.
	Unknown []string `json:"notKnown"`
}

func (o *pruneOptions) addRegistry(flags *pflag.FlagSet) {
	flags.BoolVar(&o.registry, "registry", false, "Only build caches in registries, of branches that are gone")
	flags.StringArrayVar(&o.cacheRefs, "cache-ref", nil, "With --registry: REPOSITORY:TAG, with * for the branch, of caches that are the project's")
	flags.IntVar(&o.keep, "keep", 0, "With --registry: how many of each cache stay, the newest")
}

// refScopes are the values of --cache-ref.
func (o *pruneOptions) refScopes() ([]refs.Scope, error) {
	var out []refs.Scope
	for _, text := range o.cacheRefs {
		s, err := refs.ParseScope(text)
		if err != nil {
			return nil, usageError("--cache-ref %v", err)
		}
		out = append(out, s)
	}
	return out, nil
}

func (o *pruneOptions) checkRegistry() error {
	switch {
	case len(o.stages) > 0 || o.maxUsed != "" || o.mounts || o.images || o.all || o.everything:
		return usageError("--registry goes with no --stage, --max-used-space, --cache-mounts, --images, --all or --everything")
	case o.olderThan < 0:
		return usageError("--older-than %s: must be 0 or more", o.olderThan)
	case o.keep < 0:
		return usageError("--keep %d: must be 0 or more", o.keep)
	}
	return nil
}

func runPruneRegistry(ctx context.Context, a *app, o *pruneOptions, services []string) error {
	scopes, err := o.refScopes()
	if err = errors.Join(err, o.checkRegistry()); err != nil {
		return err
	}
	plans, err := a.currentPlans(ctx, &o.from)
	if err != nil {
		return err
	}
	c, err := a.registryCaches(ctx, &o.from, plans, o.builder, scopes)
	if err != nil {
		return err
	}
	selection := refs.Selection{Services: services, OlderThan: o.olderThan, Keep: o.keep}
	c.read(ctx)
	c.readWhole(ctx, refs.New(c.Question, selection))
	out := &prunedRefs{Plan: refs.New(c.Question, selection), Removed: []string{}, DryRun: o.dryRun}
	out.Unknown = append([]string{}, c.unknown...)
	for _, text := range c.unknown {
		fmt.Fprintln(a.err, "not known:", text)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if o.format.value == "table" {
		if err := out.announce(a.err); err != nil {
			return err
		}
	}
	if len(out.Removals) > 0 && !o.dryRun {
		if err := a.confirm(ctx, o.force, "Remove "+out.what()+"?"); err != nil {
			return err
		}
		if !o.force { // an answer takes its time
			c.readWhole(ctx, out.Plan)
			out.only(refs.New(c.Question, selection))
		}
		err = c.remove(ctx, out)
	}
	switch {
	case o.format.value == "json":
		err = errors.Join(err, printJSON(a.out, out))
	case len(c.repositories()) == 0:
		fmt.Fprintln(a.err, "no service exports its cache to a registry, and no build on this machine did\nhint: --cache-ref names one, as in example.com/shop/cache:web-*")
	case len(out.Removals) > 0 || len(c.unread) == 0:
		err = errors.Join(err, out.print(a.out))
	}
	return errors.Join(err, c.err(ctx))
}

// only leaves of what was announced what would be planned now as well.
func (p *prunedRefs) only(now *refs.Plan) {
	announced := p.Removals
	p.Plan = now
	p.Removals = slices.DeleteFunc(p.Removals, func(r refs.Removal) bool {
		return !slices.ContainsFunc(announced, func(a refs.Removal) bool {
			return a.Repository == r.Repository && a.Digest == r.Digest && slices.Equal(a.Tags, r.Tags)
		})
	})
}

// remove removes what was planned. Where one removal of a repository fails, the others are left.
func (c *registryCaches) remove(ctx context.Context, p *prunedRefs) error {
	failed := map[string]error{}
	for _, r := range p.Removals {
		if failed[r.Repository] != nil || ctx.Err() != nil {
			continue
		}
		repository, err := registry.Open(r.Repository, c.hosts, c.within)
		if err == nil {
			err = removeManifest(ctx, repository, r)
		}
		if err != nil {
			failed[r.Repository] = fmt.Errorf("remove %s:%s: %w", r.Repository, r.Tags[0], err)
			continue
		}
		for _, tag := range r.Tags {
			p.Removed = append(p.Removed, r.Repository+":"+tag)
		}
	}
	err := changeNotes(c.notes, func(notes []refs.Note) []refs.Note {
		return slices.DeleteFunc(notes, func(n refs.Note) bool { return slices.Contains(p.Removed, n.Ref) })
	})
	return errors.Join(errors.Join(slices.Collect(maps.Values(failed))...), err)
}

// removeManifest removes a manifest with its tags. Some registries want the tags to go first.
func removeManifest(ctx context.Context, repository *registry.Repository, r refs.Removal) error {
	refused := repository.Remove(ctx, r.Digest)
	if !registry.IsRefused(refused) {
		return refused
	}
	for _, tag := range r.Tags {
		if err := repository.Remove(ctx, tag); err != nil {
			return refused
		}
	}
	if err := repository.Remove(ctx, r.Digest); !registry.IsRefused(err) {
		return err
	}
	return nil // without a tag the registry's own collection finds it
}

// what is a plan in a few words.
func (p *prunedRefs) what() string {
	n := 0
	for _, r := range p.Removals {
		n += len(r.Tags)
	}
	return counted(n, "cache ref") + " in registries"
}

// announce prints what will go, and before nothing goes also what will stay.
func (p *prunedRefs) announce(w io.Writer) error {
	list := p.Refs
	if !p.DryRun {
		list = slices.DeleteFunc(slices.Clone(list), func(r refs.Ref) bool { return r.State != refs.Expired })
	}
	return printRefs(w, list)
}

func printRefs(w io.Writer, list []refs.Ref) error {
	if len(list) == 0 {
		return nil
	}
	rows := [][]string{{"ref", "state", "size", "why"}}
	for _, r := range list {
		rows = append(rows, []string{r.Ref, r.State, units.HumanSize(float64(r.Bytes)), r.Reason})
	}
	return table(w, rows)
}

func (p *prunedRefs) print(w io.Writer) error {
	switch {
	case len(p.Removals) == 0:
		_, err := fmt.Fprintln(w, "nothing to remove")
		return err
	case p.DryRun:
		fmt.Fprintln(w, "would remove", p.what())
	default:
		fmt.Fprintf(w, "removed %s in registries\n", counted(len(p.Removed), "cache ref"))
		if len(p.Removed) == 0 {
			return nil
		}
	}
	_, err := fmt.Fprintf(w, "that frees up to %s once the registry has collected its garbage (Distribution: registry garbage-collect CONFIG, while nobody pushes)\n",
		units.HumanSize(float64(p.Bytes)))
	return err
}
