package report

import (
	"encoding/json"
	"io"
	"math"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// hyperfineResult is what hyperfine --export-json writes of a command.
type hyperfineResult struct {
	Command string   `json:"command"`
	Mean    float64  `json:"mean"`
	StdDev  *float64 `json:"stddev"` // null for one run
	Median  float64  `json:"median"`
	// User has all CPU seconds: builders don't tell which of them were the kernel's.
	User       float64           `json:"user"`
	System     float64           `json:"system"`
	Min        float64           `json:"min"`
	Max        float64           `json:"max"`
	Times      []float64         `json:"times"`
	ExitCodes  []int             `json:"exit_codes"`
	Parameters map[string]string `json:"parameters"`
}

// Hyperfine writes the wall times as hyperfine does, a case as a command.
func Hyperfine(w io.Writer, s *session.Session) error {
	out := struct {
		Results []hyperfineResult `json:"results"`
	}{Results: []hyperfineResult{}}
	for i := range s.Series {
		x := &s.Series[i]
		if x.Metric != session.Wall || len(x.Values) == 0 {
			continue
		}
		r := hyperfineResult{
			Command: join(plain(s.Project.Name)+":", caseName(x.Case), x.Version), Mean: mean(x.Values), StdDev: deviation(x.Values), Median: x.Median,
			Min: slices.Min(x.Values), Max: slices.Max(x.Values), Times: x.Values, ExitCodes: make([]int, len(x.Values)),
			Parameters: map[string]string{"service": x.Service, "kind": x.Kind, "scenario": x.Scenario, "version": x.Version},
		}
		if cpu := series(s, x.Case, session.CPU); cpu != nil && len(cpu.Values) > 0 {
			r.User = mean(cpu.Values)
		}
		out.Results = append(out.Results, r)
	}
	return encode(w, out)
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// deviation is that of a sample, as hyperfine has it.
func deviation(values []float64) *float64 {
	if len(values) < 2 {
		return nil
	}
	m, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m) * (v - m)
	}
	sd := math.Sqrt(sum / float64(len(values)-1))
	return &sd
}
