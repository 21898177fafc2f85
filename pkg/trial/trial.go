// Package trial judges one build: what its steps took, whether it did what its scenario claims, and why the builds of one
// version are slower than those of another.
//
// A number of a build that was not what it claims to be is worse than none: every claim is proved from what BuildKit said of
// its steps, and nothing from the time it took. All functions are pure; they ask nobody and print nothing.
package trial

import (
	"cmp"
	"slices"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Read makes the run of what a build did, but for what only the caller knows: its case and place in the session, its wall time,
// and whether it is valid. Seconds count from started. usage is by the digests of vertices. The run's peak of memory is the
// greatest of a step, its CPU seconds and bytes the sums of steps; what services share counts once.
func Read(result *buildx.Result, graphs []*steps.Graph, started time.Time, usage map[string]buildx.Usage) session.Run {
	r := session.Run{Started: started, ContextBytes: result.ContextBytes, Steps: []session.Step{}}
	lines := linesOf(result, newIndex(graphs), started, usage)
	for _, l := range lines {
		r.Steps = append(r.Steps, l.step)
	}
	r.Phases = phases(lines, result.Work, started)
	r.CriticalPath = markCritical(lines, r.Steps)
	r.Parallelism = parallelism(lines)
	r.CPU, r.PeakMemory, r.IOBytes = used(lines, usage)
	for _, t := range result.Targets {
		if t.Ref != "" && !slices.Contains(r.Refs, t.Ref) {
			r.Refs = append(r.Refs, t.Ref)
		}
	}
	return r
}

// phases are unions: what several services share, or do at once, counts once.
func phases(lines []*line, work []buildx.Work, started time.Time) session.Phases {
	busy := map[string]spans{}
	for _, w := range work {
		busy[w.Kind] = append(busy[w.Kind], spansOf(w.Busy, w.Started, w.Ended, w.Seconds, started)...)
	}
	var ran spans
	for i := range lines {
		if !lines[i].step.Cached && !isFrom(&lines[i].step) {
			ran = append(ran, lines[i].busy...)
		}
	}
	return session.Phases{
		Context: busy[buildx.WorkContext].seconds(), Pull: busy[buildx.WorkPull].seconds(), CacheImport: busy[buildx.WorkImport].seconds(),
		Steps: ran.seconds(), Export: busy[buildx.WorkExport].seconds(), CacheExport: busy[buildx.WorkCacheExport].seconds(),
	}
}

// markCritical marks the longest chain of step seconds in steps, and returns its length.
func markCritical(lines []*line, all []session.Step) float64 {
	length, from := make([]float64, len(all)), make([]int, len(all))
	done := make([]bool, len(all))
	var measure func(i int) float64
	measure = func(i int) float64 {
		if done[i] {
			return length[i]
		}
		done[i], from[i] = true, -1
		before := 0.0
		for _, in := range all[i].After {
			if l := measure(in); l > before {
				before, from[i] = l, in
			}
		}
		length[i] = before + all[i].Seconds
		return length[i]
	}
	last := -1
	for i := range all {
		if measure(i) > 0 && (last < 0 || length[i] > length[last]) {
			last = i
		}
	}
	if last < 0 {
		return 0
	}
	for i := last; i >= 0; i = from[i] {
		for j := range all { // other services may have the very same step
			all[j].Critical = all[j].Critical || all[i].Seconds > 0 && slices.Equal(lines[j].digests, lines[i].digests)
		}
	}
	return length[last]
}

// parallelism is how many steps were at work at once, in the mean over the time in which any was.
func parallelism(lines []*line) float64 {
	var all spans
	sum := 0.0
	seen := map[string]bool{}
	for _, l := range lines {
		if id := l.id(); !seen[id] {
			seen[id] = true
			all, sum = append(all, l.busy...), sum+l.step.Seconds
		}
	}
	if total := all.seconds(); total > 0 {
		return sum / total
	}
	return 0
}

// used sums up what steps took of the machine, each vertex once.
func used(lines []*line, usage map[string]buildx.Usage) (cpu float64, peak, bytes int64) {
	seen := map[string]bool{}
	for _, l := range lines {
		for _, d := range l.digests {
			if u := usage[d]; !seen[d] {
				seen[d] = true
				cpu, peak, bytes = cpu+u.CPUSeconds, max(peak, u.PeakMemory), bytes+u.IOBytes
			}
		}
	}
	return cpu, peak, bytes
}

// spans are times in seconds from the start of a run.
type spans [][2]float64

// spansOf takes the intervals of something, or else what is known of its times.
func spansOf(busy []buildx.Interval, from, to time.Time, seconds float64, started time.Time) spans {
	if len(busy) == 0 && !from.IsZero() {
		if to.IsZero() {
			to = from.Add(time.Duration(seconds * float64(time.Second)))
		}
		busy = []buildx.Interval{{From: from, To: to}}
	}
	var out spans
	for _, b := range busy {
		out = append(out, [2]float64{b.From.Sub(started).Seconds(), b.To.Sub(started).Seconds()})
	}
	return out
}

// seconds is the length of the union.
func (s spans) seconds() float64 {
	total, end := 0.0, 0.0
	for i, t := range slices.SortedFunc(slices.Values(s), func(a, b [2]float64) int { return cmp.Compare(a[0], b[0]) }) {
		if i == 0 || t[0] > end {
			end = t[0]
		}
		if t[1] > end {
			total, end = total+t[1]-end, t[1]
		}
	}
	return total
}
