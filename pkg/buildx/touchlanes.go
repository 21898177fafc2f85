package buildx

// lanesOf takes a graph apart into steps that have nothing to do with each other, as those of two services do not: none is built on
// what is in another lane, but for what is asked for before all steps. In each, inputs come first.
func lanesOf(nodes []*node) [][]*node {
	of := map[*node]*node{} // a node of the same lane, until that is the node itself
	lead := func(n *node) *node {
		for of[n] != n {
			n = of[n]
		}
		return n
	}
	for _, n := range nodes {
		of[n] = n
		for _, in := range n.inputs {
			if !in.node.isFirst() {
				of[lead(in.node)] = n
			}
		}
	}
	var lanes [][]*node
	place := map[*node]int{}
	for _, n := range nodes {
		i, ok := place[lead(n)]
		if !ok {
			i = len(lanes)
			place[lead(n)], lanes = i, append(lanes, nil)
		}
		lanes[i] = append(lanes[i], n)
	}
	return lanes
}
