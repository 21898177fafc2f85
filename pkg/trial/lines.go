package trial

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// line is a line of a Dockerfile in the build of a service: one vertex, or several as COPY --link and ADD of a URL are.
type line struct {
	step    session.Step
	digests []string // sorted
	inputs  []string
	busy    spans
}

// id is the same for the lines of services that share their vertices.
func (l *line) id() string { return strings.Join(l.digests, " ") }

// key of a line: its place in its stage, and the instruction.
type key struct{ service, name string }

// linesOf gathers the vertices of each line, in the order of services, Dockerfiles and their lines.
func linesOf(result *buildx.Result, known *index, started time.Time, usage map[string]buildx.Usage) []*line {
	vertices := map[key][]buildx.Step{}
	for _, s := range result.Steps {
		k := key{s.Service, shown(s.Name)}
		vertices[k] = append(vertices[k], s)
	}
	var all []*line
	for k, of := range vertices {
		all = append(all, newLine(k, of, known, started, usage))
	}
	slices.SortFunc(all, func(a, b *line) int {
		return cmp.Or(
			cmp.Compare(a.step.Service, b.step.Service), cmp.Compare(a.step.File, b.step.File), cmp.Compare(a.step.Line, b.step.Line),
			cmp.Compare(a.step.Start, b.step.Start), cmp.Compare(a.step.Name, b.step.Name),
		)
	})
	connect(all, known)
	return all
}

func newLine(k key, vertices []buildx.Step, known *index, started time.Time, usage map[string]buildx.Usage) *line {
	at := labelOf(k.name)
	l := &line{step: session.Step{Service: k.service, Name: k.name, Stage: cmp.Or(at.stage, known.stage(k.service)), Cached: true, After: []int{}}}
	for _, v := range vertices {
		in := v.Inputs
		if g := known.find(v.Service, v.Digest, v.Name); g != nil {
			in = g.Inputs
			if l.step.Line == 0 {
				l.step.File, l.step.Line = g.File, g.Line
			}
		}
		l.digests, l.inputs = append(l.digests, v.Digest), append(l.inputs, in...)
		l.busy = append(l.busy, spansOf(v.Busy, v.Started, v.Ended, v.Seconds, started)...)
		u := usage[v.Digest]
		l.step.CPU += u.CPUSeconds
		l.step.PeakMemory = max(l.step.PeakMemory, u.PeakMemory)
		l.step.IOBytes += u.IOBytes
		if !v.Cached && !(at.word() == "ADD" && len(v.Inputs) == 0 && len(vertices) > 1) {
			l.step.Cached = false // asking a server for the file of an ADD is no miss: what becomes of it is
		}
	}
	slices.Sort(l.digests)
	for i, s := range l.busy {
		if i == 0 || s[0] < l.step.Start {
			l.step.Start = s[0]
		}
		l.step.End = max(l.step.End, s[1])
	}
	l.step.Seconds = l.busy.seconds()
	return l
}

// connect tells every line which ones it is built on, by their places.
func connect(all []*line, known *index) {
	byVertex, byKey := map[[2]string]int{}, map[key]int{}
	for i, l := range all {
		byKey[key{l.step.Service, l.step.Name}] = i
		for _, d := range l.digests {
			byVertex[[2]string{l.step.Service, d}] = i
			if _, there := byVertex[[2]string{"", d}]; !there {
				byVertex[[2]string{"", d}] = i
			}
		}
	}
	for i, l := range all {
		for _, d := range l.inputs {
			at, found := byVertex[[2]string{l.step.Service, d}]
			if g := known.find(l.step.Service, d, ""); !found && g != nil {
				at, found = byKey[key{l.step.Service, shown(g.Name)}]
			}
			if !found {
				at, found = byVertex[[2]string{"", d}]
			}
			if found && at != i {
				l.step.After = append(l.step.After, at)
			}
		}
		slices.Sort(l.step.After)
		l.step.After = slices.Compact(l.step.After)
	}
}

// index finds the steps of graphs: by digest, or by name where the graph is of another build.
type index struct {
	byDigest map[[2]string]*steps.Step // by service, or empty for any, and digest
	byName   map[key]*steps.Step
	// stages are what single stages are called, which BuildKit doesn't name.
	stages map[string]string
}

func newIndex(graphs []*steps.Graph) *index {
	x := &index{byDigest: map[[2]string]*steps.Step{}, byName: map[key]*steps.Step{}, stages: map[string]string{}}
	for _, g := range graphs {
		for i := range g.Steps {
			s := &g.Steps[i]
			for _, service := range []string{g.Service, ""} {
				if at := [2]string{service, s.Digest}; x.byDigest[at] == nil {
					x.byDigest[at] = s
				}
				if at := (key{service, shown(s.Name)}); x.byName[at] == nil || isLink(x.byName[at].Name) {
					x.byName[at] = s
				}
			}
			if name := stageOf(s.Source); name != "" && labelOf(s.Name).stage == "" {
				x.stages[g.Service] = name
			}
		}
		if x.stages[g.Service] == "" {
			x.stages[g.Service] = g.Stage
		}
	}
	return x
}

func (x *index) find(service, digest, name string) *steps.Step {
	if s := x.byDigest[[2]string{service, digest}]; s != nil {
		return s
	}
	if s := x.byDigest[[2]string{"", digest}]; s != nil || name == "" {
		return s
	}
	return x.byName[key{service, shown(name)}]
}

// stage is the name of a single stage, or what BuildKit calls one without a name when there are others.
func (x *index) stage(service string) string { return cmp.Or(x.stages[service], "stage-0") }

// stageOf is the name that a FROM gives its stage.
func stageOf(source string) string {
	words := strings.Fields(source)
	if n := len(words); n > 3 && strings.EqualFold(words[0], "FROM") && strings.EqualFold(words[n-2], "AS") {
		return strings.ToLower(words[n-1])
	}
	return ""
}
