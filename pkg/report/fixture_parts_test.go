package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

func (in *inventor) valid(c session.Case) []session.Run {
	var out []session.Run
	for _, r := range in.s.Runs {
		if r.Case == c && r.Valid && r.Round > 0 {
			out = append(out, r)
		}
	}
	return out
}

func (in *inventor) series() {
	for _, c := range cases() {
		for _, metric := range []string{session.CPU, session.Wall} {
			x := session.Series{Case: c, Metric: metric, Unit: "s", Outliers: []int{}, Gate: metric == session.CPU}
			for _, r := range in.valid(c) {
				x.Values = append(x.Values, map[string]float64{session.CPU: r.CPU, session.Wall: r.Wall}[metric])
			}
			x.Median, x.Lo, x.Hi = middle(x.Values), slices.Min(x.Values), slices.Max(x.Values)
			x.Level = 1 - math.Pow(0.5, float64(len(x.Values)-1))
			var off []float64
			for i, v := range x.Values {
				off = append(off, math.Abs(v-x.Median))
				if math.Abs(v/x.Median-1) > 0.6 {
					x.Outliers = append(x.Outliers, i)
				}
			}
			x.Noise = round3(1.4826 * middle(off) / x.Median)
			if c.Service == "api" && c.Scenario == "source" && c.Kind == "prod" && c.Version == session.Head {
				x.Invalid = 1
			}
			in.s.Series = append(in.s.Series, x)
		}
	}
}

func (in *inventor) stages() {
	for _, c := range cases() {
		if c.Service == "" {
			continue
		}
		var stages []session.Stage
		took := map[string][]float64{}
		for n, r := range in.valid(c) {
			sum := map[string]float64{}
			for _, s := range r.Steps {
				i := slices.IndexFunc(stages, func(x session.Stage) bool { return x.Stage == s.Stage })
				if i < 0 {
					stages, i = append(stages, session.Stage{Case: c, Stage: s.Stage}), len(stages)
				}
				sum[s.Stage] += s.Seconds
				stages[i].Until = s.End
				if n == 0 {
					stages[i].Steps++
					if s.Cached {
						stages[i].Cached++
					}
				}
			}
			for stage, v := range sum {
				took[stage] = append(took[stage], v)
			}
		}
		for _, x := range stages {
			x.Seconds = round3(middle(took[x.Stage]))
			if x.Cached < x.Steps {
				x.Lo, x.Hi = round3(slices.Min(took[x.Stage])), round3(slices.Max(took[x.Stage]))
			}
			in.s.Stages = append(in.s.Stages, x)
		}
	}
}

func (in *inventor) caches() {
	for _, c := range cases() {
		if c.Service == "" {
			continue
		}
		x := session.Cache{Case: c}
		var saved, all float64
		for _, l := range linesOf(c.Service, c.Version) {
			if !contains(l.kinds, c.Kind) {
				continue
			}
			x.Steps++
			all += l.seconds
			if !contains(l.runs, c.Scenario) {
				x.Hits++
				saved += l.seconds
			} else if x.FirstMiss == nil {
				why := "nothing was cached"
				if edit := in.s.Settings.Edits[c.Service+" "+c.Scenario]; edit != nil {
					why = edit[0] + " changed"
				}
				x.FirstMiss = &session.Miss{Step: l.text, File: c.Service + "/Dockerfile", Line: l.at, Why: why}
			}
		}
		rate := round3(saved / all)
		x.Rate, x.TimeRate, x.SavedSeconds = round3(float64(x.Hits)/float64(x.Steps)), &rate, round3(saved)
		if c.Service == "api" && c.Scenario == "source" && c.Version == session.Head {
			x.Wasted = []session.Miss{{
				Step: "[deps 2/2] RUN go mod download", File: "api/Dockerfile", Line: 7, Why: "go.mod and go.sum are the same as before",
			}}
		}
		in.s.Cache = append(in.s.Cache, x)
	}
}

func (in *inventor) images() {
	add := func(service, kind, stage string, final bool, base, own, more int64, layers int) {
		for _, version := range []string{session.Head, session.Base} {
			if version == session.Base {
				own -= more
			}
			in.s.Images = append(in.s.Images, session.Image{
				Service: service, Kind: kind, Version: version, Stage: stage, Final: final, Platform: "linux/amd64",
				Digest: fmt.Sprintf("sha256:%064x", base+own), Bytes: base + own, Unpacked: (base + own) * 27 / 10,
				OwnBytes: own, BaseBytes: base, Layers: layers,
			})
		}
	}
	add("api", "prod", "base", false, 92_300_000, 6_100_000, 0, 5)
	add("api", "prod", "deps", false, 92_300_000, 71_400_000, 310_000, 7)
	add("api", "prod", "build", false, 92_300_000, 98_000_000, 310_000, 9)
	add("api", "prod", "production", true, 3_600_000, 210_700_000, 27_200_000, 3)
	add("api", "dev", "development", true, 92_300_000, 121_500_000, 310_000, 10)
	add("web", "prod", "base", false, 51_200_000, 96, 0, 6)
	add("web", "prod", "deps", false, 51_200_000, 84_900_000, 0, 8)
	add("web", "prod", "build", false, 51_200_000, 88_300_000, 0, 10)
	add("web", "prod", "production", true, 51_200_000, 2_140_000, 0, 8)
	add("web", "dev", "development", true, 51_200_000, 85_100_000, 0, 9)
}

// compare has the verdicts of a simpler rule than that of the method.
func (in *inventor) compare() {
	in.s.Compare = &session.Compare{
		Kind: "ab", To: session.Other{Revision: in.s.VCS.Base, Name: "main"}, Times: "yes", Sizes: "yes", Why: []string{},
	}
	for i := range in.s.Series {
		head := &in.s.Series[i]
		if head.Version != session.Head {
			continue
		}
		c := head.Case
		c.Version = session.Base
		j := slices.IndexFunc(in.s.Series, func(x session.Series) bool { return x.Case == c && x.Metric == head.Metric })
		in.s.Compare.Results = append(in.s.Compare.Results, verdictOf(head, &in.s.Series[j]))
	}
	for _, head := range in.s.Images {
		if head.Version != session.Head || !head.Final {
			continue
		}
		x := session.Result{
			Service: head.Service, Kind: head.Kind, Stage: head.Stage, Platform: head.Platform, Metric: session.Size, Head: float64(head.Bytes), Verdict: session.Same, Gate: true,
		}
		for _, base := range in.s.Images {
			if base.Version == session.Base && base.Service == head.Service && base.Kind == head.Kind && base.Stage == head.Stage {
				x.Base = float64(base.Bytes)
			}
		}
		x.Ratio = x.Head / x.Base
		x.Lo, x.Hi = x.Ratio, x.Ratio
		if x.Head > x.Base*1.01 {
			x.Verdict, x.Confirmed = session.Slower, true
		}
		in.s.Compare.Results = append(in.s.Compare.Results, x)
	}
}

func verdictOf(head, base *session.Series) session.Result {
	var ratios []float64
	for _, h := range head.Values {
		for _, b := range base.Values {
			ratios = append(ratios, h/b)
		}
	}
	slices.Sort(ratios)
	x := session.Result{
		Service: head.Service, Kind: head.Kind, Scenario: head.Scenario, Metric: head.Metric, Base: base.Median, Head: head.Median,
		Ratio: middle(ratios), Lo: ratios[len(ratios)/10], Hi: ratios[len(ratios)-1-len(ratios)/10], Level: 0.9, Gate: head.Gate,
	}
	switch {
	case x.Lo > 1 && x.Ratio > 1.1:
		x.Verdict, x.Confirmed = session.Slower, head.Gate
	case x.Hi < 1 && x.Ratio < 0.9:
		x.Verdict = session.Faster
	case x.Hi < 1.1:
		x.Verdict = session.Same
	default:
		x.Verdict, x.Why, x.NeedRuns = session.CannotTell, fmt.Sprintf("noise %.0f %%", 100*head.Noise), 14
	}
	if x.Verdict == session.Slower && x.Metric == session.CPU {
		x.Because = []session.Because{
			{
				Step: "[deps 2/2] RUN go mod download", File: "api/Dockerfile", Line: 7, Seconds: 11.6, Text: "runs, was cached",
				Cause: &session.Miss{Step: "[deps 1/2] COPY . .", File: "api/Dockerfile", Line: 6, Why: "takes cmd/api/main.go, which the edit changes"},
			},
			{Step: "[deps 1/2] COPY . .", File: "api/Dockerfile", Line: 6, Seconds: 0.09, Text: "runs, is another instruction"},
		}
	}
	return x
}

func (in *inventor) judge() {
	in.s.Budgets = []session.Budget{
		{Service: "api", Kind: "prod", Stage: "production", What: "size", Limit: 200e6, Value: 214.3e6, State: "over"},
		{Service: "api", Kind: "prod", Scenario: "source", What: "time", Limit: 16.4, Value: 16.468, State: "borderline"},
		{Service: "api", Kind: "prod", Scenario: "source", What: "cache", Limit: 0.6, Value: 0.135, State: "over"},
		{Service: "web", Kind: "prod", Scenario: "source", What: "time", Limit: 20, Value: 8.958, State: "ok"},
		{Service: "web", Kind: "prod", Scenario: "cold-builder", What: "time", Limit: 60, State: "unknown"},
		{Kind: "prod", Scenario: "cold", What: "time", Limit: 180, Value: 21.42, State: "ok"},
	}
	in.s.Warnings = []session.Warning{
		{Code: "host-busy", Text: "2 runs were made while the machine was busy (CPU pressure 64 %); CPU seconds are what is gated"},
		{Code: "dirty", Text: "the working tree differs from 9f31c2d: this is no baseline"},
	}
}
