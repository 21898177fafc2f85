package usage

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// mount is for cache mounts: a step names them, no result depends on them, and anybody may use one by the same ID.
func (c *classifier) mount(i *Item) {
	id := c.mountID(&i.Record)
	named := func(p *past) int { return p.mounts[id].at() }
	c.have(i, named)
	kin := c.origin.kin(i.ID, named)
	refs, last, made := madeMount(id, i.Created, kin)
	i.Refs = addRefs(i.Refs, refs...)
	i.renounces = len(refs) > 0 && c.current.blind == ""
	switch {
	case len(refs) == 0:
		i.Why = c.namespace(id)
	case len(i.Others) > 0:
		i.Why = sharedWith(i.Others)
	case !made:
		i.Why = "no build that is known made it"
	default:
		i.Why = cmp.Or(c.usedByOthers(&i.Record, last, kin), c.usedByStranger(&i.Record, func(s *stranger) bool { return s.mounted(id) }))
	}
	i.Own = i.Why == ""
	switch {
	case len(c.current.mounts[id]) > 0:
		i.Class, i.Refs = Used, addRefs([]Ref{}, c.current.mounts[id]...)
	case len(refs) > 0 && len(i.Others) > 0:
		i.Class = Shared
	case i.Why != "":
	case c.current.blind != "":
		i.Why = c.current.blind
	case c.Forgets:
		i.Why = "the builder does not tell who else used it"
	default:
		i.Class = Stale
	}
}

// madeMount says which steps of this project named a cache mount, when one last used it, and whether one ran when it was made.
func madeMount(id string, created time.Time, kin []*past) (refs []Ref, last time.Time, made bool) {
	for _, p := range kin {
		n := p.mounts[id]
		if n == nil {
			continue
		}
		if p.project.Here {
			refs = addRefs(refs, n.refs...)
		}
		for _, v := range n.runs {
			from, to := v.atWork()
			made = made || span{from, to}.exactly(created)
			if v.ended.After(last) {
				last = v.ended
			}
		}
	}
	return refs, last, made
}

// namespace says of a mount that no step named whether it is one of ours under another namespace, as benchmarks have them.
func (c *classifier) namespace(id string) string {
	space, rest, ok := strings.Cut(id, "/")
	known := len(c.current.mounts["/"+rest]) > 0
	for _, p := range c.origin.here {
		known = known || p.mounts["/"+rest] != nil
	}
	if ok && space != "" && known {
		return fmt.Sprintf("a cache mount of this project in the namespace %q, as a benchmark makes them", space)
	}
	return "no step that is known names it"
}

// image is for layers of images.
func (c *classifier) image(i *Item) {
	name, digest := imageOf(i.Description)
	named := func(p *past) int { return p.imageAt(name, digest) }
	c.have(i, named)
	refs, why := c.pulledFor(i, digest, c.origin.kin(i.ID, named))
	why = cmp.Or(why, c.usedByStranger(&i.Record, func(s *stranger) bool { return s.pulled(digest) }))
	i.Refs = addRefs(i.Refs, refs...)
	i.renounces = c.current.blind == "" && !c.current.open && c.origin.had(named)
	i.Why = why
	i.Own = i.Why == ""
	uses := append(c.current.usesOf(c.Touched[i.ID]), c.current.images[digest]...)
	switch {
	case len(uses) > 0 || c.touched(i.ID):
		c.use(i, uses)
	case (!c.Probed || len(c.Unprobed) > 0) && copies(c.current.copied, name):
		i.Class, i.Why = Used, "files may be copied from it"
	case len(refs) > 0 && len(i.Others) > 0:
		i.Class = Shared
	case i.Why != "":
	case c.current.blind != "":
		i.Why = c.current.blind
	case c.current.open:
		i.Why = "it may be the image of a current step, which the builder could not be asked for"
	default:
		i.Class = Stale
	}
}

func copies(copied map[string]bool, image string) bool {
	for name := range copied {
		if mayBe(name, image) {
			return true
		}
	}
	return false
}

// pulledFor says which steps of this project build on an image, and why it may not have been pulled for them alone.
func (c *classifier) pulledFor(i *Item, digest string, kin []*past) (refs []Ref, why string) {
	var last time.Time
	known, made, uses := false, false, 0
	for _, p := range kin {
		n := p.images[digest]
		if n == nil {
			continue
		}
		known = true
		if p.project.Here {
			refs = addRefs(refs, n.refs...)
		}
		i.cost[digest] = n.seconds()
		uses += len(n.builds)
		for _, b := range n.builds {
			made = made || b.has(i.Created) && (!c.Forgets || b.exactly(i.Created))
			if b.to.After(last) {
				last = b.to
			}
		}
	}
	switch {
	case !known:
		return nil, "no step that is known builds on it"
	case len(i.Others) > 0:
		return refs, sharedWith(i.Others)
	case !made:
		return refs, "it was there before a build that is known asked for it"
	}
	return refs, cmp.Or(c.usedByOthers(&i.Record, last, kin), c.usedTooOften(&i.Record, uses))
}

// local is for folders that were sent. Losing one costs no step, but sending it again.
func (c *classifier) local(i *Item) {
	name, _ := localOf(i.Description)
	current, ours := c.Locals[name]
	var last time.Time
	for _, p := range c.origin.here {
		if p.last.After(last) {
			last = p.last
		}
	}
	i.Own = ours && c.usedByOthers(&i.Record, last, c.origin.here) == ""
	switch {
	case c.touched(i.ID):
		c.use(i, c.current.usesOf(c.Touched[i.ID]))
	case !ours:
		i.Why = "no folder of this project has that name"
	case current && !c.touchedLocals[name]:
		i.Class = Used
	case !i.Own:
		i.Why = c.usedByOthers(&i.Record, last, c.origin.here)
	case c.current.blind != "":
		i.Why = c.current.blind
	default:
		i.Class = Stale
	}
}
