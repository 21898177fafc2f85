package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// lane is a step in both versions.
type lane struct {
	stage string
	pair[session.Step]
}

func (l lane) any() *session.Step { return cmp.Or(l.head, l.base) }

func (l lane) ran() bool {
	return l.head != nil && !l.head.Cached || l.base != nil && !l.base.Cached
}

func (l lane) seconds() float64 {
	out := 0.0
	for _, v := range l.versions() {
		if v.of != nil {
			out = max(out, v.of.Seconds)
		}
	}
	return out
}

// lanes pairs the steps of two runs, stage by stage as the head has them, and keeps the longest if they are too many. The
// rest are told in words.
func lanes(p pair[session.Run]) ([]lane, string) {
	at := map[string]int{}
	var out []lane
	for _, v := range p.versions() {
		if v.of == nil {
			continue
		}
		seen := map[string]int{}
		for i := range v.of.Steps {
			step := &v.of.Steps[i]
			stage := stageOf(step, v.of.Service == "")
			id := stage + "\x00" + instruction(step.Name)
			seen[id]++
			id += fmt.Sprint("\x00", seen[id])
			n, ok := at[id]
			if !ok {
				n = len(out)
				at[id] = n
				out = append(out, lane{stage: stage})
			}
			if v.version == session.Base {
				out[n].base = step
			} else {
				out[n].head = step
			}
		}
	}
	stages := map[string]int{}
	for _, l := range out {
		if _, ok := stages[l.stage]; !ok {
			stages[l.stage] = len(stages)
		}
	}
	slices.SortStableFunc(out, func(a, b lane) int { return cmp.Compare(stages[a.stage], stages[b.stage]) })
	if len(out) <= timelineRows {
		return out, ""
	}
	limit := slices.Clone(out)
	slices.SortStableFunc(limit, func(a, b lane) int { return -cmp.Compare(a.seconds(), b.seconds()) })
	least, rest := limit[timelineRows-1].seconds(), 0.0
	var kept []lane
	for _, l := range out {
		if l.seconds() >= least && len(kept) < timelineRows {
			kept = append(kept, l)
		} else {
			rest += l.seconds()
		}
	}
	return kept, fmt.Sprintf("%d shorter or cached steps, together %s, are not drawn.", len(out)-len(kept), seconds(rest))
}

func stageOf(step *session.Step, whole bool) string {
	stage := cmp.Or(step.Stage, "stage")
	if whole && step.Service != "" {
		return step.Service + " / " + stage
	}
	return stage
}

// instruction is a step's name without its place: "[deps 2/3] RUN npm ci" says RUN npm ci.
func instruction(name string) string {
	if strings.HasPrefix(name, "[") {
		if _, after, ok := strings.Cut(name, "] "); ok {
			return after
		}
	}
	return name
}
