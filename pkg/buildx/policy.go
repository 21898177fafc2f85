package buildx

import (
	"context"
	"time"
)

// GCRule is one of a node's rules of garbage collection, in BuildKit's words. They hold one after the other.
type GCRule struct {
	// Filters are those that a record must match, one of them; none is any.
	Filters []string `json:"filters"`
	// All says that it also holds for what BuildKit keeps for itself.
	All bool `json:"all"`
	// KeepDuration is for how long a record must not have been used.
	KeepDuration time.Duration `json:"-"`
	// Sizes in bytes; 0 is not set.
	ReservedSpace int64 `json:"reservedSpace"`
	MaxUsedSpace  int64 `json:"maxUsedSpace"`
	MinFreeSpace  int64 `json:"minFreeSpace"`
}

// GCPolicy are the rules of one node; none is that it collects no garbage.
type GCPolicy struct {
	Node  string
	Rules []GCRule
}

// Nodes are the names of the nodes.
func (l *Live) Nodes() []string { return l.names }

// GCPolicies are those of all nodes.
func (l *Live) GCPolicies(ctx context.Context) ([]GCPolicy, error) {
	var out []GCPolicy
	for i, c := range l.clients {
		workers, err := c.ListWorkers(ctx)
		if err != nil {
			return nil, err
		}
		p := GCPolicy{Node: l.names[i]}
		for _, w := range workers {
			for _, r := range w.GCPolicy {
				p.Rules = append(p.Rules, GCRule{r.Filter, r.All, r.KeepDuration, r.ReservedSpace, r.MaxUsedSpace, r.MinFreeSpace})
			}
		}
		out = append(out, p)
	}
	return out, nil
}
