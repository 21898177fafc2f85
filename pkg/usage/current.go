package usage

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// current is what the current targets of this project are made of.
type current struct {
	byDigest map[string][]*use
	byName   map[Ref][]*use
	// mounts are by ID, images by digest.
	mounts map[string][]Ref
	images map[string][]*use
	copied map[string]bool
	// dark are the steps of which the builder did not say what holds their results: by key, and by what else a result may be
	// known by.
	darkKeys  map[string][]*use
	darkMarks map[string]string // a name of such a step
	// open says that the images of such steps may be there under a name that is not known.
	open bool
	// blind says why not all steps are known; it is empty when they are.
	blind string
}

// use is a step of a current target.
type use struct {
	*steps.Step
	ref Ref
}

func newCurrent(q *Question) *current {
	c := &current{
		byDigest: map[string][]*use{}, byName: map[Ref][]*use{}, mounts: map[string][]Ref{}, images: map[string][]*use{}, copied: map[string]bool{},
		darkKeys: map[string][]*use{}, darkMarks: map[string]string{},
	}
	if len(q.Targets) == 0 {
		c.blind = "no current target of this project is known"
	}
	there := map[string]bool{}
	for _, r := range q.Records {
		there[r.Description] = true
	}
	for _, t := range q.Targets {
		switch {
		case t.Graph == nil:
			c.blind = "the steps of a current target are not known"
			continue
		case t.Graph.Unknown != "":
			c.blind = fmt.Sprintf("the steps of service %q are not known: %s", t.Graph.Service, t.Graph.Unknown)
		}
		for i := range t.Graph.Steps {
			s := &t.Graph.Steps[i]
			_, unprobed := q.Unprobed[s.Digest]
			c.add(&use{s, refOf(s, t.Graph.Service, t.Kind)}, unprobed || !q.Probed, there)
		}
	}
	return c
}

func (c *current) add(u *use, dark bool, there map[string]bool) {
	c.byDigest[u.Digest] = append(c.byDigest[u.Digest], u)
	name := Ref{Service: u.ref.Service, Kind: u.ref.Kind, Step: u.Name}
	c.byName[name] = append(c.byName[name], u)
	for _, m := range u.Mounts {
		c.mounts[m.ID] = addRefs(c.mounts[m.ID], u.ref)
	}
	if u.Base != nil && u.Base.Digest != "" {
		c.images[u.Base.Digest] = append(c.images[u.Base.Digest], u)
	}
	for _, image := range imagesIn(u.Step) {
		c.copied[image] = true
	}
	if !dark {
		return
	}
	if u.Key != "" {
		c.darkKeys[u.Key] = append(c.darkKeys[u.Key], u)
	}
	for _, mark := range append(marks(u.Step), u.Descriptions()...) {
		c.darkMarks[mark] = u.Name
	}
	if u.Base != nil && !slices.ContainsFunc(u.Descriptions(), func(d string) bool { return there[d] }) {
		c.open = true
	}
}

// usesOf are the steps that refs of the caller's are of.
func (c *current) usesOf(refs []Ref) []*use {
	var out []*use
	for _, r := range refs {
		if r.Digest != "" {
			out = append(out, c.byDigest[r.Digest]...)
			continue
		}
		out = append(out, c.byName[Ref{Service: r.Service, Kind: r.Kind, Step: r.Step}]...)
	}
	return out
}

// dark is the name of a step of which the builder was not asked and whose result what these runs made may be.
func (c *current) dark(description string, runs []*run) string {
	names := []string{c.darkMarks[description]}
	for _, v := range runs {
		for _, mark := range marks(&v.Step) {
			names = append(names, c.darkMarks[mark])
		}
	}
	return cmp.Or(names...)
}
