package buildx

import (
	"context"

	"github.com/moby/buildkit/client"
)

// Foresee is CacheRecords for who calls Touch soon, which then takes no look of its own before it asks.
func (l *Live) Foresee(ctx context.Context) ([]CacheRecord, error) {
	all, err := l.usage(ctx)
	if err != nil {
		return nil, err
	}
	l.foreseen = all
	return l.recordsOf(all), nil
}

// look is the look of Foresee at a node; nil where there was none, or where a frontend of the builder was asked for graphs
// since: it is sent folders, and those are records.
func (l *Live) look(node int) []*client.UsageInfo {
	if l.foreseen == nil || l.asked.Load() {
		return nil
	}
	return l.foreseen[node]
}

// lookFirst makes p.before. To look at a record whose size is not known yet counts as a use of some, and such is told from use by a
// question by its time.
func (p *probe) lookFirst(ctx context.Context) error {
	if p.foreseen != nil {
		p.before = p.byID(p.foreseen)
		return nil
	}
	var err error
	p.before, err = p.usage(ctx)
	return err
}
