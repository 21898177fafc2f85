package retention

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker/go-units"
)

// Node is one node of a builder.
type Node struct {
	// Name is empty where there is no other.
	Name string
	// Rules are in their order; without any it collects no garbage.
	Rules []Rule
	// Records are all that it has.
	Records []Record
}

// Codes of advice.
const (
	// TooSmall is for limits below what the project's current targets need.
	TooSmall = "too-small"
	// Evicted is for results that were gone when they were needed again.
	Evicted = "evicted"
	// Floor is for a reserved space where a limit was probably meant.
	Floor = "floor"
	// Idle is for what a rule by age is about to take, or has taken.
	Idle = "idle"
)

// Advice is something about the rules that the user should know.
type Advice struct {
	Code string `json:"code"`
	// Node is empty where the builder has one only, or it is of all.
	Node string `json:"node,omitempty"`
	Text string `json:"text"`
}

// Advise says what is wrong with the rules of a builder's nodes for a project, of whose steps some ran again.
func Advise(nodes []Node, again Evictions) []Advice {
	out := []Advice{}
	for i := range nodes {
		n := &nodes[i]
		for _, a := range []Advice{n.tooSmall(), n.floor()} {
			if a.Text != "" {
				a.Node = n.Name
				out = append(out, a)
			}
		}
		for _, text := range n.idle() {
			out = append(out, Advice{Idle, n.Name, text})
		}
	}
	if text := evicted(nodes, again); text != "" {
		out = append(out, Advice{Code: Evicted, Text: text})
	}
	return out
}

// sizes are that of the whole cache, and that of what the project needs.
func (n *Node) sizes() (total, needed int64) {
	for _, r := range n.Records {
		total += r.Size
		if r.Needed {
			needed += r.Size
		}
	}
	return total, needed
}

func (n *Node) tooSmall() Advice {
	limit, limited := strictest(n.Rules)
	_, needed := n.sizes()
	if !limited || needed <= limit {
		return Advice{}
	}
	return Advice{Code: TooSmall, Text: fmt.Sprintf(
		"the current targets of this project need %s, and garbage collection leaves %s of the whole cache: it takes what the next build needs",
		size(needed), size(limit))}
}

// floor looks for a reserved space that limits nothing. Alone, without any other size, it is a limit to BuildKit.
func (n *Node) floor() Advice {
	var floor *Rule
	for i := range n.Rules {
		r := &n.Rules[i]
		switch {
		case !r.of(regular) || r.ReservedSpace == 0:
		case r.MaxUsedSpace > 0 && r.ReservedSpace > r.MaxUsedSpace:
			return Advice{Code: Floor, Text: fmt.Sprintf(
				"maxUsedSpace (%s) is less than reservedSpace (%s), which is what garbage collection always leaves: the limit is %[2]s",
				size(r.MaxUsedSpace), size(r.ReservedSpace))}
		case floor == nil || r.KeepDuration < floor.KeepDuration:
			floor = r
		}
	}
	if _, limited := strictest(n.Rules); limited || floor == nil {
		return Advice{}
	}
	until := fmt.Sprintf("nothing limits what was used within %s", age(floor.KeepDuration))
	if floor.KeepDuration == 0 {
		until = fmt.Sprintf("the cache grows until less than minFreeSpace (%s) of the disk is free", size(floor.MinFreeSpace))
	}
	return Advice{Code: Floor, Text: fmt.Sprintf(
		"reservedSpace (%s) is what garbage collection always leaves, and no limit; without maxUsedSpace %s", size(floor.ReservedSpace), until)}
}

// idle looks for rules by age that are about to take what the project needs, such as BuildKit's own for what it calls easily
// reproducible.
func (n *Node) idle() []string {
	total, _ := n.sizes()
	var out []string
	for i := range n.Rules {
		r := &n.Rules[i]
		limit, limited := r.limit()
		if len(r.Filters) == 0 || r.KeepDuration == 0 || !r.byAge() && (!limited || total <= limit) {
			continue
		}
		var kinds []string
		var count int
		var bytes int64
		for _, kind := range []struct{ name, words string }{{mount, "cache mounts"}, {local, "local sources"}, {git, "git checkouts"}} {
			if !r.of(kind.name) {
				continue
			}
			kinds = append(kinds, kind.words)
			for _, x := range n.Records {
				if x.Needed && x.Type == kind.name && x.Idle >= r.KeepDuration/2 {
					count, bytes = count+1, bytes+x.Size
				}
			}
		}
		if count == 0 {
			continue
		}
		when := "at once"
		if limited {
			when = fmt.Sprintf("as soon as the whole cache has more than %s, and it has %s", size(limit), size(total))
		}
		out = append(out, fmt.Sprintf("%s that no step used for %s go %s: of those that this project needs, %d with %s were not used for half of that time; a build that is cached does not use them",
			strings.Join(kinds, ", "), age(r.KeepDuration), when, count, size(bytes)))
	}
	return out
}

// evicted tells of steps that ran again, if the rules can have to do with that.
func evicted(nodes []Node, again Evictions) string {
	if again.Steps == 0 {
		return ""
	}
	for i := range nodes {
		n := &nodes[i]
		for j := range n.Rules {
			if n.takes(&n.Rules[j]) {
				return fmt.Sprintf("%s ran again within a day, for %.1f s, although nothing had changed: the results were gone, by garbage collection or because somebody else pruned; last at %s: %s",
					counted(again.Steps), again.Seconds, again.Last.Local().Format(time.DateTime), some(again.Names))
			}
		}
	}
	return ""
}

// takes tells whether a rule may have taken results of steps within a day. The cache was at its limit then, and has not been
// emptied since.
func (n *Node) takes(r *Rule) bool {
	if !r.of(regular) || r.KeepDuration > day {
		return false
	}
	total, _ := n.sizes()
	limit, limited := r.limit()
	return r.byAge() || r.MinFreeSpace > 0 || limited && total >= limit/2
}

func counted(steps int) string {
	if steps == 1 {
		return "1 step"
	}
	return fmt.Sprintf("%d steps", steps)
}

// some are the first of names, each in a line and not too long.
func some(names []string) string {
	const most, width = 3, 60
	var short []string
	for _, name := range names[:min(most, len(names))] {
		r := []rune(strings.Join(strings.Fields(name), " "))
		if len(r) > width {
			r = append(r[:width-1], '…')
		}
		short = append(short, string(r))
	}
	text := strings.Join(short, "; ")
	if n := len(names) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

func size(bytes int64) string { return units.HumanSize(float64(bytes)) }

// age is a time without what is 0 of it.
func age(d time.Duration) string {
	if d > 2*day && d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
