package buildx

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
)

// usage are all records of the node by ID.
func (p *probe) usage(ctx context.Context, filters ...string) (map[string]*client.UsageInfo, error) {
	list, err := p.client.DiskUsage(ctx, client.WithFilter(filters))
	if err != nil {
		return nil, err
	}
	return p.byID(list), nil
}

func (p *probe) byID(list []*client.UsageInfo) map[string]*client.UsageInfo {
	out := make(map[string]*client.UsageInfo, len(list))
	for _, r := range list {
		out[r.ID] = r
		p.looks.add(r)
	}
	return out
}

// released is how often and how long BuildKit is waited for to let go what a job held. That it does so when the job has ended takes it
// a moment, and a look at thousands of records takes longer.
const (
	released      = 40
	releasedEvery = 25 * time.Millisecond
	releasedSoon  = 10 * time.Millisecond
)

// idle waits until folders are not in use: they would be sent to another place.
func (p *probe) idle(ctx context.Context) error {
	if len(p.doors.sides) == 0 {
		return nil
	}
	wait := releasedSoon
	for range released {
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait = releasedEvery
		locals, err := p.usage(ctx, "type=="+LocalRecord)
		if err != nil {
			return err
		}
		used := false
		for _, r := range locals {
			used = used || r.InUse
		}
		if !used {
			return nil
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// noted is how long BuildKit has to write down what was used. It begins with all of that before it says that a job has ended, and a
// look waits behind it for the same lock: of some hundred looks right after a job, one came too early. A step without a record may
// be one whose record is held by something else; or BuildKit is slow, and gets more time.
var noted = []time.Duration{50 * time.Millisecond, 250 * time.Millisecond}

// settle waits until BuildKit has written down what was used: that is when every step that was found has a record.
func (p *probe) settle(ctx context.Context) error {
	if p.Meanwhile != nil {
		p.Meanwhile()
	}
	for _, d := range noted {
		if err := pause(ctx, d); err != nil {
			return err
		}
		var err error
		if p.after, err = p.usage(ctx); err != nil {
			return err
		}
		if p.attribute() {
			break
		}
	}
	return nil
}

// used tells whether a record was used between two looks at it.
func used(before, after *client.UsageInfo) bool {
	if after.UsageCount != before.UsageCount {
		return true
	}
	return after.LastUsedAt != nil && (before.LastUsedAt == nil || !after.LastUsedAt.Equal(*before.LastUsedAt))
}

// moved are the records that were used since the first question. Cache mounts are not asked for: who uses them is a build.
func (p *probe) moved() map[string]*client.UsageInfo {
	out := map[string]*client.UsageInfo{}
	for id, r := range p.after {
		before := p.before[id]
		switch {
		case r.RecordType == client.UsageRecordTypeCacheMount:
		case r.LastUsedAt != nil && p.seen.isBefore(*r.LastUsedAt):
		case before == nil || used(before, r):
			out[id] = r
		}
	}
	return out
}

// undo removes what BuildKit made although it could not be foreseen. It may hold some of that for a while.
func (p *probe) undo(ctx context.Context) error {
	for _, n := range p.graph.nodes {
		if n.state == isHit && !n.isFirst() && p.seen.isMade(n.vertex) {
			n.miss(noResult)
		}
	}
	one := &Live{builder: p.live.builder, node: p.live.node, clients: []*client.Client{p.client}}
	for range released {
		ids := p.made()
		if len(ids) == 0 {
			return nil
		}
		gone, err := one.Remove(ctx, ids)
		if err != nil {
			return err
		}
		for _, r := range gone {
			delete(p.after, r.ID)
		}
		if len(gone) == len(ids) {
			return nil
		}
		if err := pause(ctx, releasedEvery); err != nil {
			return err
		}
		if p.after, err = p.usage(ctx); err != nil {
			return err
		}
	}
	return nil
}

// made are the records that only this probe made: those that have its name; layers of an image that is not there, which are
// noted down and nothing yet; and what was begun for a command that could not be run.
func (p *probe) made() []string {
	noted := slices.ContainsFunc(p.graph.nodes, func(n *node) bool { return n.state == isMissing && n.op.GetSource() != nil })
	var out []string
	for id, r := range p.after {
		if p.before[id] != nil || p.seen.isBefore(r.CreatedAt) {
			continue
		}
		begun := slices.ContainsFunc(p.graph.nodes, func(n *node) bool {
			return n.op.GetExec() != nil && p.seen.isMade(n.vertex) && strings.Contains(r.Description, " from exec "+n.command())
		})
		if begun || strings.HasPrefix(r.Description, p.id) || noted && r.Description == "" && r.Size == 0 {
			out = append(out, id)
		}
	}
	return out
}

// attribute finds the records of steps, among those that were used where there are such. BuildKit notes no use of a record
// that something else holds all the while.
func (p *probe) attribute() (all bool) {
	moved, held := p.moved(), map[string]*client.UsageInfo{}
	for id, r := range p.after {
		if r.InUse {
			held[id] = r
		}
	}
	unnoted := map[*node]bool{}
	for _, n := range p.graph.nodes {
		n.records = nil
		if at, ok := p.doors.sides[n]; ok {
			for id, r := range moved {
				if r.Description == localDescription+at.name {
					n.records = append(n.records, id)
				}
			}
			continue
		}
		if n.state != isHit {
			continue
		}
		if n.records = p.notElsewhere(n, p.likely(n, moved)); len(n.records) > 0 {
			continue
		}
		unnoted[n] = true
		if n.records = p.likely(n, held); len(n.records) == 0 {
			n.records = p.likely(n, p.after)
		}
		if n.isImage() && len(n.records) == 0 { // another image with the same layers was fetched before
			n.records = p.layers(moved)
		}
	}
	p.narrow(unnoted)
	return len(unnoted) == 0
}

// layers are records of images that no image of the graph is known to have fetched; all where there is none.
func (p *probe) layers(among map[string]*client.UsageInfo) []string {
	var out, known []string
	for id, r := range among {
		switch {
		case !strings.HasPrefix(r.Description, pulled):
		case slices.ContainsFunc(p.graph.nodes, func(n *node) bool { return n.isImage() && n.looksLike(r) }):
			known = append(known, id)
		default:
			out = append(out, id)
		}
	}
	if len(out) == 0 {
		return known
	}
	return out
}
