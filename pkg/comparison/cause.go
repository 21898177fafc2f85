package comparison

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// explain finds the first step that is another than before, and why. Without one, nothing but the configuration of the
// image is.
func explain(old, now *steps.Graph) (*steps.Step, *steps.Cause) {
	before, after := keys(old), keys(now)
	var first *steps.Step
	for i := range now.Steps {
		s := &now.Steps[i]
		if before[s.Key] {
			continue
		}
		if first == nil {
			first = s
		}
		was := counterpart(old, after, s)
		if was == nil {
			return s, &steps.Cause{Kind: steps.CauseInstruction, Text: "it is new in the Dockerfile", New: instruction(s), Exact: true}
		}
		if c := compare(was, s); c != nil {
			return s, c
		}
	}
	if first == nil {
		return nil, nil
	}
	c := &steps.Cause{Kind: steps.CauseInstruction, Text: "it comes after other steps than before", Exact: true}
	for i := range old.Steps {
		s := &old.Steps[i]
		stays := func(a steps.Step) bool {
			return a.Self == s.Self || a.Stage == s.Stage && instruction(&a) == instruction(s)
		}
		if !after[s.Key] && !slices.ContainsFunc(now.Steps, stays) {
			c.Old = instruction(s)
			c.Text = fmt.Sprintf("%q before it was removed", c.Old)
			break
		}
	}
	return first, c
}

func keys(g *steps.Graph) map[string]bool {
	out := map[string]bool{}
	for _, s := range g.Steps {
		out[s.Key] = true
	}
	return out
}

// counterpart is the step of a graph that another one is a changed version of, as far as that can be seen. Those that are
// in both graphs are none.
func counterpart(in *steps.Graph, inBoth map[string]bool, s *steps.Step) *steps.Step {
	for _, same := range []func(a *steps.Step) bool{
		func(a *steps.Step) bool {
			return a.Stage == s.Stage && instruction(a) == instruction(s) && a.Self == s.Self
		},
		func(a *steps.Step) bool { return a.Stage == s.Stage && instruction(a) == instruction(s) },
		func(a *steps.Step) bool { return a.Self == s.Self },
		func(a *steps.Step) bool { return a.Stage == s.Stage && word(a) == word(s) },
		func(a *steps.Step) bool { return a.Base != nil && s.Base != nil },
	} {
		for i := range in.Steps {
			if a := &in.Steps[i]; !inBoth[a.Key] && same(a) {
				return a
			}
		}
	}
	return nil
}

// compare says what of a step itself changed.
func compare(was, is *steps.Step) *steps.Cause {
	if was.Base != nil && is.Base != nil && was.Base.Ref != is.Base.Ref {
		return &steps.Cause{
			Kind: steps.CauseInstruction, Exact: true, Old: was.Base.Ref, New: is.Base.Ref,
			Text: fmt.Sprintf("the base image changed: %s → %s", was.Base.Ref, is.Base.Ref),
		}
	}
	if was.Files != is.Files {
		was.LoadTakes()
		is.LoadTakes()
	}
	return steps.Compare(was, is)
}

// instruction is what a step does, without its number, and of an image not which it is now.
func instruction(s *steps.Step) string {
	_, rest, _ := strings.Cut(s.Name, "] ")
	rest, _, _ = strings.Cut(rest, "@sha256:")
	return rest
}

func word(s *steps.Step) string {
	first, _, _ := strings.Cut(instruction(s), " ")
	return first
}

// compareConfig says what of the configuration of an image changed.
func compareConfig(old, now []byte) *steps.Cause {
	c := &steps.Cause{Kind: steps.CauseInstruction, Text: "the image ends with another step", Exact: true}
	type configuration struct {
		Config  map[string]json.RawMessage `json:"config"`
		History json.RawMessage            `json:"history"`
	}
	var was, is configuration
	if json.Unmarshal(old, &was) != nil || json.Unmarshal(now, &is) != nil {
		return c
	}
	names := changed(was.Config, is.Config, func(v json.RawMessage) string { return string(v) })
	switch {
	case len(names) == 0 && string(was.History) != string(is.History):
		c.Text = "the image's history changed"
	case len(names) == 0:
	case len(names) == 1:
		c.Name = names[0]
		c.Text = fmt.Sprintf("%s of the image changed%s", names[0], inside(was.Config[names[0]], is.Config[names[0]]))
	default:
		c.Text = strings.Join(names, ", ") + " of the image changed"
	}
	return c
}

// inside names what changed in labels and variables.
func inside(old, now json.RawMessage) string {
	was, is := entries(old), entries(now)
	names := changed(was, is, func(v string) string { return v })
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}

func entries(text json.RawMessage) map[string]string {
	out := map[string]string{}
	var list []string
	if json.Unmarshal(text, &out) == nil || json.Unmarshal(text, &list) != nil {
		return out
	}
	out = map[string]string{}
	for _, v := range list {
		if name, value, ok := strings.Cut(v, "="); ok {
			out[name] = value
		}
	}
	return out
}

// changed are the names whose values differ, sorted.
func changed[V any](old, now map[string]V, text func(V) string) []string {
	all := map[string]bool{}
	for name := range old {
		all[name] = true
	}
	for name := range now {
		all[name] = true
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, had := old[name]
		is, has := now[name]
		if had != has || text(was) != text(is) {
			out = append(out, name)
		}
	}
	return out
}
