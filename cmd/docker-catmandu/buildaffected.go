package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// affectedFlag is --affected BASE.
type affectedFlag struct {
	given bool
	base  string
}

func (f *affectedFlag) add(flags *pflag.FlagSet) {
	flags.Var(f, "affected", "Build only services whose image changes since a git revision; empty is the default branch")
}

func (f *affectedFlag) String() string { return f.base }

func (f *affectedFlag) Type() string { return "string" }

// Set takes any revision.
func (f *affectedFlag) Set(base string) error {
	f.given, f.base = true, base
	return nil
}

// onlyAffected is the part of a plan that changed, and nil when nothing did.
func (a *app) onlyAffected(ctx context.Context, o *buildOptions, plan *targets.Plan, services []string) (*targets.Plan, error) {
	r, err := resolveRange(ctx, &o.from, o.affected.base, "", false)
	if err != nil {
		return nil, err
	}
	found, err := a.affected(ctx, &o.from, r, services, plan)
	if err != nil {
		return nil, err
	}
	if len(found.Changes) == 0 {
		fmt.Fprintf(a.err, "no service is affected since %s: nothing to build\n", found.Base)
		return nil, errors.Join(removeOld("--metadata-file", o.metadataFile), removeOld("--digest-file", o.digestFile))
	}
	if len(found.Same) > 0 {
		fmt.Fprintf(a.err, "not affected since %s: %s\n", found.Base, strings.Join(found.Same, ", "))
	}
	var names []string
	for _, c := range found.Changes {
		names = append(names, c.Service)
	}
	return plan.Only(names...), nil
}
