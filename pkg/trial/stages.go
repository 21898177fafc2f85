package trial

import (
	"cmp"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// Median is the place of the run with the median wall time, the faster of two, among those that count; -1 when none does.
func Median(runs []session.Run) int {
	places := counted(runs)
	if len(places) == 0 {
		return -1
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(runs[a].Wall, runs[b].Wall) })
	return places[(len(places)-1)/2]
}

// counted are the places of the runs that are data points: valid ones, that are no warm-up.
func counted(runs []session.Run) []int {
	var out []int
	for i := range runs {
		if runs[i].Valid && (runs[i].Round > 0 || runs[i].Fresh) {
			out = append(out, i)
		}
	}
	return out
}

// Stages are medians over the runs of each case that count. In builds of several services a stage is called "web/build". Steps
// are counted without FROM.
func Stages(runs []session.Run) []session.Stage {
	byCase := map[session.Case][]*session.Run{}
	for _, i := range counted(runs) {
		c := runs[i].Case
		byCase[c] = append(byCase[c], &runs[i])
	}
	out := []session.Stage{}
	cases := []session.Case{}
	for c := range byCase {
		cases = append(cases, c)
	}
	slices.SortFunc(cases, func(a, b session.Case) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Scenario, b.Scenario), cmp.Compare(a.Version, b.Version))
	})
	for _, c := range cases {
		out = append(out, stagesOf(c, byCase[c])...)
	}
	return out
}

func stagesOf(c session.Case, runs []*session.Run) []session.Stage {
	var order []string
	values := map[string][]session.Stage{}
	for _, r := range runs {
		one := map[string]*session.Stage{}
		busy, sums := map[string]spans{}, map[string]float64{}
		for i := range r.Steps {
			s := &r.Steps[i]
			name := stageName(c, s)
			if one[name] == nil {
				one[name] = &session.Stage{Case: c, Stage: name}
				if !slices.Contains(order, name) {
					order = append(order, name)
				}
			}
			one[name].Until = max(one[name].Until, s.End)
			if !isFrom(s) {
				one[name].Steps++
				if s.Cached {
					one[name].Cached++
				}
			}
			busy[name], sums[name] = append(busy[name], [2]float64{s.Start, s.End}), sums[name]+s.Seconds
		}
		for name, stage := range one {
			stage.Seconds = min(busy[name].seconds(), sums[name]) // a step may rest between its start and its end
			values[name] = append(values[name], *stage)
		}
	}
	var out []session.Stage
	for _, name := range order {
		of := values[name]
		out = append(out, session.Stage{
			Case: c, Stage: name,
			Seconds: median(each(of, func(s session.Stage) float64 { return s.Seconds })),
			Until:   median(each(of, func(s session.Stage) float64 { return s.Until })),
			Steps:   int(median(each(of, func(s session.Stage) float64 { return float64(s.Steps) }))),
			Cached:  int(median(each(of, func(s session.Stage) float64 { return float64(s.Cached) }))),
		})
	}
	return out
}

// stageName tells the stages of services apart where there are several.
func stageName(c session.Case, s *session.Step) string {
	if s.Service == "" || s.Service == c.Service {
		return s.Stage
	}
	return s.Service + "/" + s.Stage
}

func each[T any](all []T, of func(T) float64) []float64 {
	var out []float64
	for _, v := range all {
		out = append(out, of(v))
	}
	return out
}

// median is the mean of the middle two where the number is even, and 0 of nothing.
func median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	return (values[(n-1)/2] + values[n/2]) / 2
}
