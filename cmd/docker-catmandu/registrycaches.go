package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/refs"
	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// branchTime is how long the remotes of a repository may take to tell their branches.
const branchTime = 20 * time.Second

// registryCaches are the caches of a project in registries.
type registryCaches struct {
	refs.Question
	// dir is the project's, notes the folder where its exports are noted.
	dir, notes string
	hosts      registry.Hosts
	// within is how long an answer may take; 0 is as long as for others.
	within time.Duration
	// unread are why repositories could not be read.
	unread []error
	// unknown says what else could not be learnt.
	unknown []string
}

// registryCaches are those of the project, with the logins and settings of a builder. plans are those of from.
func (a *app) registryCaches(ctx context.Context, from *planFlags, plans []*targets.Plan, builder string, scopes []refs.Scope) (*registryCaches, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	notes := projectDir(cache, plans[0])
	noted, err := readNotes(notes)
	if err != nil {
		return nil, err
	}
	plans, automatic, err := a.automaticRefs(ctx, from, plans)
	if err != nil {
		return nil, err
	}
	c, err := newRegistryCaches(ctx, plans, noted, append(scopes, automatic...))
	if err != nil {
		return nil, err
	}
	c.dir, c.notes = plans[0].Dir, notes
	c.hosts, err = a.registries(cmp.Or(builder, os.Getenv("BUILDX_BUILDER")))
	return c, err
}

// newRegistryCaches collects what the current targets and past builds name; scopes are further ones that the user names, or that have
// names of ours.
func newRegistryCaches(ctx context.Context, plans []*targets.Plan, notes []refs.Note, scopes []refs.Scope) (*registryCaches, error) {
	c := &registryCaches{Question: refs.Question{Scopes: scopes, Notes: notes, Exports: map[string]string{}, Named: map[string]string{}}}
	branch := branchOf(ctx, plans[0].Dir)
	words := []string{plans[0].Project}
	for _, plan := range plans {
		words = append(words, string(plan.Kind))
		for _, t := range plan.Targets {
			words = append(words, t.Service, t.Stage)
		}
	}
	for _, plan := range plans {
		for _, t := range plan.Targets {
			if err := c.add(t, branch, words); err != nil {
				return nil, fmt.Errorf("service %q: %w", t.Service, err)
			}
		}
	}
	for _, repository := range c.repositories() {
		known := slices.ContainsFunc(c.Scopes, func(s refs.Scope) bool { return s.Repository == repository }) ||
			slices.ContainsFunc(notes, func(n refs.Note) bool { name, _, _, err := refs.Split(n.Ref); return err == nil && name == repository })
		if !known {
			c.unknown = append(c.unknown, fmt.Sprintf("which tags of %s are of branches: those that are exported to do not have the current one%s in them",
				repository, inBrackets(branch)))
		}
	}
	return c, nil
}

func inBrackets(branch string) string {
	if branch == "" {
		return ""
	}
	return " (" + branch + ")"
}

// add adds the refs of a target. Words are what else than the branch its tags may have in them.
func (c *registryCaches) add(t targets.Target, branch string, words []string) error {
	for _, ref := range targets.RegistryRefs(t.CacheTo) {
		repository, tag, _, err := refs.Split(ref)
		if err != nil {
			return err
		}
		if tag == "" {
			continue
		}
		c.Exports[repository+":"+tag] = t.Service
		scope, ok := refs.NewScope(repository, tag, branch, words...)
		scope.Service = t.Service
		if ok && !c.hasScope(scope) && !c.isAutomatic(repository, tag) && !c.exportedElsewhere(repository+":"+tag, branch) {
			c.Scopes = append(c.Scopes, scope)
		}
	}
	for why, names := range map[string][]string{"imports it": targets.RegistryRefs(t.CacheFrom), "has the image": t.Tags} {
		for _, ref := range names {
			repository, tag, digest, err := refs.Split(ref)
			switch {
			case err != nil:
				return err
			case digest != "":
				c.Named[repository+"@"+digest] = "service " + t.Service + " " + why
			default:
				c.Named[repository+":"+tag] = "service " + t.Service + " " + why
			}
		}
	}
	return nil
}

func (c *registryCaches) hasScope(scope refs.Scope) bool {
	return slices.ContainsFunc(c.Scopes, func(s refs.Scope) bool {
		return s.Repository == scope.Repository && s.Prefix == scope.Prefix && s.Suffix == scope.Suffix
	})
}

// isAutomatic tells of a tag whose name is ours: where the branch is in it need not be found out.
func (c *registryCaches) isAutomatic(repository, tag string) bool {
	return slices.ContainsFunc(c.Scopes, func(s refs.Scope) bool {
		return s.Slug != nil && s.Repository == repository && strings.HasPrefix(tag, s.Prefix)
	})
}

// exportedElsewhere tells of a ref that is the same on several branches: a word in it that one of them has, is not the branch.
func (c *registryCaches) exportedElsewhere(ref, branch string) bool {
	return slices.ContainsFunc(c.Notes, func(n refs.Note) bool { return n.Ref == ref && n.Branch != "" && n.Branch != branch })
}

// repositories are those that the project exports to.
func (c *registryCaches) repositories() []string {
	names := map[string]bool{}
	for ref := range c.Exports {
		names[ref] = true
	}
	for _, n := range c.Notes {
		names[n.Ref] = true
	}
	repositories := map[string]bool{}
	for ref := range names {
		if repository, _, _, err := refs.Split(ref); err == nil {
			repositories[repository] = true
		}
	}
	for _, s := range c.Scopes {
		repositories[s.Repository] = true
	}
	return slices.Sorted(maps.Keys(repositories))
}

// read asks registries for what can be caches of the project, and git for branches.
func (c *registryCaches) read(ctx context.Context) {
	if len(c.repositories()) == 0 {
		return
	}
	var all sync.WaitGroup
	all.Go(func() { c.askBranches(ctx) })
	c.Repositories = c.contents(ctx, c.repositories(), func(repository string) func(string) bool {
		return func(tag string) bool { return c.Wants(repository, tag) }
	})
	all.Wait()
	c.Now = time.Now()
}

// readWhole reads all that is in the repositories of which something may go: what their other tags reach stays.
func (c *registryCaches) readWhole(ctx context.Context, plan *refs.Plan) {
	var names []string
	for _, r := range plan.Refs {
		if repository, _, _, err := refs.Split(r.Ref); err == nil && r.State == refs.Expired && !slices.Contains(names, repository) {
			names = append(names, repository)
		}
	}
	whole := c.contents(ctx, names, func(string) func(string) bool { return nil })
	c.Repositories = slices.DeleteFunc(c.Repositories, func(old *registry.Contents) bool { return slices.Contains(names, old.Name) })
	c.Repositories = append(c.Repositories, whole...)
}

func (c *registryCaches) contents(ctx context.Context, names []string, want func(string) func(string) bool) []*registry.Contents {
	found := make([]*registry.Contents, len(names))
	errs := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			r, err := registry.Open(name, c.hosts, c.within)
			if err == nil {
				found[i], err = r.Read(ctx, want(name))
			}
			errs[i] = err
		})
	}
	all.Wait()
	c.unread = append(c.unread, slices.DeleteFunc(errs, func(err error) bool { return err == nil })...)
	return slices.DeleteFunc(found, func(c *registry.Contents) bool { return c == nil })
}

func (c *registryCaches) askBranches(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(ctx, branchTime, fmt.Errorf("no answer within %s", branchTime))
	defer cancel()
	references, err := revision.Branches(ctx, c.dir)
	if err != nil {
		c.Unknown = err.Error()
		c.unknown = append(c.unknown, "branches: "+c.Unknown)
		return
	}
	for _, r := range references {
		c.Branches = append(c.Branches, refs.Names(r)...)
	}
}

// err is the interruption, or why repositories could not be read.
func (c *registryCaches) err(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(c.unread...)
}
