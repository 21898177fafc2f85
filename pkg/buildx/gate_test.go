package buildx

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/buildx/build"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"golang.org/x/sync/errgroup"
	"gotest.tools/v3/assert"
)

// slowRef is a result whose steps take a while.
type slowRef struct {
	gateway.Reference
	running, most *atomic.Int32
	err           error
}

func (r slowRef) Evaluate(context.Context) error {
	defer r.running.Add(-1)
	for n := r.running.Add(1); ; {
		old := r.most.Load()
		if n <= old || r.most.CompareAndSwap(old, n) {
			break
		}
	}
	time.Sleep(5 * time.Millisecond)
	return r.err
}

func TestGate(t *testing.T) {
	var running, most atomic.Int32
	pass := gate(2)
	var eg errgroup.Group
	for i := range 8 {
		res := gateway.NewResult()
		res.SetRef(slowRef{running: &running, most: &most})
		if i == 0 {
			res.SetRef(slowRef{running: &running, most: &most, err: errors.New("step failed")})
		}
		eg.Go(func() error { return pass(t.Context(), "", nil, res, build.Options{}) })
	}
	assert.Error(t, eg.Wait(), "step failed") // and its place was given back
	assert.Equal(t, most.Load(), int32(2))
}

func TestGateEndsWithTheBuild(t *testing.T) {
	pass := gate(1)
	ctx, cancel := context.WithCancelCause(t.Context())
	res := gateway.NewResult()
	res.SetRef(cancelRef{cancel: cancel, again: func() error {
		return pass(ctx, "", nil, gateway.NewResult(), build.Options{})
	}})
	assert.Error(t, pass(ctx, "", nil, res, build.Options{}), "stopped")
}

// cancelRef ends the build while it has the only place, and tells what becomes of a target that waits for one.
type cancelRef struct {
	gateway.Reference
	cancel context.CancelCauseFunc
	again  func() error
}

func (r cancelRef) Evaluate(context.Context) error {
	r.cancel(errors.New("stopped"))
	return r.again()
}
