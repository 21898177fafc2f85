package usage

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// vertex is a step of the model. BuildKit finds its result by id, which has the content of what COPY --from takes in it; key is
// what package steps knows.
type vertex struct {
	steps.Step
	id, content string
	inputs      []*vertex
	byContent   bool
	images      []string // of a FROM: its layers, lowest first
}

func hash(parts ...any) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, parts...)))[:12]
}

// stage makes the vertices of one.
type stage struct {
	name string
	all  []*vertex
}

// inputDigests are those of the steps that it is made of.
func (v *vertex) inputDigests() []string {
	var out []string
	for _, in := range v.inputs {
		out = append(out, in.Digest)
	}
	return out
}

func (s *stage) last() *vertex { return s.all[len(s.all)-1] }

func (s *stage) add(text, self string, is steps.Step, on ...*vertex) *vertex {
	if len(s.all) > 0 {
		on = append([]*vertex{s.last()}, on...)
	}
	v := &vertex{Step: is, inputs: on}
	v.Self, v.Stage, v.Name = hash(self), s.name, fmt.Sprintf("[%s %d/9] %s", s.name, len(s.all)+1, text)
	key, id, content := []any{self}, []any{self}, []any{self}
	for _, in := range on {
		key, id, content = append(key, in.Digest), append(id, in.id), append(content, in.content)
	}
	v.Key, v.id, v.content = hash(key...), hash(id...), hash(content...)
	v.Digest = v.Key
	v.Inputs = v.inputDigests()
	s.all = append(s.all, v)
	return v
}

func (s *stage) from(image string) {
	digest := "sha256:" + hash(image)
	v := s.add("FROM "+image, image, steps.Step{Base: &steps.Base{Ref: image, Digest: digest}})
	v.images = []string{"debian", image}
}

func (s *stage) run(text, mount string) *vertex {
	is := steps.Step{Dir: "/", Text: text}
	if mount != "" {
		is.Mounts = []steps.Mount{{ID: mount, Target: "/cache"}}
	}
	return s.add("RUN "+text, text, is)
}

func (s *stage) copy(what string, version int) {
	s.add("COPY "+what, fmt.Sprint(what, version), steps.Step{})
}

func (s *stage) copyFrom(v *vertex, to string) {
	base := s.last()
	text := "COPY --from=" + v.Stage + " /out " + to
	c := s.add(text, text, steps.Step{Source: text}, v)
	c.id, c.byContent = hash("by content", base.id, v.content), true
}

// files are what a project's Dockerfiles say.
type files struct {
	Setup, Image, Install, Source, Finish int
	Mount                                 string
	Services                              int
	Git                                   bool   // the last step has no key
	Out                                   string // where the result is copied to
}

// targets are the graphs by service and kind.
func (f files) targets(project string) map[[2]string][]*vertex {
	out := map[[2]string][]*vertex{}
	for n := range f.Services {
		service := fmt.Sprint("service", n)
		deps := &stage{name: "deps"}
		deps.from(fmt.Sprint("docker.io/library/node:", f.Image))
		deps.run(fmt.Sprint("setup ", f.Setup), "") // the same in all projects
		deps.run(fmt.Sprint("install ", project, f.Install), f.Mount)
		dev := &stage{"dev", slices.Clone(deps.all)}
		dev.copy(project+"/src", f.Source)
		dev.run("develop "+service, "")
		build := &stage{"build", slices.Clone(deps.all)}
		build.copy(project+"/src", f.Source)
		compiled := build.run("compile "+service, "//compile-"+project)
		compiled.content = hash("compiled", project, service, f.Source/3) // comments don't count
		prod := &stage{name: "prod"}
		prod.from("docker.io/library/slim:1")
		prod.copyFrom(compiled, f.Out)
		last := prod.run(fmt.Sprint("finish ", project, f.Finish), "")
		if f.Git {
			last.Key = ""
		}
		out[[2]string{service, "dev"}] = dev.all
		out[[2]string{service, "prod"}] = append(slices.Clone(build.all), prod.all...)
	}
	return out
}

// cell is a record, and what only the model knows of it.
type cell struct {
	Record
	id    string // of the vertex whose result it is
	key   string // of the step that made it
	owner string
	had   map[string]bool // who ever had it in a build, and did not give it up
	given bool            // somebody gave it up
	last  string          // who used it last
	used  map[string]bool // who ever did
}

// party builds: a project with a ledger, or somebody that nothing is known of.
type party struct {
	name    string
	files   files
	past    []files
	setups  int // is added to versions of the first step
	project Project
	// built are the files of the last build of all targets.
	built files
}

// world is a builder.
type world struct {
	rand  *rand.Rand
	now   time.Time
	cells map[string]*cell
	// linked are the COPY --from whose content was compared once.
	linked  map[string]bool
	next    int
	parties []*party
	// strangers are the builds of those who have no ledger, where the builder remembers any.
	strangers []Stranger
	remembers bool
	// forgets is for an old builder, which can't be asked for steps either.
	forgets bool
}

func (w *world) clone() *world {
	c := *w
	c.cells, c.linked = map[string]*cell{}, maps.Clone(w.linked)
	for id, r := range w.cells {
		copied := *r
		copied.had, copied.used = maps.Clone(r.had), maps.Clone(r.used)
		c.cells[id] = &copied
	}
	return &c
}

// find is the newest result of a vertex.
func (w *world) find(id string) *cell {
	var found *cell
	for _, c := range w.cells {
		if c.id == id && (found == nil || cmp.Or(c.Created.Compare(found.Created), cmp.Compare(c.ID, found.ID)) > 0) {
			found = c
		}
	}
	return found
}

// known tells whether BuildKit can look a vertex up without running anything.
func (w *world) known(v *vertex) bool {
	if len(v.inputs) > 0 && !w.known(v.inputs[0]) {
		return false
	}
	if !v.byContent || w.linked[v.Digest] {
		return true
	}
	return w.known(v.inputs[1]) && w.find(v.inputs[1].id) != nil
}

func (w *world) make(id, description, kind, owner string, parents ...string) *cell {
	w.next++
	c := &cell{id: id, owner: owner, had: map[string]bool{}, used: map[string]bool{}}
	c.Record = Record{ID: fmt.Sprintf("r%05d", w.next), Type: kind, Description: description, Size: 1 + w.rand.Int64N(1000), Created: w.now, Parents: parents}
	w.cells[c.ID] = c
	return c
}

func (w *world) touch(c *cell, who string) {
	c.LastUsed, c.had[who], c.used[who], c.last = w.now, true, true, who
	c.Uses++
}

// builder makes one build.
type builder struct {
	*world
	who     string
	noCache bool
	did     map[*vertex]ledger.Result
	loaded  map[*cell]bool
}

func (b *builder) need(v *vertex) *cell {
	if r, ok := b.did[v]; ok && r.Status == ledger.Ran {
		return b.find(v.id)
	}
	if b.known(v) && !(b.noCache && len(v.inputs) > 0) {
		if c := b.find(v.id); c != nil {
			b.loaded[c] = true
			return c
		}
	}
	var parents []string
	for i, in := range v.inputs {
		if c := b.need(in); i == 0 {
			parents = []string{c.ID}
		}
	}
	if v.byContent {
		b.linked[v.Digest] = true
		if c := b.find(v.id); c != nil && !b.noCache {
			b.loaded[c] = true
			return c
		}
	}
	start := b.now
	b.now = b.now.Add(300 * time.Millisecond)
	var c *cell
	if v.images == nil {
		c = b.make(v.id, b.describe(&v.Step), "regular", b.who, parents...)
		c.key = v.Key
		for _, m := range v.Mounts {
			mount := b.find("mount " + m.ID)
			if mount == nil {
				mount = b.make("mount "+m.ID, b.mountOf(v.Text, m.ID), "exec.cachemount", b.who)
			}
			b.loaded[mount] = true
		}
	}
	for i, layer := range v.images {
		id := "layer " + layer
		if i == len(v.images)-1 {
			id = v.id
		}
		if c = b.find(id); c == nil {
			c = b.make(id, v.Descriptions()[0], "regular", b.who, parents...)
		}
		parents = []string{c.ID}
	}
	b.loaded[c] = true
	seconds := 1 + b.rand.Float64()*5
	b.now = b.now.Add(time.Duration(seconds * float64(time.Second)))
	b.did[v] = ledger.Result{Status: ledger.Ran, Started: start, Seconds: b.now.Sub(start).Seconds()}
	return c
}

// mountOf describes a cache mount. An old builder does not tell its ID, and of a file operation nothing.
func (w *world) mountOf(text, id string) string {
	if w.forgets {
		return "cached mount /cache from exec " + text
	}
	return fmt.Sprintf("cached mount /cache from exec %s with id %q", text, id)
}

func (w *world) describe(s *steps.Step) string {
	all := s.Descriptions()
	if w.forgets {
		return all[len(all)-1]
	}
	return all[0]
}

// build builds targets of a party; the ledger is only of projects.
func (w *world) build(p *party, kinds []string, noCache bool) (ran []string) {
	all := p.files.targets(p.name)
	for _, at := range slices.SortedFunc(maps.Keys(all), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		if !slices.Contains(kinds, at[1]) {
			continue
		}
		record := ledger.BuildRecord{Build: ledger.Build{ID: fmt.Sprint(p.name, w.now), Started: w.now, Kind: at[1], Builder: ledger.Builder{ID: builderID}}}
		b := &builder{w, p.name, noCache, map[*vertex]ledger.Result{}, map[*cell]bool{}}
		vertices := all[at]
		b.loaded[b.need(vertices[len(vertices)-1])] = true
		w.now = w.now.Add(time.Second)
		local := "local " + p.name
		if w.find(local) == nil {
			w.make(local, "local source for "+p.name, "source.local", p.name)
		}
		b.loaded[w.find(local)] = true
		for c := range b.loaded {
			w.touch(c, p.name)
		}
		record.Seconds = w.now.Sub(record.Started).Seconds()
		for _, v := range vertices {
			r := b.did[v]
			if r.Status == "" {
				r.Status, r.Started = ledger.Cached, record.Started
			} else {
				ran = append(ran, v.Name)
			}
			for _, c := range w.cells {
				if c.id == v.id {
					c.had[p.name] = true
				}
			}
			r.Service, r.Step = at[0], v.Step
			record.Results = append(record.Results, ledger.StepRecord{Result: r})
		}
		if p.project.History == nil {
			w.remember(record.Started, vertices, b)
		} else {
			p.project.History.Builds = append(p.project.History.Builds, record)
		}
	}
	if len(kinds) == 2 {
		p.built = p.files
	}
	return ran
}

// remember notes a build of nobody's ledger that ends now.
func (w *world) remember(from time.Time, vertices []*vertex, b *builder) {
	s := Stranger{From: from, To: w.now, Steps: []StrangersStep{}}
	for _, v := range vertices {
		step := StrangersStep{Name: v.Name, Digest: v.Digest, Ran: b.did[v].Status == ledger.Ran, Loaded: b.loaded[w.find(v.id)]}
		step.Inputs = v.inputDigests()
		if v.Base != nil {
			step.Name = "[x 1/9] FROM " + v.Base.Ref + "@" + v.Base.Digest
		}
		s.Steps = append(s.Steps, step)
		for _, m := range v.Mounts {
			s.Steps = append(s.Steps, StrangersStep{Name: "RUN --mount=type=cache,id=" + m.ID, Ran: step.Ran})
		}
	}
	if w.remembers {
		w.strangers = append(w.strangers, s)
	}
}
