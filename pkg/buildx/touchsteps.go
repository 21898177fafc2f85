package buildx

import (
	"context"
	"errors"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"golang.org/x/sync/errgroup"
)

// askSteps asks for all steps, inputs first, until the job is spoiled.
//
// Lanes are gone through beside each other as long as all is there. Once BuildKit wants a folder, all questions are taken back, for
// it is not clear which of them it is for; from then on there is one at a time.
func (p *probe) askSteps(ctx context.Context, gw gateway.Client) error {
	if p.alone.Load() {
		p.stop = func() {}
		return p.askLane(ctx, gw, p.graph.nodes)
	}
	together, stop := context.WithCancel(ctx)
	defer stop()
	p.stop = func() {
		p.alone.Store(true)
		stop()
	}
	eg := errgroup.Group{}
	eg.SetLimit(questions)
	for _, lane := range lanesOf(p.graph.nodes) {
		eg.Go(func() error { return p.askLane(together, gw, lane) })
	}
	err := eg.Wait()
	if p.alone.Load() && ctx.Err() == nil {
		p.spoiled.Store(true) // the rest is for another job
		return nil
	}
	return err
}

func (p *probe) askLane(ctx context.Context, gw gateway.Client, lane []*node) error {
	for _, n := range lane {
		if n.state != isUnknown || n.isOver(isBroken) {
			continue
		}
		if err := p.askFor(ctx, gw, n); err != nil || p.spoiled.Load() {
			return err
		}
	}
	return nil
}

// askRest asks for what is left. That is built on commands that have no result: once BuildKit has seen one of them fail, it
// asks for nothing that is built on it, until the job ends. So each is a job.
func (p *probe) askRest(ctx context.Context) error {
	p.stop = func() {}
	for _, n := range p.graph.nodes {
		for n.state == isUnknown {
			if err := p.converse(ctx, func(ctx context.Context, gw gateway.Client) error { return p.askFor(ctx, gw, n) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// askFor asks for the results of one step.
func (p *probe) askFor(ctx context.Context, gw gateway.Client, n *node) error {
	if !p.mayAsk(n) {
		return nil
	}
	begun, err := p.dare(ctx, n)
	if err != nil || n.state != isUnknown {
		return err
	}
	for _, index := range n.outputs {
		d, err := p.barred.part(n, index)
		if err != nil {
			return err
		}
		err = p.solveOrStop(ctx, gw, d, begun)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && begun != nil {
			p.spoiled.Store(true)
		}
		if n.asked++; errors.Is(err, errBegun) && n.asked < maxAsked {
			return nil // in another job
		}
		if err != nil {
			n.miss(noResult)
		}
	}
	if n.state == isUnknown {
		n.state = isHit
	}
	return nil
}

// errBegun says that a question was taken back because a build began. It is asked again, but not more than so often.
var errBegun = errors.New("a build began")

const maxAsked = 3

// solveOrStop stops when BuildKit wants a folder: then what is asked for is not in the cache. It stops as well when a build
// begins.
func (p *probe) solveOrStop(ctx context.Context, gw gateway.Client, d *pb.Definition, begun <-chan struct{}) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- solve(inner, gw, d) }()
	stopped := false
	for {
		select {
		case err := <-answer:
			if err != nil && stopped {
				return errBegun
			}
			return err
		case gone := <-p.doors.knocked:
			cancel()
			p.stop()
			<-gone
		case <-begun:
			cancel()
			begun, stopped = nil, true
		}
	}
}
