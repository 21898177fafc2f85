package trial

import (
	"cmp"
	"math"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// What happened to a step, as Because.Text says it.
const (
	nowRuns    = "runs, was cached"
	nowCached  = "is cached, ran before"
	takesMore  = "takes longer"
	takesLess  = "takes less time"
	isNew      = "new step"
	isGone     = "is gone"
	maxBecause = 5
	// minShare is the least share of the whole difference that is worth a line.
	minShare = 0.05
)

// Because names the steps for which the runs of head take longer than those of base, or less long when they do: the ones that
// make the greatest difference, each with the line where that comes from as far as it is known. Without graphs it can't tell
// what changed but in the Dockerfile.
func Because(head, base []session.Run, headGraphs, baseGraphs []*steps.Graph) []session.Because {
	out := []session.Because{}
	h, b := newVersion(head, headGraphs), newVersion(base, baseGraphs)
	if h == nil || b == nil {
		return out
	}
	match(h, b)
	all := differences(h, b)
	sign := direction(h, b, all)
	total := 0.0
	for _, d := range all {
		total += max(0, sign*d.seconds)
	}
	slices.SortStableFunc(all, func(x, y difference) int { return cmp.Compare(sign*y.seconds, sign*x.seconds) })
	for _, d := range all {
		if len(out) == maxBecause || sign*d.seconds <= 0 || sign*d.seconds < minShare*total {
			break
		}
		one := session.Because{Step: d.step.Name, File: d.step.File, Line: d.step.Line, Seconds: d.seconds, Text: d.text}
		one.Cause = h.cause(d)
		out = append(out, one)
	}
	return out
}

// difference is a step that takes another time than before.
type difference struct {
	step    *seen // of head, or of base when it is gone
	seconds float64
	text    string
}

func differences(head, base *version) []difference {
	var out []difference
	for _, i := range distinct(head.run.Steps) {
		h := head.steps[i]
		switch b := h.other; {
		case b == nil && h.ran:
			out = append(out, difference{h, h.seconds, isNew})
		case b == nil:
		case h.ran && !b.ran:
			out = append(out, difference{h, h.seconds - b.seconds, nowRuns})
		case b.ran && !h.ran:
			out = append(out, difference{h, h.seconds - b.seconds, nowCached})
		case h.seconds >= b.seconds:
			out = append(out, difference{h, h.seconds - b.seconds, takesMore})
		default:
			out = append(out, difference{h, h.seconds - b.seconds, takesLess})
		}
	}
	for _, i := range distinct(base.run.Steps) {
		if b := base.steps[i]; b.other == nil && b.ran {
			out = append(out, difference{b, -b.seconds, isGone})
		}
	}
	return out
}

// direction is 1 when head is slower and -1 when it is faster: by CPU seconds where they were measured, which are less noisy.
func direction(h, b *version, all []difference) float64 {
	by := h.wall - b.wall
	if h.cpu > 0 && b.cpu > 0 {
		by = h.cpu - b.cpu
	}
	for _, d := range all {
		if h.wall == b.wall && h.cpu == b.cpu {
			by += d.seconds
		}
	}
	return math.Copysign(1, by)
}
