//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
)

// gateBench is one run of bench.
type gateBench struct {
	status  int
	took    float64 // seconds of the process
	stderr  string
	session benchSession
}

// benchSession are the fields of a report that are looked at here.
type benchSession struct {
	Runs    []benchRun    `json:"runs"`
	Series  []benchSeries `json:"series"`
	Compare struct {
		Results []benchResult `json:"results"`
	} `json:"compare"`
}

type benchRun struct {
	Version     string   `json:"version"`
	Round       int      `json:"round"`
	Valid       bool     `json:"valid"`
	Why         string   `json:"why"`
	Wall        float64  `json:"wall"`
	BuilderWall float64  `json:"builderWall"`
	CPU         float64  `json:"cpu"`
	Refs        []string `json:"refs"`
}

type benchSeries struct {
	Version string    `json:"version"`
	Metric  string    `json:"metric"`
	Values  []float64 `json:"values"`
	Median  float64   `json:"median"`
	Noise   float64   `json:"noise"`
}

type benchResult struct {
	Service   string  `json:"service"`
	Scenario  string  `json:"scenario"`
	Metric    string  `json:"metric"`
	Ratio     float64 `json:"ratio"`
	Lo        float64 `json:"lo"`
	Hi        float64 `json:"hi"`
	Verdict   string  `json:"verdict"`
	Why       string  `json:"why"`
	Gate      bool    `json:"gate"`
	Confirmed bool    `json:"confirmed"`
	Because   []struct {
		Step    string  `json:"step"`
		File    string  `json:"file"`
		Line    int     `json:"line"`
		Seconds float64 `json:"seconds"`
		Text    string  `json:"text"`
	} `json:"because"`
}

// gate is the result that decides; its metric is CPU seconds.
func (b *gateBench) gate() *benchResult {
	all := b.session.Compare.Results
	if i := slices.IndexFunc(all, func(r benchResult) bool { return r.Gate && r.Metric == "cpu" }); i >= 0 {
		return &all[i]
	}
	return &benchResult{Verdict: "nothing"}
}

// names says what is missing for a slowdown to be found with the line of the Dockerfile that it comes from; empty is nothing.
func (b *gateBench) names(line int) string {
	r := b.gate()
	switch {
	case b.status != regression:
		return fmt.Sprintf("exit status %d, not found: %s", b.status, r.Verdict)
	case r.Verdict != "slower" || !r.Confirmed || r.Scenario != "source" || r.Service != "" && r.Service != "web":
		return fmt.Sprintf("found %+v", *r)
	case len(r.Because) == 0:
		return "found without a reason"
	}
	why := r.Because[0]
	if why.File != "Dockerfile" || why.Line != line || why.Text != "takes longer" {
		return fmt.Sprintf("the reason is %+v", why)
	}
	return ""
}

func (b *gateBench) String() string {
	r := b.gate()
	var parts []string
	for _, metric := range []string{"cpu", "wall"} {
		for _, s := range b.session.Series {
			if s.Metric == metric {
				parts = append(parts, fmt.Sprintf("%s %s %.2f s ± %.1f %%", s.Version, metric, s.Median, 100*s.Noise))
			}
		}
	}
	why := ""
	if r.Why != "" {
		why = " (" + r.Why + ")"
	}
	return fmt.Sprintf("exit %d in %.0f s, %d runs: %s%s, %+.1f %% (%+.1f to %+.1f); %s", b.status, b.took, len(b.session.Runs), r.Verdict, why,
		100*(r.Ratio-1), 100*(r.Lo-1), 100*(r.Hi-1), strings.Join(parts, ", "))
}

// gateFigures are those of many runs of bench.
type gateFigures struct {
	took, noise, ratios []float64
	runs, invalid       int
	verdicts            map[string]int
}

func (f *gateFigures) add(b *gateBench) {
	r := b.gate()
	if f.verdicts == nil {
		f.verdicts = map[string]int{}
	}
	f.verdicts[r.Verdict]++
	f.took, f.ratios = append(f.took, b.took), append(f.ratios, r.Ratio)
	for _, s := range b.session.Series {
		if s.Metric == r.Metric {
			f.noise = append(f.noise, s.Noise)
		}
	}
	for _, run := range b.session.Runs {
		f.runs++
		if !run.Valid {
			f.invalid++
		}
	}
}

func (f *gateFigures) String() string {
	if len(f.took) == 0 {
		return "none"
	}
	return fmt.Sprintf("verdicts %v; seconds of a bench: median %.0f, %.0f to %.0f; %d builds, %d not valid; noise of CPU seconds: median %.1f %%, at most %.1f %%; ratios %.3f to %.3f",
		f.verdicts, median(f.took), slices.Min(f.took), slices.Max(f.took), f.runs, f.invalid, 100*median(f.noise), 100*slices.Max(f.noise),
		slices.Min(f.ratios), slices.Max(f.ratios))
}
