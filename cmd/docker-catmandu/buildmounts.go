package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// mountsFlag is --cache-mounts[=PLACE].
type mountsFlag struct {
	storeFlag
	given bool
}

func (f *mountsFlag) add(flags *pflag.FlagSet) {
	f.name = "cache-mounts"
	flags.VarPF(f, f.name, "", "Restore cache mounts before the build and save them after it: local=FOLDER, registry=REPOSITORY or local (a folder in the user's cache)").
		NoOptDefVal = storeHere
}

func (f *mountsFlag) String() string { return f.value }

func (f *mountsFlag) Type() string { return "string" }

// Set takes a place; open says whether it is one.
func (f *mountsFlag) Set(place string) error {
	f.given, f.value = true, place
	return nil
}

// check finds a place that was written like a service.
func (f *mountsFlag) check(services []string) error {
	for _, s := range services {
		if f.given && (strings.HasPrefix(s, "local=") || strings.HasPrefix(s, "registry=")) {
			return usageError("%s is no service\nhint: --cache-mounts=%s", s, s)
		}
	}
	return nil
}

// answerTime is how long the place of mounts may take to answer, if nothing else is said.
const answerTime = 10 * time.Second

// roundTrip takes cache mounts to a builder before a build, and brings them back after it. What goes wrong is told, and fails no build.
type roundTrip struct {
	*carriage
	quiet bool
	// within is how long the place may take to answer.
	within      time.Duration
	there, back leg
	// unsaved says why nothing was to be saved.
	unsaved string
}

// newRoundTrip is nil where none was asked for.
func (b *building) newRoundTrip() (*roundTrip, error) {
	if !b.mounts.given {
		return nil, nil
	}
	r := &roundTrip{carriage: &carriage{app: b.app}, quiet: b.quiet, within: cmp.Or(b.options.CacheTimeout, answerTime)}
	var err error
	r.depot, err = b.mounts.open(b.app, b.name)
	return r, err
}

// begin restores the mounts of a plan. Its error is an interruption.
func (r *roundTrip) begin(ctx context.Context, plan *targets.Plan, connect func(context.Context) (*buildx.Live, error)) error {
	if r == nil {
		return nil
	}
	live, err := connect(ctx)
	if err == nil {
		err = r.look(ctx, live, plan)
	}
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.mounts = nil
		fmt.Fprintf(r.app.err, "warning: cache mounts are neither restored nor saved: %v\n", err)
		return nil
	}
	r.there = r.carry(ctx, "restored, and the build goes on without", func(ctx context.Context, d *carried) error {
		return r.restore(ctx, d, false)
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// end saves the mounts after a build, and prints what became of them. Its error is an interruption.
func (r *roundTrip) end(ctx context.Context, broken bool) error {
	if r == nil || len(r.mounts) == 0 || broken && ctx.Err() != nil {
		return nil
	}
	if broken {
		r.unsaved = "the build failed"
	} else if r.app.job != nil {
		r.unsaved = r.app.job().ReadsOnly()
	}
	if r.unsaved == "" {
		r.back = r.carry(ctx, "saved", r.save)
		if len(r.back.all) > 0 && !r.back.has(failed) {
			if err := r.depot.Sweep(); err != nil {
				fmt.Fprintln(r.app.err, "warning: of cache mounts that are stored nothing was removed that they no longer need:", err)
			}
		}
	}
	if text := r.sentence(); text != "" && !r.quiet {
		fmt.Fprintf(r.app.err, "cache mounts: %s\n", text)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// carry carries all mounts that nobody has to be waited for, if the place answers.
func (r *roundTrip) carry(ctx context.Context, what string, one func(context.Context, *carried) error) leg {
	if len(r.mounts) == 0 {
		return leg{}
	}
	begun := time.Now()
	if err := r.knock(ctx); err != nil {
		if ctx.Err() == nil {
			fmt.Fprintf(r.app.err, "warning: cache mounts are not %s: %v\n", what, err)
		}
		return leg{}
	}
	all, _ := r.each(ctx, func(ctx context.Context, d *carried) error { // what went wrong is in its rows
		if busy, err := r.live.WouldWait(ctx, r.mountOf(d.Mount)); err != nil || busy {
			d.Result = mountBusy
			return err
		}
		return one(ctx, d)
	})
	for _, line := range failedMounts(all, what) {
		fmt.Fprintln(r.app.err, line)
	}
	return leg{all, time.Since(begun).Seconds()}
}

// knock asks the place for something. One that doesn't answer would be asked again for every mount.
func (r *roundTrip) knock(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.within, fmt.Errorf("%s: no answer within %s", r.depot.Name, r.within))
	defer cancel()
	err := r.depot.Answers(ctx, keyOf(r.mounts[0]))
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
