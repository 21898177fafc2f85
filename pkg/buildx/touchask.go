package buildx

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// questions bounds how many questions are open at once.
const questions = 8

// converse is a job of BuildKit: all results that it finds are held until it ends.
func (p *probe) converse(ctx context.Context, talk func(context.Context, gateway.Client) error) error {
	statuses, drained := make(chan *client.SolveStatus), make(chan struct{})
	go func() {
		defer close(drained)
		for s := range statuses {
			p.seen.add(s)
		}
	}()
	o := client.SolveOpt{Internal: true, SharedSession: p.doors.main, SessionPreInitialized: true}
	_, err := p.client.Build(ctx, o, "", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		return gateway.NewResult(), talk(ctx, gw)
	}, statuses)
	<-drained
	return err
}

func solve(ctx context.Context, gw gateway.Client, d *pb.Definition) error {
	_, err := gw.Solve(ctx, gateway.SolveRequest{Definition: d, Evaluate: true})
	return err
}

// askSources asks for what is made of nothing, and sends the folders once.
func (p *probe) askSources(ctx context.Context, gw gateway.Client) error {
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(questions)
	for _, n := range p.graph.nodes {
		if !n.isFirst() {
			continue
		}
		eg.Go(func() error {
			r := newInquiry(p.id, nil)
			dgst, err := r.add(n)
			if err != nil {
				return err
			}
			n.vertex = digest.Digest(dgst)
			d, err := r.end(dgst, 0)
			if err == nil {
				err = solve(ctx, gw, d)
			}
			if err != nil {
				n.state, n.why = isMissing, firstLine(err)
			}
			return ctx.Err()
		})
	}
	eg.Go(func() error { return p.link(ctx, gw) })
	return eg.Wait()
}

// settled is how long what BuildKit has computed takes to be in its cache.
const settled = 50 * time.Millisecond

// link has BuildKit look up what the steps that read folders are found under. That is done when one of them has everything
// else than what waits at the gate.
func (p *probe) link(ctx context.Context, gw gateway.Client) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	for _, n := range p.graph.nodes {
		d, err := p.half(n)
		if err != nil {
			return err
		}
		if d != nil {
			all.Go(func() { _ = solve(inner, gw, d) })
		}
	}
	err := p.eachFolder(ctx, func(ctx context.Context, n *node) error {
		d, err := p.whole(n)
		if err != nil {
			return err
		}
		// It ends with an error, and only when the whole folder was read.
		if err := solve(ctx, gw, d); err != nil && !strings.Contains(err.Error(), "invalid mount type") {
			n.state, n.why = isMissing, firstLine(err)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	select {
	case <-time.After(settled):
	case <-ctx.Done():
	}
	cancel()
	all.Wait()
	return ctx.Err()
}

// eachFolder does something with every folder: one after the other with such that BuildKit has in one place, or it would make another
// place for one of them; beside each other with others.
func (p *probe) eachFolder(ctx context.Context, do func(context.Context, *node) error) error {
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(questions)
	for _, folders := range p.doors.folders() {
		eg.Go(func() error {
			for _, n := range folders {
				if err := do(ctx, n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return eg.Wait()
}

// half is a step that reads folders, with a source to wait for in place of all else; nil when it reads none.
func (p *probe) half(n *node) (*pb.Definition, error) {
	r := newInquiry(p.id, p.doors.sent)
	op := n.op.CloneVT()
	op.Inputs = nil
	wait, err := r.put(p.doors.waiting(), gateFolder)
	if err != nil {
		return nil, err
	}
	locals := 0
	for _, in := range n.inputs {
		dgst := wait
		if _, ok := p.doors.sides[in.node]; ok {
			locals++
			if dgst, err = r.add(in.node); err != nil {
				return nil, err
			}
		}
		op.Inputs = append(op.Inputs, &pb.Input{Digest: dgst, Index: in.index})
	}
	if locals == 0 {
		return nil, nil
	}
	if locals == len(n.inputs) {
		op.Inputs = append(op.Inputs, &pb.Input{Digest: wait})
	}
	dgst, err := r.put(op, n.name)
	if err != nil {
		return nil, err
	}
	return r.end(dgst, 0)
}

// whole is a command that reads a folder and fails before anything is made for it: its root can't be a cache.
func (p *probe) whole(n *node) (*pb.Definition, error) {
	r := newInquiry(p.id, p.doors.sent)
	from, err := r.add(n)
	if err != nil {
		return nil, err
	}
	dgst, err := r.put(&pb.Op{
		Inputs: []*pb.Input{{Digest: from}},
		Op: &pb.Op_Exec{Exec: &pb.ExecOp{
			Meta: &pb.Meta{Args: []string{p.id}, Cwd: "/"},
			Mounts: []*pb.Mount{
				{Input: int64(pb.Empty), Dest: pb.RootMount, Output: int64(pb.SkipOutput), MountType: pb.MountType_CACHE},
				{Input: 0, Dest: "/folder", Output: int64(pb.SkipOutput), Readonly: true},
			},
		}},
	}, "folder")
	if err != nil {
		return nil, err
	}
	return r.end(dgst, 0)
}

// prepare makes it so that no folder is sent any more.
func (p *probe) prepare(ctx context.Context, gw gateway.Client) error {
	if err := p.sendAgain(ctx, gw); err != nil {
		return err
	}
	p.doors.shut.Store(true)
	p.judgeSources()
	p.barred = newInquiry(p.id, p.doors.barred)
	for _, n := range p.graph.nodes {
		dgst, err := p.barred.add(n)
		if err != nil {
			return err
		}
		n.vertex = digest.Digest(dgst)
	}
	return nil
}

// sendAgain sends all folders once more, so that what was sent first is none of BuildKit's results any more.
func (p *probe) sendAgain(ctx context.Context, gw gateway.Client) error {
	return p.eachFolder(ctx, func(ctx context.Context, n *node) error {
		r := newInquiry(p.id, p.doors.again)
		dgst, err := r.add(n)
		if err != nil {
			return err
		}
		d, err := r.end(dgst, 0)
		if err != nil {
			return err
		}
		if err := solve(ctx, gw, d); err != nil && n.state == isUnknown {
			n.state, n.why = isMissing, firstLine(err)
		}
		return ctx.Err()
	})
}
