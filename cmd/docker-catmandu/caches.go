package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/cache"
	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// cacheFlag is --cache.
type cacheFlag struct{ value string }

func (f *cacheFlag) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.value, "cache", string(cache.Auto), "Caches to use: "+cache.Usage)
}

// jobAge is longer than a job of a CI takes: what a builder has of before is of another one.
const jobAge = 6 * time.Hour

// cacheAsk is what the choice of caches is made from.
type cacheAsk struct {
	// elsewhere says that who builds may have other folders than are here now.
	elsewhere bool
	from      *planFlags
	flag      cacheFlag
	plan      *targets.Plan
	project   *compose.Project
	pushes    bool
	// live connects to the builder; it is called only where there is something to choose.
	live func(context.Context) (*buildx.Live, error)
}

// cacheSettings decides which caches a plan imports and exports.
func (a *app) cacheSettings(ctx context.Context, ask cacheAsk) (*cache.Settings, error) {
	in, err := ask.surroundings(a.job)
	if err != nil {
		return nil, err
	}
	if in.Automatic() {
		if in.Builder, err = ask.builder(ctx, in); err != nil {
			return nil, err
		}
		in.Git = gitState(ctx, ask.plan.Dir)
		in.Project = ask.variants(ctx)
	}
	s := cache.New(ask.plan, in)
	if !ask.elsewhere {
		s.Look(func(dir string) bool {
			_, err := os.Stat(filepath.Join(dir, "index.json"))
			return err == nil
		})
	}
	return s, nil
}

// surroundings are those that need neither builder nor repository. job may be nil: then there is no CI.
func (ask cacheAsk) surroundings(job func() cache.CI) (cache.Surroundings, error) {
	in := cache.Surroundings{
		Builder: cache.Builder{Exports: true, Nodes: 1, Platform: nativePlatform},
		Pushes:  ask.pushes, NoCache: ask.from.noCache,
	}
	if job != nil {
		in.CI = job()
	}
	cwd, err := os.Getwd()
	if err != nil {
		return in, err
	}
	if in.Flag, err = cache.ParseChoice(ask.flag.value, cwd); err != nil {
		return in, usageError("--cache %v", err)
	}
	if in.Request, err = parseTargets(ask.from.targets); err != nil {
		return in, err
	}
	said := ask.project.Config.Cache
	in.Config = cache.Config{Export: said.Export, Branch: said.Branch, DefaultBranch: said.DefaultBranch}
	said.Position.File = within(ask.plan.Dir, said.Position.File)
	in.Config.At = said.Position.String()
	if said.Use != "" {
		if in.Config.Use, err = cache.ParseChoice(said.Use, ask.plan.Dir); err != nil {
			return in, fmt.Errorf("%s: x-catmandu.cache: %w", said.Position, err)
		}
	}
	for _, s := range ask.project.Services {
		if s.Config.CacheOff {
			in.Config.Off = append(in.Config.Off, s.Name)
		}
	}
	return in, nil
}

// nativePlatform is what a builder builds for that can't be asked.
var nativePlatform = "linux/" + runtime.GOARCH

// builder asks the builder what it can do. One that doesn't run is taken for one that can do all.
func (ask cacheAsk) builder(ctx context.Context, in cache.Surroundings) (cache.Builder, error) {
	live, err := ask.live(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return in.Builder, context.Cause(ctx)
		}
		if errors.Is(err, buildx.ErrNotRunning) || errors.Is(err, errAsleep) {
			return in.Builder, nil
		}
		return in.Builder, err
	}
	can, err := live.CacheAbilities(ctx)
	if err != nil {
		return in.Builder, err
	}
	b := cache.Builder{
		Name: can.Name, Driver: can.Driver, Version: can.Version, Exports: can.Exports, Nodes: can.Nodes,
		Platform: cmp.Or(can.Platform, nativePlatform), Keeps: in.CI.Name == "",
	}
	if !b.Keeps {
		b.Keeps, err = live.Keeps(ctx, time.Now().Add(-jobAge))
	}
	return b, err
}

// gitState is where the project's working tree is. Where git can't tell there are no branches.
func gitState(ctx context.Context, dir string) cache.Git {
	branch, err := revision.Branch(ctx, dir)
	if err != nil {
		return cache.Git{}
	}
	main, err := revision.DefaultBranch(ctx, dir)
	if err != nil {
		return cache.Git{}
	}
	return cache.Git{Repository: true, Branch: branch, Default: main}
}

// variants are plans of all services of the project: as asked for, at both kinds, and as declared. What can't be planned has no
// caches to share.
func (ask cacheAsk) variants(ctx context.Context) []cache.Variant {
	project, err := ask.from.project.load(ctx, nil, true)
	if err != nil {
		return nil
	}
	asked, err := parseTargets(ask.from.targets)
	if err != nil {
		return nil
	}
	overrides, err := ask.from.overrides(project.Environment)
	if err != nil {
		return nil
	}
	requests := []targets.Request{asked}
	for _, target := range []string{string(targets.Prod), string(targets.Dev), ""} {
		if target != asked.Target || len(asked.Services) > 0 {
			requests = append(requests, targets.Request{Target: target})
		}
	}
	var out []cache.Variant
	for _, r := range requests {
		plan, err := targets.New(project, r)
		if err != nil {
			continue
		}
		plan.Override(overrides)
		out = append(out, cache.Variant{Request: r, Plan: plan})
	}
	return out
}

// writable makes a folder and sees whether files can be made there.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// noteCaches prints what the user should know of the caches before the build.
func (a *app) noteCaches(s *cache.Settings) {
	for _, note := range s.Notes {
		if !strings.HasPrefix(note, "hint: ") {
			note = "warning: " + note
		}
		_, _ = fmt.Fprintln(a.err, note)
	}
}

// cacheRows are a row for each import and export, and for builds that export nothing.
func cacheRows(s *cache.Settings) [][]string {
	rows := [][]string{{"service", "cache", "place", "why"}}
	for _, b := range s.Builds {
		name := strings.Join(b.Services, ",")
		add := func(what, place, why string) {
			rows = append(rows, []string{name, what, place, why})
		}
		for _, e := range b.Imports {
			if e.Absent {
				e.Reason += ": no cache there yet"
			}
			add("import", shortCaches([]string{e.Spec}), e.Reason)
		}
		for _, e := range b.Exports {
			add("export", shortCaches([]string{e.Spec}), e.Reason)
		}
		if b.NotExported != "" {
			add("no export", "-", b.NotExported)
		}
	}
	return rows
}

// printCaches prints the settings of a plan, if there are any that the plan itself doesn't tell.
func (a *app) printCaches(s *cache.Settings) error {
	if !s.Active() {
		return nil
	}
	text := "cache: " + string(s.Backend)
	if s.Place != "" {
		text += " " + s.Place
	}
	if _, err := fmt.Fprintf(a.out, "\n%s (%s)\n", text, s.Reason); err != nil {
		return err
	}
	if rows := cacheRows(s); len(rows) > 1 {
		return table(a.out, rows)
	}
	return nil
}
