package forecast

import (
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// predecessors tell which step of the last build each step of a graph was.
type predecessors struct {
	build *ledger.BuildRecord
	by    map[string]*ledger.StepRecord // by digest
	// gone are the steps of the last build that none of the graph is.
	gone []*ledger.StepRecord
}

// of returns what a step was in the last build, nil when it is new.
func (p *predecessors) of(s *steps.Step) *ledger.StepRecord { return p.by[s.Digest] }

// findPredecessors takes the last build of the same target: on the same builder, or else on another.
func findPredecessors(g *steps.Graph, past Past) *predecessors {
	p := &predecessors{by: map[string]*ledger.StepRecord{}}
	p.build = lastOf(past.History.BuildsOf(past.Builder, g.Service, g.Platform), g)
	if p.build == nil {
		p.build = lastOf(past.History.BuildsOf("", g.Service, g.Platform), g)
	}
	if p.build != nil {
		p.align(g.Steps, p.build.Of(g.Service, g.Platform))
	}
	return p
}

// lastOf prefers the last build of the same stage: that of another one has other steps.
func lastOf(builds []*ledger.BuildRecord, g *steps.Graph) *ledger.BuildRecord {
	var found *ledger.BuildRecord
	for _, b := range builds {
		if len(b.Of(g.Service, g.Platform)) == 0 {
			continue
		}
		if t := b.Target(g.Service, g.Platform); t != nil && t.Stage == g.Stage {
			return b
		}
		if found == nil {
			found = b
		}
	}
	return found
}

// otherStage tells whether only other stages of the service were built.
func (p *predecessors) otherStage(g *steps.Graph) bool {
	t := p.build.Target(g.Service, g.Platform)
	return t == nil || t.Stage != g.Stage
}

// align pairs steps, from what is sure to what is likely: the same key, the longest common sequence of the same
// instructions in the same stages, what does the same elsewhere, and between such pairs what is of one kind in order.
func (p *predecessors) align(now []steps.Step, old []*ledger.StepRecord) {
	taken := make([]bool, len(old))
	pair := func(i, j int) {
		if p.by[now[i].Digest] == nil && !taken[j] {
			p.by[now[i].Digest], taken[j] = old[j], true
		}
	}
	for _, same := range []func(a, b *steps.Step) bool{
		func(a, b *steps.Step) bool { return a.Key != "" && a.Key == b.Key },
		func(a, b *steps.Step) bool { return a.Stage == b.Stage && a.Self == b.Self && a.Self != "" },
		func(a, b *steps.Step) bool { return a.Stage == b.Stage && text(a) == text(b) },
		func(a, b *steps.Step) bool { return a.Self == b.Self && a.Self != "" },
		func(a, b *steps.Step) bool { return a.Base != nil && b.Base != nil && a.Base.Ref == b.Base.Ref },
	} {
		free := func(i, j int) bool { return p.by[now[i].Digest] == nil && !taken[j] && same(&now[i], &old[j].Step) }
		for _, m := range commonSequence(len(now), len(old), free) {
			pair(m[0], m[1])
		}
	}
	p.between(now, old, taken, pair)
	for j, r := range old {
		if !taken[j] {
			p.gone = append(p.gone, r)
		}
	}
}

// between pairs what is left, in the order of the files: a changed instruction stands where the old one stood.
func (p *predecessors) between(now []steps.Step, old []*ledger.StepRecord, taken []bool, pair func(i, j int)) {
	position := map[*ledger.StepRecord]int{}
	for j, r := range old {
		position[r] = j
	}
	for i := range now {
		if p.by[now[i].Digest] != nil {
			continue
		}
		low, high := -1, len(old)
		for k := range now {
			if r := p.by[now[k].Digest]; r != nil && now[k].Stage == now[i].Stage {
				if k < i {
					low = max(low, position[r])
				} else if k > i {
					high = min(high, position[r])
				}
			}
		}
		for j := range old {
			if !taken[j] && j > low && j < high && alike(&now[i], &old[j].Step) {
				pair(i, j)
				break
			}
		}
	}
}

// alike tells whether one step may be a changed version of another.
func alike(a, b *steps.Step) bool {
	return a.Stage == b.Stage && word(a) == word(b)
}

// text is the instruction of a step, without its number, and of an image not which it is now.
func text(s *steps.Step) string {
	_, rest, _ := strings.Cut(s.Name, "] ")
	rest, _, _ = strings.Cut(rest, "@sha256:")
	return rest
}

// word is the first of an instruction.
func word(s *steps.Step) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(text(s), "ONBUILD "), " ")
	return first
}

// commonSequence is the longest of pairs for which same is true, ascending in both.
func commonSequence(n, m int, same func(i, j int) bool) [][2]int {
	best := make([][]int, n+1)
	for i := range best {
		best[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if same(i, j) {
				best[i][j] = max(best[i][j], best[i+1][j+1]+1)
			}
		}
	}
	var out [][2]int
	for i, j := 0, 0; i < n && j < m; {
		switch {
		case same(i, j) && best[i][j] == best[i+1][j+1]+1:
			out = append(out, [2]int{i, j})
			i, j = i+1, j+1
		case best[i+1][j] >= best[i][j+1]:
			i++
		default:
			j++
		}
	}
	return out
}

// removedBefore names a step that stood before another one in the last build and is gone.
func (p *predecessors) removedBefore(s *steps.Step) *ledger.StepRecord {
	was := p.of(s)
	if was == nil {
		return nil
	}
	i := slices.IndexFunc(p.gone, func(r *ledger.StepRecord) bool { return slices.Contains(was.Step.Inputs, r.Step.Digest) })
	if i < 0 {
		return nil
	}
	return p.gone[i]
}
