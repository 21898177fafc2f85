package forecast

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Kinds of advice.
const (
	AdviceShared = "shared" // services have steps in common, which a builder runs once
	AdviceMove   = "move"   // services would have more, if an instruction stood further below
)

// maxAdvice is how much of it is given, and minSeconds what is worth telling of a single step.
const (
	maxAdvice  = 5
	minSeconds = 1
)

// Advice is what services share, or could.
type Advice struct {
	Kind string `json:"kind"`
	// Text is all of it as a sentence.
	Text string `json:"text"`
	// Services are those that share steps, or would.
	Services []string `json:"services"`
	// Steps is how many lines of their Dockerfiles they share, or how many more they would.
	Steps int `json:"steps"`
	// Seconds is what that saves, 0 is unknown. Exact is false where it is not from steps with the very same keys.
	Seconds float64 `json:"seconds"`
	Exact   bool    `json:"exact"`
	// File and Line are where services part that should not.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Advise compares the graphs of services: what saves most comes first.
func Advise(graphs []*steps.Graph, h *ledger.History) []Advice {
	var moves, shares []Advice
	for _, platform := range platformsOf(graphs) {
		a := newAdviser(graphs, platform, h)
		found, leaving := a.moves()
		moves, shares = append(moves, found...), append(shares, a.shares(leaving)...)
	}
	moves, shares = best(moves), best(shares)
	out := append([]Advice{}, moves[:min(len(moves), maxAdvice)]...)
	out = append(out, shares[:min(len(shares), maxAdvice-len(out))]...)
	slices.SortStableFunc(out, compareAdvice)
	return out
}

// best sorts advice, and keeps of what is the same for several platforms the one that saves most.
func best(all []Advice) []Advice {
	slices.SortFunc(all, compareAdvice)
	var out []Advice
	for _, a := range all {
		same := func(b Advice) bool {
			return slices.Equal(a.Services, b.Services) && a.File == b.File && a.Line == b.Line
		}
		if !slices.ContainsFunc(out, same) {
			out = append(out, a)
		}
	}
	return out
}

func compareAdvice(a, b Advice) int {
	return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(b.Steps, a.Steps), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Text, b.Text))
}

func platformsOf(graphs []*steps.Graph) []string {
	var out []string
	for _, g := range graphs {
		out = append(out, g.Platform)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// adviser compares the builds for one platform.
type adviser struct {
	history  *ledger.History
	platform string
	builds   []*sharer
	// owners are the builds that have a step, by its key.
	owners map[string][]int
}

// sharer is a build, and the services that are built by just these steps.
type sharer struct {
	services []string
	graph    *steps.Graph
	// chains lead from a FROM to each step that no other is built on.
	chains [][]*steps.Step
	// keys are those of the steps, by digest.
	keys map[string]string
}

func newAdviser(graphs []*steps.Graph, platform string, h *ledger.History) *adviser {
	a := &adviser{history: h, platform: platform, owners: map[string][]int{}}
	graphs = slices.DeleteFunc(slices.Clone(graphs), func(g *steps.Graph) bool { return g.Platform != platform || len(g.Steps) == 0 })
	slices.SortStableFunc(graphs, func(a, b *steps.Graph) int { return strings.Compare(a.Service, b.Service) })
	equal := map[string]*sharer{}
	for _, g := range graphs {
		id := identity(g)
		if equal[id] != nil {
			equal[id].services = append(equal[id].services, g.Service)
			continue
		}
		equal[id] = &sharer{services: []string{g.Service}, graph: g, chains: chainsOf(g), keys: map[string]string{}}
		for _, s := range g.Steps {
			equal[id].keys[s.Digest] = s.Key
		}
		a.builds = append(a.builds, equal[id])
	}
	for i, b := range a.builds {
		for _, s := range b.steps() {
			if s.Key != "" {
				a.owners[s.Key] = append(a.owners[s.Key], i)
			}
		}
	}
	return a
}

// identity is the same for builds of the same steps.
func identity(g *steps.Graph) string {
	var all []string
	for _, s := range g.Steps {
		all = append(all, cmp.Or(s.Key, s.Name+" "+s.Self))
	}
	return strings.Join(all, "\n")
}

func chainsOf(g *steps.Graph) [][]*steps.Step {
	byDigest, continued := map[string]*steps.Step{}, map[string]bool{}
	for i := range g.Steps {
		s := &g.Steps[i]
		byDigest[s.Digest] = s
		if len(s.Inputs) > 0 {
			continued[s.Inputs[0]] = true // what it is built on comes before what it takes files from
		}
	}
	var out [][]*steps.Step
	for i := range g.Steps {
		if continued[g.Steps[i].Digest] {
			continue
		}
		chain := []*steps.Step{&g.Steps[i]}
		for s := chain[0]; len(s.Inputs) > 0 && byDigest[s.Inputs[0]] != nil; chain = append(chain, s) {
			s = byDigest[s.Inputs[0]]
		}
		slices.Reverse(chain)
		if chain[0].Base != nil {
			out = append(out, chain)
		}
	}
	return out
}

// steps are those of all chains, each once.
func (b *sharer) steps() []*steps.Step {
	var out []*steps.Step
	seen := map[*steps.Step]bool{}
	for _, chain := range b.chains {
		for _, s := range chain {
			if !seen[s] {
				seen[s], out = true, append(out, s)
			}
		}
	}
	return out
}

// servicesOf are the names for some builds.
func (a *adviser) servicesOf(builds []int) []string {
	var out []string
	for _, i := range builds {
		out = append(out, a.builds[i].services...)
	}
	slices.Sort(out)
	return out
}

// shares tells of each set of builds that some step belongs to. Where a build parts from such a set, the text says why, if
// nothing else does: leaving are the keys of the steps with which it is told elsewhere.
func (a *adviser) shares(leaving map[string]bool) []Advice {
	var out []Advice
	done := map[string]bool{}
	for _, b := range a.builds {
		for _, s := range b.steps() {
			set := a.owners[s.Key]
			if id := fmt.Sprint(set); len(set) > 1 && !done[id] {
				done[id] = true
				if advice, ok := a.share(set, leaving); ok {
					out = append(out, advice)
				}
			}
		}
	}
	return out
}

func (a *adviser) share(set []int, leaving map[string]bool) (Advice, bool) {
	var common []*steps.Step
	var once float64
	own := 0 // other than FROM
	for _, s := range a.builds[set[0]].steps() {
		if !a.ownedBy(s, set) {
			continue
		}
		common = append(common, s)
		once += a.history.TookKey(s.Key).Seconds
		if s.Base == nil {
			own++
		}
	}
	if own < 2 && (own < 1 || once < minSeconds) {
		return Advice{}, false
	}
	out := Advice{Kind: AdviceShared, Services: a.servicesOf(set), Steps: linesOf(common), Exact: true}
	out.Seconds = once * float64(len(out.Services)-1)
	out.Text = fmt.Sprintf("%s share %d steps%s%s", enumerate(out.Services), out.Steps, saving(out), a.parting(set, leaving))
	return out, true
}

// ownedBy tells whether a step belongs to all builds of a set.
func (a *adviser) ownedBy(s *steps.Step, set []int) bool {
	return !slices.ContainsFunc(set, func(i int) bool { return !slices.Contains(a.owners[s.Key], i) })
}

// linesOf counts lines of a Dockerfile: one may be several steps.
func linesOf(all []*steps.Step) int {
	names := map[string]bool{}
	for _, s := range all {
		names[s.Name] = true
	}
	return len(names)
}
