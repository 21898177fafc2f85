package forecast

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// move is a change to a Dockerfile after which its chain is like another one for longer.
type move struct {
	leaver, other *sharer
	// of and with are their chains, which are the same up to n.
	of, with []*steps.Step
	n        int
	// moved are the steps to put further below, and vars the variables, which have no step.
	moved []*steps.Step
	vars  []string
	// jumped are the steps that come before them then.
	jumped []*steps.Step
	// own and others are the steps that would become the same.
	own, others []*steps.Step
}

// moves finds what is worth moving, and returns with it the keys of the steps that are in the way.
func (a *adviser) moves() (all []Advice, leaving map[string]bool) {
	found := map[string]Advice{}
	leaving = map[string]bool{}
	for _, m := range a.partings() {
		advice, ok := a.advise(m)
		if !ok {
			continue
		}
		at := m.of[m.n].Key
		if old, known := found[at]; !known || compareAdvice(advice, old) < 0 {
			found[at] = advice
		}
		leaving[at] = true
	}
	return slices.SortedFunc(maps.Values(found), compareAdvice), leaving
}

// partings are the places where the chain of a build parts from that of another.
func (a *adviser) partings() []*move {
	var all, out []*move
	for _, b := range a.builds {
		for _, chain := range b.chains {
			all = append(all, &move{leaver: b, of: chain})
		}
	}
	for _, own := range all {
		for _, x := range all {
			n := commonPrefix(x.of, own.of)
			if own.leaver != x.leaver && n > 0 && n < len(x.of) && n < len(own.of) && own.of[n].Key != "" {
				out = append(out, &move{leaver: own.leaver, other: x.leaver, of: own.of, with: x.of, n: n})
			}
		}
	}
	return out
}

// advise tells of a move if there is one that saves something.
func (a *adviser) advise(m *move) (Advice, bool) {
	if !m.find() {
		return Advice{}, false
	}
	at := m.of[m.n]
	leaving := a.servicesOf(a.owners[at.Key])
	reached := slices.DeleteFunc(a.servicesOf(a.owners[m.others[len(m.others)-1].Key]), func(s string) bool { return slices.Contains(leaving, s) })
	if len(reached) == 0 || m.inBoth() && leaving[0] < reached[0] { // where both are to change, it is told once
		return Advice{}, false
	}
	out := Advice{Kind: AdviceMove, Services: append(slices.Clone(leaving), reached...), Steps: linesOf(m.own), Exact: true, File: at.File, Line: at.Line}
	slices.Sort(out.Services)
	for i, s := range m.own {
		seconds, exact := a.took(m.leaver, s, m.others[i])
		out.Seconds, out.Exact = out.Seconds+seconds, out.Exact && exact
	}
	if out.Steps < 2 && out.Seconds < minSeconds {
		return Advice{}, false
	}
	out.Text = m.text(leaving, reached, out)
	return out, true
}

// took is how long a step takes that would become the same as another.
func (a *adviser) took(b *sharer, s, other *steps.Step) (seconds float64, exact bool) {
	if t := a.history.TookKey(s.Key); t.Builds > 0 {
		return t.Seconds, true
	}
	if t := a.history.TookKey(other.Key); t.Builds > 0 {
		return t.Seconds, false
	}
	return a.history.TookName(b.graph.Service, a.platform, s.Name).Seconds, false
}

// text says what to move where.
func (m *move) text(leaving, reached []string, a Advice) string {
	verb := "leaves"
	if len(leaving) > 1 {
		verb = "leave"
	}
	last := m.jumped[len(m.jumped)-1]
	more := "1 step more is shared"
	if a.Steps > 1 {
		more = fmt.Sprintf("%d steps more are shared", a.Steps)
	}
	moved := fmt.Sprintf("moved below line %d", last.EndLine)
	why := enumerate(m.names()) + " comes before " + short(m.jumped[0])
	if len(m.moved)+len(m.vars) > 1 {
		why = enumerate(m.names()) + " come before " + short(m.jumped[0])
	}
	if m.inBoth() {
		why = enumerate(m.names()) + " differs and comes before " + short(m.jumped[0])
		moved = "moved below that in all of them"
	}
	return fmt.Sprintf("%s %s %s at line %d because %s; %s, %s%s", enumerate(leaving), verb, enumerate(reached), a.Line, why, moved, more, saving(a))
}

// names are what is to be moved.
func (m *move) names() []string {
	var out []string
	for _, s := range m.moved {
		out = append(out, short(s))
	}
	return append(out, variablesOf(m.vars, m.others[0], m.own[0])...)
}

// inBoth tells whether the variables are to be moved in the other Dockerfiles, too.
func (m *move) inBoth() bool {
	return slices.ContainsFunc(m.vars, func(name string) bool { return hasVariable(m.others[0], name) })
}

func hasVariable(s *steps.Step, name string) bool {
	_, has := s.Env[name]
	return has
}

// find tries what the chain would be if what stands at n came after the steps that the other chain has there.
func (m *move) find() bool {
	i := slices.IndexFunc(m.of[m.n:], func(s *steps.Step) bool { return text(s) == text(m.with[m.n]) })
	if i < 0 {
		return false
	}
	rest := m.of[m.n+i:]
	m.moved, m.vars = m.of[m.n:m.n+i], differing(m.with[m.n], rest[0])
	if len(m.moved)+len(m.vars) == 0 || !m.stays(rest[0]) {
		return false
	}
	if len(m.vars) > 0 && !slices.ContainsFunc(m.vars, func(name string) bool { return hasVariable(rest[0], name) }) {
		return false // only the other Dockerfile has them: it is the one to change
	}
	pending := m.moved
	for _, x := range m.with[m.n:] {
		switch {
		case len(pending) > 0 && len(m.jumped) > 0 && m.sameFiles(pending[0], x) && pending[0].Self == x.Self:
			m.add(pending[0], x)
			pending = pending[1:]
		case len(rest) > 0 && m.fits(rest[0], x, pending):
			if len(pending)+len(m.vars) > 0 {
				m.jumped = append(m.jumped, rest[0])
			}
			m.add(rest[0], x)
			rest = rest[1:]
		default:
			return len(m.jumped) > 0
		}
	}
	return len(m.jumped) > 0
}

func (m *move) add(own, other *steps.Step) {
	m.own, m.others = append(m.own, own), append(m.others, other)
}

// stays tells whether all of it is in one stage: what is built on the end of another must not change. A variable is set
// somewhere after the step before. Nor may the user change in between, who would own what is moved.
func (m *move) stays(s *steps.Step) bool {
	first := m.of[m.n]
	if len(m.vars) > 0 {
		first = m.of[m.n-1]
	}
	if s.Stage != first.Stage || s.File != first.File {
		return false
	}
	for _, before := range slices.Backward(m.of[:m.n]) {
		if before.IsRun() {
			return before.User == s.User
		}
	}
	user, _, _ := strings.Cut(s.User, ":")
	return user == "" || user == "root" || user == "0"
}

// fits tells whether a step would be the same as one of the other chain, if it came before what is pending.
func (m *move) fits(own, x *steps.Step, pending []*steps.Step) bool {
	if !m.sameFiles(own, x) || own.Self != x.Self && !m.sameButPlace(own, x, pending) {
		return false
	}
	if slices.ContainsFunc(m.vars, func(name string) bool { return usesVariable(own, name) }) {
		return false
	}
	return !slices.ContainsFunc(pending, func(p *steps.Step) bool { return !commutes(p, own, x) })
}

// sameFiles tells whether two steps take the same files, local ones and those of other stages.
func (m *move) sameFiles(own, x *steps.Step) bool {
	if own.Key == "" || x.Key == "" || text(own) != text(x) || own.Files != x.Files || len(own.Inputs) != len(x.Inputs) {
		return false
	}
	for i := 1; i < len(own.Inputs); i++ {
		key := m.leaver.keys[own.Inputs[i]]
		if key == "" || key != m.other.keys[x.Inputs[i]] {
			return false
		}
	}
	return true
}

// sameButPlace tells whether two RUN differ in nothing but what is moved: in the folder where they run, after a WORKDIR, or
// in variables.
func (m *move) sameButPlace(own, x *steps.Step, pending []*steps.Step) bool {
	if !own.IsRun() || !x.IsRun() || own.Text != x.Text || own.User != x.User {
		return false
	}
	names := differing(own, x)
	if slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(m.vars, name) }) {
		return false
	}
	afterWorkdir := slices.ContainsFunc(pending, func(p *steps.Step) bool { return word(p) == "WORKDIR" })
	if own.Dir != x.Dir {
		return afterWorkdir
	}
	return len(names) > 0 // or else it is something that can't be seen
}
