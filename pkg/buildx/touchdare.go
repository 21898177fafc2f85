package buildx

import (
	"context"
	"errors"
)

// Why a step is not asked for.
const (
	notKnown  = "no build that is known made its result here"
	isBuilt   = "a build that is under way may be at it"
	isUnclear = "it is not known what is being built"
)

// tried are the commands that BuildKit comes to when a step that it is asked for has no result.
func (n *node) tried() []*node {
	var out []*node
	seen := map[*node]bool{}
	var add func(n *node)
	add = func(n *node) {
		if seen[n] || n.state == isHit {
			return
		}
		seen[n] = true
		for _, in := range n.inputs {
			add(in.node)
		}
		if n.op.GetExec() != nil && !n.isOver(isBarred) {
			out = append(out, n)
		}
	}
	add(n)
	return out
}

// dare decides whether a step is asked for that could come to a command being tried, and if not, misses it. begun is nil when no
// command could be; else it is closed when a build begins.
func (p *probe) dare(ctx context.Context, n *node) (begun <-chan struct{}, err error) {
	tried := n.tried()
	if len(tried) == 0 {
		return nil, nil
	}
	switch p.evidenceOf(n) {
	case Made:
		return make(chan struct{}), nil
	case None:
		n.miss(notKnown)
		return nil, nil
	}
	builds, begun, shown, err := p.watch.look(ctx)
	switch {
	case errors.Is(err, ErrNoHistory):
		n.miss(isUnclear)
	case err != nil:
		return nil, err
	case !shown:
		n.miss(isUnclear)
	case p.watch.has(builds, tried):
		n.miss(isBuilt)
	}
	return begun, nil
}

func (p *probe) evidenceOf(n *node) Evidence {
	if p.Evidence == nil {
		return Seen
	}
	best := None
	for _, dgst := range n.digests {
		best = max(best, p.Evidence(dgst))
	}
	return best
}
