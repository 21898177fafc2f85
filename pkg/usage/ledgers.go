package usage

import (
	"iter"
	"slices"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/ledger"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// slack is how much later than its build's end a record may seem to have been used: BuildKit lets go of results when the
// client has its answer, and somewhat later.
const slack = 10 * time.Second

// shortSlack is that of a BuildKit that remembers no builds, which lets go at once: somebody else's build may have come right after.
const shortSlack = 2 * time.Second

func (q *Question) slack() time.Duration {
	if q.Forgets {
		return shortSlack
	}
	return slack
}

// run is a vertex that ran in a build. Services may share it.
type run struct {
	*ledger.StepRecord
	refs []Ref
	// here says that it is this project's. place is that of the build in the ledger, from 1, and ended its end.
	here  bool
	place int
	ended time.Time
	names []*named
	build *vertices
}

// sure tells whether the key is that of what was made.
func (r *run) sure() bool { return r.Step.Key != "" && !r.Unsure }

// lag is for times that were rounded, and for the pause between what BuildKit does for a step that is built on nothing.
const lag = 20 * time.Millisecond

// atWork is the time in which the step made its record: BuildKit does that between what it tells as the start and as the end of
// it. What was made a little later is of somebody else, also when the record of the step is gone.
func (r *run) atWork() (from, to time.Time) {
	end := r.Started.Add(time.Duration(r.Seconds * float64(time.Second)))
	return r.Started.Add(-lag), end.Add(lag)
}

// span is a time in which something was used.
type span struct{ from, to time.Time }

func (s span) exactly(t time.Time) bool { return !t.Before(s.from) && !t.After(s.to) }

func (s span) has(t time.Time) bool {
	return !t.Before(s.from.Add(-slack)) && !t.After(s.to.Add(slack))
}

// past is what the ledger of one project says of one builder.
type past struct {
	project *Project
	// runs are by the descriptions of what they made.
	runs map[string][]*run
	// lines are the same, to be found by time.
	lines map[string]*timeline
	// keys has the last use of every step by its key.
	keys map[string]time.Time
	// loose has the last use of steps that may have been found under another key, by what such a result is known by.
	loose map[string]time.Time
	// uses and looseUses are how many targets of builds had such a step.
	uses, looseUses map[string]int
	// marks are those of all steps, with the place of the last build that has one, and so are keyed the keys.
	marks map[string]int
	keyed map[string]int
	// mounts are by ID, images by digest.
	mounts map[string]*named
	images map[string]*named
	// copied are images that files are copied from, as the Dockerfiles name them, with the place of the last build.
	copied map[string]int
	looks  []span
	// notes are on what it gave up, by record.
	notes map[string]note
	// last is the end of the last build.
	last time.Time
}

// named is what steps name, and may use whether or not they have a result in the cache.
type named struct {
	refs []Ref
	// runs are the steps that did not come from the cache, builds the times of all builds with such a step.
	runs   []*run
	builds []span
	// last is the place of the last of them.
	last int
}

// seconds is how long the last step took that did not come from the cache.
func (n *named) seconds() float64 {
	if len(n.runs) == 0 {
		return 0
	}
	return n.runs[len(n.runs)-1].Seconds
}

func at(m map[string]*named, key string) *named {
	if m[key] == nil {
		m[key] = &named{}
	}
	return m[key]
}

// newPast reads a ledger. ran tells whether any known project ever ran the step of that key on the builder.
func newPast(p *Project, builder string, ran map[string]bool) *past {
	out := &past{
		project: p, runs: map[string][]*run{}, lines: map[string]*timeline{}, keys: map[string]time.Time{}, loose: map[string]time.Time{},
		uses: map[string]int{}, looseUses: map[string]int{},
		mounts: map[string]*named{}, images: map[string]*named{}, copied: map[string]int{}, marks: map[string]int{}, keyed: map[string]int{},
		notes: notesOf(p, builder),
	}
	for _, l := range p.Looks {
		if l.Builder == builder {
			out.looks = append(out.looks, span{l.From, l.To})
		}
	}
	for place, b := range buildsOn(p, builder) {
		out.add(b, place, ran)
	}
	return out
}

// buildsOn are the builds of a project on a builder, with their places in the ledger, from 1.
func buildsOn(p *Project, builder string) iter.Seq2[int, *ledger.BuildRecord] {
	return func(yield func(int, *ledger.BuildRecord) bool) {
		if p.History == nil {
			return
		}
		for i := range p.History.Builds {
			if b := &p.History.Builds[i]; b.Builder.ID == builder && !yield(i+1, b) {
				return
			}
		}
	}
}

func (p *past) add(b *ledger.BuildRecord, place int, ran map[string]bool) {
	ended := b.Ended()
	if ended.After(p.last) {
		p.last = ended
	}
	build := &vertices{runs: map[string]*run{}}
	for i := range b.Results {
		r := &b.Results[i]
		p.note(r, place, ended, ran)
		ref := refOf(&r.Step, r.Service, b.Kind)
		v := build.runs[r.Step.Digest]
		if v == nil {
			v = &run{StepRecord: r, here: p.project.Here, place: place, ended: ended, build: build}
			build.runs[r.Step.Digest] = v
			p.name(v, span{b.Started, ended})
			if r.Status == ledger.Ran && r.Step.Base == nil {
				for _, d := range r.Step.Descriptions() {
					p.runs[d] = append(p.runs[d], v)
				}
			}
		}
		v.refs = addRefs(v.refs, ref)
		for _, n := range v.names {
			n.refs = addRefs(n.refs, ref)
		}
	}
}

// name notes the cache mounts and the image that a step names.
func (p *past) name(v *run, build span) {
	for _, m := range v.Step.Mounts {
		v.names = append(v.names, at(p.mounts, m.ID))
	}
	if base := v.Step.Base; base != nil && base.Digest != "" {
		v.names = append(v.names, at(p.images, base.Digest))
	}
	for _, n := range v.names {
		n.builds, n.last = append(n.builds, build), v.place
		if v.Status != ledger.Cached {
			n.runs = append(n.runs, v)
		}
	}
	for _, image := range imagesIn(&v.Step) {
		p.copied[image] = v.place
	}
}

// note notes the use of a step's result.
func (p *past) note(r *ledger.StepRecord, place int, ended time.Time, ran map[string]bool) {
	later := func(m map[string]time.Time, key string, t time.Time) {
		if !m[key].After(t) {
			m[key] = t
		}
	}
	for _, mark := range marks(&r.Step) {
		p.marks[mark] = place
	}
	p.keyed[r.Step.Key] = place
	switch done := r.Status == ledger.Ran || r.Status == ledger.Cached; {
	case r.Step.Key != "" && done && !r.Unsure:
		later(p.keys, r.Step.Key, ended)
		p.uses[r.Step.Key]++
	case r.Step.Key != "":
		later(p.keys, r.Step.Key, time.Time{}) // named, and no more
	}
	if r.Step.Key == "" || r.Unsure || r.Status == ledger.Cached && !ran[r.Step.Key] {
		for _, mark := range marks(&r.Step) {
			later(p.loose, mark, ended)
			p.looseUses[mark]++
		}
	}
}

// marks are what results that BuildKit takes for one another have in common: it finds some by the content of what they are
// made from, and then their keys differ, but not what the steps do.
func marks(s *steps.Step) []string {
	var out []string
	for _, d := range s.Descriptions() {
		if d != steps.UnnamedFile {
			out = append(out, d)
		}
	}
	if s.Self != "" {
		out = append(out, "self "+s.Self)
	}
	return out
}

// allRan are the keys of the steps that ran in any project.
func allRan(projects []Project, builder string) map[string]bool {
	out := map[string]bool{}
	for i := range projects {
		for _, b := range buildsOn(&projects[i], builder) {
			for j := range b.Results {
				if r := &b.Results[j]; r.Status == ledger.Ran && !r.Unsure && r.Step.Key != "" {
					out[r.Step.Key] = true
				}
			}
		}
	}
	return out
}

func refOf(s *steps.Step, service, kind string) Ref {
	return Ref{Service: service, Kind: kind, Stage: s.Stage, Step: s.Name, File: s.File, Line: s.Line}
}

// addRefs adds those that are not there yet.
func addRefs(refs []Ref, more ...Ref) []Ref {
	for _, r := range more {
		r.Digest = ""
		if !slices.Contains(refs, r) {
			refs = append(refs, r)
		}
	}
	return refs
}
