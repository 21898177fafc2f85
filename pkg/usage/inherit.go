package usage

// inherit carries over to records what is known of those that are built on them: a record lives as long as any of these.
func (u *Usage) inherit() {
	for i := range u.Items {
		u.Items[i].borrows = len(u.Items[i].Refs) == 0
	}
	for _, at := range u.childrenFirst() {
		child := &u.Items[at]
		for _, id := range child.Parents {
			if p, ok := u.byID[id]; ok {
				u.Items[p].take(child)
			}
		}
	}
}

// take makes a record at least as needed as one that is built on it.
func (i *Item) take(child *Item) {
	if child.needed && !i.needed {
		i.needed, i.borrows, i.Refs = true, true, []Ref{}
	}
	if i.borrows && (child.needed || !i.needed) {
		i.Refs = addRefs(i.Refs, child.Refs...)
	}
	for _, name := range child.Others {
		i.share(name)
		i.Own = false
	}
	switch {
	case i.needed && len(i.Others) > 0, i.Class == Stale && len(i.Others) > 0:
		i.Class, i.Why = Shared, sharedWith(i.Others)
	case i.needed:
		i.Class = Used
	}
	if child.Class == Unknown {
		i.Own = false
		if i.Class == Stale {
			i.Class, i.Why = Unknown, "another record is built on it: "+child.Description
		}
	}
}

// childrenFirst are the positions of the items, those that are built on others before these.
func (u *Usage) childrenFirst() []int {
	children := make([]int, len(u.Items))
	for i := range u.Items {
		u.eachParent(i, func(p int) { children[p]++ })
	}
	var out []int
	for i, n := range children {
		if n == 0 {
			out = append(out, i)
		}
	}
	for at := 0; at < len(out); at++ {
		u.eachParent(out[at], func(p int) {
			if children[p]--; children[p] == 0 {
				out = append(out, p)
			}
		})
	}
	return out
}

// eachParent calls f with the position of every parent that is there, each once.
func (u *Usage) eachParent(i int, f func(p int)) {
	seen := map[int]bool{i: true}
	for _, id := range u.Items[i].Parents {
		if p, ok := u.byID[id]; ok && !seen[p] {
			seen[p] = true
			f(p)
		}
	}
}
