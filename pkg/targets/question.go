package targets

import (
	"fmt"
	"slices"
)

// at is the choice of stage i of the question's own Dockerfile.
func (q question) at(i int, reason string) choice {
	return choice{source: q.source, stage: q.source.Stages[i].Name, reason: reason}
}

// atLast is the choice of the last stage for being the last.
func (q question) atLast() choice {
	return choice{source: q.source, stage: q.source.lastTarget(), reason: "last stage"}
}

// declaration is the reason for a declared stage.
func (q question) declaration() string { return "build.target in " + q.where }

// open tells that what is declared says nothing of the stage for this kind: there is nothing, or the other kind.
func (q question) open() bool {
	return q.declared == "" || environment(q.declared) == q.kind.other()
}

// noStage is the warning that no stage of the kind was found and c is built instead.
func (q question) noStage(c choice) string {
	return fmt.Sprintf("no %s stage; building %s", q.kind.long(), c.source.shown(c.stage))
}

// ofRole is the stage of the kind that is there for a role, preferring the kind's first words; -1 for none.
func (q question) ofRole(r string) int {
	best, rank := -1, len(q.kind.words())
	for i, s := range q.source.Stages {
		if r == "" || environment(s.Name) != q.kind || role(s.Name) != r {
			continue
		}
		n := slices.IndexFunc(q.kind.words(), func(w string) bool { return slices.Contains(tokens(s.Name), w) })
		if n < rank {
			best, rank = i, n
		}
	}
	return best
}

// only is the single stage whose name speaks of the kind, -1 when there is none or there are several.
func (q question) only(k Kind) int {
	found := -1
	for i, s := range q.source.Stages {
		if environment(s.Name) != k {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// isPart tells that stage i is but a step on the way to another, which only copies from it: "release" is often where
// a program is compiled. The plainer words are believed when some target was declared, as that makes the last stage
// less likely to be what is meant.
func (q question) isPart(i int) bool {
	if q.kind != Prod || !q.source.copiedFrom(i) || q.source.builtOn(i) {
		return false
	}
	return q.declared == "" || role(q.source.Stages[i].Name) == "" && slices.Contains(tokens(q.source.Stages[i].Name), "release")
}

// shippable tells that nothing in the name of stage i speaks against production.
func (q question) shippable(i int) bool {
	name := q.source.Stages[i].Name
	return !devLike(name) && !testLike(name)
}

// lastForProd is the stage to ship when none is named for it, -1 for none: the last one, else one whose name says
// that it is the end.
func (q question) lastForProd() int {
	last := len(q.source.Stages) - 1
	overridden := q.override != "" && q.source.Index(q.override) == last
	if q.shippable(last) && !overridden {
		return last
	}
	for _, w := range finalWords {
		if i := q.source.Index(w); i >= 0 {
			return i
		}
	}
	if i := q.only(Prod); i >= 0 && !q.isPart(i) {
		return i
	}
	if q.shippable(last) {
		return last
	}
	return -1
}

// sharesDockerfile tells that another service has a role of its own in the same Dockerfile, so that a stage without a
// role cannot be the production stage of both.
func (q question) sharesDockerfile(r string) bool {
	return slices.ContainsFunc(q.others, func(target string) bool {
		return environment(target) == q.kind.other() && role(target) != "" && role(target) != r
	})
}

// inSibling is the stage to build in another Dockerfile, -1 when that has none for this service: the one of the
// declared role, the kind's, the one named like the service, the last.
func (q question) inSibling(declared string) int {
	if i := q.source.Index(declared); i >= 0 {
		return i
	}
	if c, ok := byKindWord(q); ok {
		return q.index(c)
	}
	for i, s := range q.source.Stages {
		if s.Name != "" && role(s.Name) == role(q.service) {
			return i
		}
	}
	for _, s := range q.source.Stages {
		if s.Name != "" && slices.Contains(q.services, s.Name) {
			return -1 // it has a stage for each of several services, and this is none of them
		}
	}
	if q.kind == Dev {
		return len(q.source.Stages) - 1
	}
	return q.lastForProd()
}

// index is the stage that c chose in the question's Dockerfile.
func (q question) index(c choice) int {
	if c.stage == "" {
		return len(q.source.Stages) - 1
	}
	return q.source.Index(c.stage)
}
