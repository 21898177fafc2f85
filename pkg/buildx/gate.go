package buildx

import (
	"context"
	"strings"

	"github.com/docker/buildx/build"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"golang.org/x/sync/errgroup"
)

// isLinked tells whether one target is built from another.
func isLinked(all map[string]build.Options) bool {
	for _, o := range all {
		for _, c := range o.Inputs.NamedContexts {
			if strings.HasPrefix(c.Path, "target:") {
				return true
			}
		}
	}
	return false
}

// gate lets steps of no more than so many targets run at once; 0 is no limit. It is for linked targets: buildx refuses
// a limit of its own there, as it holds a place from a target's beginning to its end, and a target ends only after all
// that are built from it. buildx comes here when all that a target is built from has run, so whoever holds a place
// waits for nobody. Until then nothing but Dockerfiles are read, and what follows is the export.
func gate(jobs int) build.EvaluateFunc {
	if jobs <= 0 {
		return nil
	}
	places := make(chan struct{}, jobs)
	return func(ctx context.Context, _ string, _ gateway.Client, res *gateway.Result, _ build.Options) error {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return evaluate(ctx, res)
	}
}

// evaluate runs the steps of all platforms of a target, as buildx does where it has no hook.
func evaluate(ctx context.Context, res *gateway.Result) error {
	eg, ctx := errgroup.WithContext(ctx)
	_ = res.EachRef(func(ref gateway.Reference) error {
		eg.Go(func() error { return ref.Evaluate(ctx) })
		return nil
	})
	return eg.Wait()
}
