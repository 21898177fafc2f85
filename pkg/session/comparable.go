package session

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Whether numbers of two sessions compare.
const (
	Yes     = "yes"
	Flagged = "flagged" // they are shown, and nothing fails for them
	No      = "no"
)

// What a user may allow to differ.
const (
	// AllowBuilder is for another BuildKit, driver or isolation.
	AllowBuilder = "builder"
	// AllowDirty takes sessions of trees with changes that no commit has as baselines.
	AllowDirty = "dirty"
)

// Comparability is which numbers of two sessions compare.
type Comparability struct {
	Times, Sizes string
	// Why names what differs, the value of the base first.
	Why []string
}

// Comparable holds two sessions against each other field by field. Which commit or project they are of is no matter here; the
// edits and the services of single series are that of apart.
func Comparable(head, base *Session, allow []string) Comparability {
	c := Comparability{Times: Yes, Sizes: Yes, Why: []string{}}
	for _, d := range differences(base.Settings.common(), head.Settings.common()) {
		c.Times, c.Sizes = No, No
		c.because(d, "nothing is comparable")
	}
	if base.Tool.Method != head.Tool.Method {
		c.Times = No
		c.because(field{"method", versus(base.Tool.Method, head.Tool.Method)}, "times are not comparable")
	}
	for _, d := range differences(base.Machine.fields(), head.Machine.fields()) {
		c.Times = No
		c.because(d, "times are not comparable")
	}
	if b, h := platforms(base), platforms(head); c.Sizes == Yes && strangers(b, h) {
		c.Sizes = No
		c.because(field{"platforms of images", versus(list(b), list(h))}, "sizes are not comparable")
	}
	for _, d := range differences(base.Builder.fields(), head.Builder.fields()) {
		switch {
		case d.name == cpuSeconds:
			c.because(d, "CPU seconds are not comparable")
		case slices.Contains(allow, AllowBuilder):
			c.because(d, "allowed")
		default:
			if c.Times == Yes {
				c.Times = Flagged
			}
			c.because(d, "times are a hint")
		}
	}
	for _, name := range edited(head, base) {
		d := field{"edits of " + name, versus(list(base.Settings.Edits[name]), list(head.Settings.Edits[name]))}
		c.because(d, "its times are not comparable")
	}
	return c
}

func (c *Comparability) because(d field, so string) {
	c.Why = append(c.Why, fmt.Sprintf("%s: %s: %s", d.name, d.value, so))
}

func versus(base, head string) string { return base + " vs " + head }

// differences returns the fields that differ, with both of their values. Both lists have the same names.
func differences(base, head []field) []field {
	var all []field
	for i := range base {
		if base[i].value != head[i].value {
			all = append(all, field{base[i].name, versus(base[i].value, head[i].value)})
		}
	}
	return all
}

// platforms returns those that the images are for. It is empty in a session without images.
func platforms(s *Session) []string {
	all := map[string]bool{}
	for _, i := range s.Images {
		p := i.Platform
		if p == "" {
			p = s.Machine.OS + "/" + s.Machine.Arch
		}
		all[p] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// strangers tells that two lists have nothing in common although there is something in both.
func strangers(a, b []string) bool {
	return len(a) > 0 && len(b) > 0 && !slices.ContainsFunc(a, func(v string) bool { return slices.Contains(b, v) })
}

// edited returns the cases, "SERVICE SCENARIO", for which the two sessions edit other files.
func edited(head, base *Session) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(head.Settings.Edits)) {
		files, both := base.Settings.Edits[name]
		if both && list(files) != list(head.Settings.Edits[name]) {
			all = append(all, name)
		}
	}
	return all
}

// apart says why a series of two sessions that are otherwise comparable is not: empty when it is.
func apart(head, base *Session, c Case, metric string) string {
	if metric == CPU && base.Builder.CPU != head.Builder.CPU {
		return cpuSeconds + ": " + versus(known(base.Builder.CPU), known(head.Builder.CPU))
	}
	if c.Service == "" { // the build of all services is another one with others
		if b, h := list(base.Settings.Services), list(head.Settings.Services); b != h {
			return "services: " + versus(b, h)
		}
	}
	for _, name := range edited(head, base) {
		service, scenario, _ := strings.Cut(name, " ")
		if scenario == c.Scenario && (c.Service == "" || c.Service == service) {
			return "edits of " + name + ": " + versus(list(base.Settings.Edits[name]), list(head.Settings.Edits[name]))
		}
	}
	return ""
}
