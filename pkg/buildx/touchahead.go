package buildx

import (
	"context"
	"sync"

	"github.com/moby/buildkit/client"
)

// Foresee is CacheRecords for who calls Touch soon: the look that Touch takes first begins at once.
//
// To look at a record whose size is not known yet counts as a use of some. So Touch has to look twice before it asks for
// anything, and the records that this returns are the first look.
func (l *Live) Foresee(ctx context.Context) ([]CacheRecord, error) {
	out, err := l.CacheRecords(ctx)
	if err != nil {
		return nil, err
	}
	looks := make([]func() ([]*client.UsageInfo, error), len(l.clients))
	for i, c := range l.clients {
		looks[i] = sync.OnceValues(func() ([]*client.UsageInfo, error) { return c.DiskUsage(ctx) })
		go func() { _, _ = looks[i]() }()
	}
	l.foreseen = looks
	return out, nil
}

// look is the look of Foresee at a node; nil where there was none, or where a frontend of the builder was asked for graphs
// since: it is sent folders, and those are records.
func (l *Live) look(node int) func() ([]*client.UsageInfo, error) {
	if l.foreseen == nil || l.asked.Load() {
		return nil
	}
	return l.foreseen[node]
}

// lookFirst makes p.before.
func (p *probe) lookFirst(ctx context.Context) error {
	if p.foreseen == nil {
		if _, err := p.usage(ctx); err != nil {
			return err
		}
		p.foreseen = func() ([]*client.UsageInfo, error) { return p.client.DiskUsage(ctx) }
	}
	list, err := p.foreseen()
	p.before = p.byID(list)
	return err
}
