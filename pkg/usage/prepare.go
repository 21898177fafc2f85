package usage

import "slices"

// Prepared is the part of New that takes no answer of the builder to any question about steps: who made which record.
type Prepared struct {
	builder  string
	forgets  bool
	records  []Record
	projects []Project
	origin   *origin
}

// Prepare does what can be done before the builder was asked for Touched.
func (q Question) Prepare() *Prepared {
	return &Prepared{q.Builder, q.Forgets, q.Records, q.Projects, newOrigin(&q)}
}

// isOf tells whether it is of that question. Ledgers may have been written since, or another project pruned.
func (p *Prepared) isOf(q *Question) bool {
	return p != nil && p.builder == q.Builder && p.forgets == q.Forgets && len(p.records) == len(q.Records) &&
		(len(q.Records) == 0 || &p.records[0] == &q.Records[0]) && slices.EqualFunc(p.projects, q.Projects, sameProject)
}

func sameProject(a, b Project) bool {
	return a.Name == b.Name && a.Dir == b.Dir && a.Here == b.Here && a.History == b.History && slices.Equal(a.Looks, b.Looks) &&
		slices.Equal(a.Renounced, b.Renounced)
}
