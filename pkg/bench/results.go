package bench

import (
	"fmt"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/sample"
	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// Series are the values of every case and metric, those of a confirmation with them.
func (o *Outcome) Series(cases []session.Case, erratic []string) []session.Series {
	out := []session.Series{}
	for _, c := range cases {
		gate := o.GateMetric(both(c)...)
		for _, metric := range []string{session.CPU, session.Wall} {
			if metric == session.CPU && gate != session.CPU {
				continue
			}
			values := append(o.values(c, metric, false), o.values(c, metric, true)...)
			s := session.Summarise(c, metric, values, metric == gate && !slices.Contains(erratic, c.Service))
			s.Invalid = o.invalid(c)
			out = append(out, s)
		}
	}
	return out
}

func both(c session.Case) []session.Case {
	head, base := c, c
	head.Version, base.Version = session.Head, session.Base
	return []session.Case{head, base}
}

func (o *Outcome) invalid(c session.Case) int {
	n := 0
	for _, r := range o.Runs {
		if r.Case == c && !r.Valid && r.Round > 0 {
			n++
		}
	}
	return n
}

// Results compare the versions of every case.
func Results(o Options, out *Outcome) []session.Result {
	results := []session.Result{}
	for _, c := range o.Cases {
		if c.Version != session.Head {
			continue
		}
		base := c
		base.Version = session.Base
		if !slices.Contains(o.Cases, base) {
			continue
		}
		gate := out.GateMetric(c, base)
		if gate == session.CPU {
			results = append(results, out.result(o, c, base, session.CPU, true), out.result(o, c, base, session.Wall, false))
		} else {
			results = append(results, out.result(o, c, base, session.Wall, true))
		}
	}
	return results
}

// result is the verdict on one metric. A suspicion that fresh runs don't share is no regression.
func (o *Outcome) result(opts Options, c, base session.Case, metric string, gate bool) session.Result {
	head, old := o.values(c, metric, false), o.values(base, metric, false)
	r := session.Result{
		Service: c.Service, Kind: c.Kind, Scenario: c.Scenario, Metric: metric, Gate: gate && !slices.Contains(opts.Erratic, c.Service),
		Head: sample.Median(append(head, o.values(c, metric, true)...)), Base: sample.Median(append(old, o.values(base, metric, true)...)),
	}
	if len(head) == 0 || len(old) == 0 {
		r.Verdict, r.Why = session.Invalid, "no valid runs"
		return r
	}
	d := sample.Judge(head, old, opts.Effects[metric])
	freshHead, freshBase := o.values(c, metric, true), o.values(base, metric, true)
	if gate && d.Verdict == sample.Slower {
		first := d.Ratio
		switch {
		case len(freshHead) == 0 || len(freshBase) == 0:
			d.Verdict, d.Why = sample.CannotTell, "it looks slower, but that was not confirmed"
		default:
			d = sample.Confirm(freshHead, freshBase, opts.Effects[metric])
			r.Confirmed = d.Verdict == sample.Slower
			if !r.Confirmed {
				d.Verdict, d.Why = sample.CannotTell, fmt.Sprintf("it looked slower (%s), fresh runs don't say so", percent(first.Estimate))
			}
		}
	}
	r.Ratio, r.Lo, r.Hi, r.Level = d.Ratio.Estimate, d.Ratio.Lo, d.Ratio.Hi, d.Ratio.Level
	r.Verdict, r.Why, r.NeedRuns = d.Verdict, d.Why, d.NeedRuns
	if d.Want > 0 && r.Verdict == sample.CannotTell && r.Why == "" {
		r.Why = "too few runs"
	}
	return r
}

// percent is a ratio as a change.
func percent(ratio float64) string { return fmt.Sprintf("%+.0f %%", (ratio-1)*100) }
