package buildx

import "slices"

// narrow finds the records of steps by those of the steps that are built on them: what a record is layered on is a result of an
// input. unnoted are the steps of which no use was noted; those stay in it that this says nothing of.
//
// BuildKit notes no use of a record that something else holds, and after a restart all hold what they are layered on. Only the
// last records of each chain are noted then, and all versions of the steps before look alike.
func (p *probe) narrow(unnoted map[*node]bool) {
	found := map[*node][]string{}
	for _, n := range slices.Backward(p.graph.nodes) { // what is built on a step comes before it
		if unnoted[n] && len(found[n]) > 0 {
			n.records = found[n]
			delete(unnoted, n)
		}
		if unnoted[n] || n.state != isHit {
			continue
		}
		for _, in := range n.inputs {
			if unnoted[in.node] && len(in.node.outputs) == 1 {
				found[in.node] = union(found[in.node], p.under(n.records, in.node))
			}
		}
	}
}

// notElsewhere are those of the records that may be of a step by what they are layered on. One that is layered on something else
// than what its input has was used for another step of that description.
func (p *probe) notElsewhere(n *node, ids []string) []string {
	if len(n.inputs) == 0 || len(n.inputs[0].node.records) == 0 {
		return ids
	}
	return slices.DeleteFunc(ids, func(id string) bool {
		parents := p.after[id].Parents
		return len(parents) > 0 && !slices.ContainsFunc(parents, func(parent string) bool { return slices.Contains(n.inputs[0].node.records, parent) })
	})
}

// under are the records that look like a step and that others are layered on.
func (p *probe) under(ids []string, n *node) []string {
	var out []string
	for _, id := range ids {
		if p.after[id] == nil {
			continue
		}
		for _, parent := range p.after[id].Parents {
			if r := p.after[parent]; r != nil && n.looksLike(r) {
				out = append(out, parent)
			}
		}
	}
	return out
}
