package edit

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Choice is a file that a scenario edits.
type Choice struct {
	// Path is within the build context, with slashes.
	Path string
	// Why is for a person who would have chosen another.
	Why string
	// Step is the first that takes the file, and Line where it stands in the Dockerfile.
	Step string
	Line int
}

// Choices are the files of a service; nil where none is known.
type Choices struct {
	Source, Deps *Choice
	// Notes say why there is none, or what a choice doesn't show.
	Notes []string
}

// Choose guesses which files of a build context a developer edits, and which say what the project depends on. Only files that
// steps of the graph take come into question: what else is changed changes no image. It loads the files of the steps.
func Choose(g *steps.Graph, context string) Choices {
	if g.Unknown != "" {
		return Choices{Notes: []string{"the steps are not known: " + g.Unknown}}
	}
	p := newPicker(g, context)
	var c Choices
	if len(p.takers) == 0 {
		c.Notes = []string{"no step takes a file of the build context"}
		return c
	}
	deps := p.deps()
	source := p.source(deps)
	c.Deps, c.Source = deps.choice(), source.choice()
	switch {
	case deps == nil:
		c.Notes = append(c.Notes, "no list of dependencies is taken before a RUN")
	case source != nil && deps.by == source.by:
		c.Notes = append(c.Notes, fmt.Sprintf("line %d takes %s together with the source: an edit of either runs the same steps",
			deps.by.step.Line, deps.file.Path))
	}
	if source == nil {
		c.Notes = append(c.Notes, "no step takes files that look like source code")
	}
	return c
}

// picker is a graph, seen from the files that its steps take.
type picker struct {
	service, context string
	steps            []steps.Step
	index            map[string]int
	takers           []*taker
	// earliest is the first taker of a file.
	earliest map[string]*taker
	sniffed  map[string]bool
}

// taker is a step that takes files of the build context.
type taker struct {
	at    int
	step  *steps.Step
	files []steps.File
	// runs are the commands that are built on it, itself among them.
	runs []*steps.Step
}

// pick is a file and the step that takes it first.
type pick struct {
	file steps.File
	by   *taker
	why  string
}

func (p *pick) choice() *Choice {
	if p == nil {
		return nil
	}
	return &Choice{Path: p.file.Path, Why: p.why, Step: p.by.step.Name, Line: p.by.step.Line}
}

func newPicker(g *steps.Graph, context string) *picker {
	p := &picker{
		service: g.Service, context: context, steps: g.Steps,
		index: map[string]int{}, earliest: map[string]*taker{}, sniffed: map[string]bool{},
	}
	for i := range g.Steps {
		s := &g.Steps[i]
		p.index[s.Digest] = i
		s.LoadTakes()
		t := &taker{at: i, step: s}
		for _, f := range s.Takes {
			if fs.FileMode(f.Mode).IsRegular() && p.has(f) {
				t.files = append(t.files, f)
			}
		}
		if len(t.files) == 0 {
			continue
		}
		p.takers = append(p.takers, t)
		for _, f := range t.files {
			if p.earliest[f.Path] == nil {
				p.earliest[f.Path] = t
			}
		}
	}
	for _, t := range p.takers {
		t.runs = p.runsAfter(t.at)
	}
	return p
}

// has tells whether a file is of the build context: a step may take one of that name from a named context.
func (p *picker) has(f steps.File) bool {
	info, err := os.Lstat(filepath.Join(p.context, filepath.FromSlash(f.Path)))
	return err == nil && info.Mode().IsRegular() && info.Size() == f.Size && info.ModTime().UnixNano() == f.Time
}

// runsAfter are the commands that an edit of what a step takes runs again.
func (p *picker) runsAfter(at int) []*steps.Step {
	reached := map[int]bool{at: true}
	var out []*steps.Step
	for i := at; i < len(p.steps); i++ { // inputs stand before what is built on them
		s := &p.steps[i]
		if !reached[i] && !slices.ContainsFunc(s.Inputs, func(in string) bool { return reached[p.indexOf(in)] }) {
			continue
		}
		reached[i] = true
		if s.IsRun() {
			out = append(out, s)
		}
	}
	return out
}

func (p *picker) indexOf(dgst string) int {
	if i, known := p.index[dgst]; known {
		return i
	}
	return -1
}

// deps is the list of dependencies: one that is known by its name, else by its place in the Dockerfile.
func (p *picker) deps() *pick {
	var best *pick
	var least []int
	widest := 0
	for _, t := range p.takers {
		widest = max(widest, len(t.files))
	}
	for _, t := range p.takers {
		if len(t.runs) == 0 {
			continue
		}
		for _, f := range t.files {
			kind, known := listKind(f.Path)
			if !known || isVendored(f.Path) {
				continue
			}
			// A step that takes little is there for the list. A lock follows its manifest.
			rank := []int{weigh(len(t.files) == widest), coarse(len(t.files)), kind, strings.Count(f.Path, "/"), t.at}
			if best == nil || slices.Compare(rank, least) < 0 {
				best, least = &pick{file: f, by: t}, rank
			}
		}
	}
	if best != nil {
		best.why = fmt.Sprintf("a list of dependencies that line %d takes before %s", best.by.step.Line, quote(best.by.runs[0]))
		return best
	}
	return p.structure()
}

// coarse keeps two steps apart of which one is for lists and the other for all.
func coarse(files int) int {
	if files <= few {
		return 0
	}
	return files
}

// Limits of a step that takes a list of dependencies whose name nobody knows.
const (
	few   = 6
	short = 256 << 10 // bytes
)

// structure is a file of a step that takes a few short ones, right before a RUN that is no trifle, and before a step that takes
// more.
func (p *picker) structure() *pick {
	for i, t := range p.takers {
		next := p.next(t.at)
		if t.step.IsRun() {
			next = t.step
		}
		if next == nil || isTrifle(next) || len(t.files) > few {
			continue
		}
		broader := slices.ContainsFunc(p.takers[i+1:], func(o *taker) bool { return len(o.files) > len(t.files) })
		long := slices.ContainsFunc(t.files, func(f steps.File) bool { return f.Size > short })
		if !broader || long {
			continue
		}
		files := slices.DeleteFunc(slices.Clone(t.files), func(f steps.File) bool { return isBuildFile(f.Path) || isEntry(f.Path) })
		if len(files) == 0 {
			continue
		}
		f := slices.MinFunc(files, func(a, b steps.File) int {
			return cmp.Or(cmp.Compare(plainness(a.Path), plainness(b.Path)), cmp.Compare(a.Path, b.Path))
		})
		why := fmt.Sprintf("line %d takes it before %s and the source comes later", t.step.Line, quote(next))
		return &pick{f, t, why}
	}
	return nil
}

// next is the RUN that comes right after a step.
func (p *picker) next(at int) *steps.Step {
	for i := at + 1; i < len(p.steps); i++ {
		if p.steps[i].IsRun() && slices.Contains(p.steps[i].Inputs, p.steps[at].Digest) {
			return &p.steps[i]
		}
	}
	return nil
}

// plainness puts data before programs.
func plainness(name string) int {
	if language(name) == "" {
		return 0
	}
	return 1
}

// trifles are commands that install nothing.
var trifles = map[string]bool{"chmod": true, "chown": true, "mkdir": true, "ln": true, "mv": true, "cp": true, "touch": true, "rm": true}

func isTrifle(s *steps.Step) bool {
	words := strings.Fields(strings.TrimPrefix(s.Text, "/bin/sh -c "))
	return len(words) > 0 && trifles[path.Base(words[0])] && !strings.ContainsAny(s.Text, "&|;\n")
}

// quote is an instruction as a reader finds it in the Dockerfile.
func quote(s *steps.Step) string {
	text := strings.Join(strings.Fields(cmp.Or(s.Source, s.Text, s.Name)), " ")
	const most = 60
	if r := []rune(text); len(r) > most {
		text = string(r[:most-1]) + "…"
	}
	return "`" + text + "`"
}
