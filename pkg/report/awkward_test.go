package report

import (
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// awkward has in every text what Markdown, HTML, a terminal or one of the formats would obey.
func awkward() *session.Session {
	const (
		name = "we|b`s\n<img src=x> *a* @docker #1 \x1b[31mred\x1b[0m"
		run  = "[build 1/1] RUN echo `a|b` \\\n  && printf '\x1b[2J' \u202e</details><script>@root ```"
		file = "dir with blank/Docker|file"
	)
	c := session.Case{Service: name, Kind: "prod", Scenario: `own "scenario"/1 \`, Version: session.Head}
	base := c
	base.Version = session.Base
	rate := 0.5
	miss := session.Miss{Step: run, File: file, Line: 3, Why: "a\x00b | c"}
	return &session.Session{
		Schema: session.Schema, ID: "01KA3Z9J5VQ8R6T2W4X7Y1N0MD", Ended: time.Unix(1_790_000_000, 0).UTC(),
		Project:  session.Project{Name: "pro--ject --> <b>|"},
		VCS:      &session.VCS{Revision: "`;|"},
		Builder:  session.Builder{Name: name, BuildKit: "v0|\n::error::x"},
		Machine:  session.Machine{CPUModel: "CPU | \x07", CPUs: 2},
		Settings: session.Settings{Edits: map[string][]string{name: {"a|b", "c\nd"}}},
		Series: []session.Series{
			{Case: c, Metric: session.Wall, Values: []float64{1, 9, 1.1}, Median: 1.1, Lo: 1, Hi: 9, Outliers: []int{1, 7}, Gate: true},
			{Case: base, Metric: session.Wall, Values: []float64{1, 1, 1.1}, Median: 1, Lo: 1, Hi: 1.1},
			{Case: session.Case{Service: "none", Scenario: "warm", Version: session.Head}, Metric: session.Wall, Values: []float64{}, Invalid: 3},
		},
		Stages: []session.Stage{{Case: c, Stage: "bu|ild\n", Seconds: 1, Steps: 1}, {Case: c, Stage: "empty"}},
		Cache:  []session.Cache{{Case: c, Steps: 2, Hits: 1, Rate: 0.5, TimeRate: &rate, FirstMiss: &miss, Wasted: []session.Miss{miss}}},
		Images: []session.Image{{Service: name, Version: session.Head, Stage: "a|b", Final: true, Bytes: 1e6, Unpacked: 2e6, OwnBytes: 1e6, Layers: 1}},
		Compare: &session.Compare{
			Kind: session.KindAB, To: session.Other{Name: "feature/`x`|<y>"}, Times: session.Yes, Sizes: session.Yes, Why: []string{"a | b\n<c>"},
			Results: []session.Result{{
				Service: name, Kind: "prod", Scenario: c.Scenario, Metric: session.Wall, Base: 1, Head: 1.1, Ratio: 1.1, Lo: 1.01, Hi: 1.2, Level: 0.9,
				Verdict: session.Slower, Confirmed: true, Gate: true, Why: "| why\n",
				Because: []session.Because{{Step: run, File: file, Line: 3, Seconds: 0.1, Text: "runs | <was> cached", Cause: &miss}},
			}},
		},
		Budgets: []session.Budget{{Service: name, Scenario: c.Scenario, What: session.OfCache, Limit: 0.6, Value: 0.5, State: session.Over}},
		Warnings: []session.Warning{
			{Code: "x", Text: "a warning\n::error::that is none | \x1b[1m<details>"},
		},
		Runs: []session.Run{{Case: c, Index: 1, Round: 1, Why: "why `not`\n| it"}},
	}
}
