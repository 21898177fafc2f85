package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// GoBench writes every run in the format of Go's benchmarks, as benchstat reads it: wall time is ns/op, CPU time cpu-ns/op, and
// what a pull of a stage brings pull-B.
func GoBench(w io.Writer, s *session.Session) error {
	var b strings.Builder
	for _, x := range settings(s) {
		if v := plain(x[1]); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", x[0], v)
		}
	}
	b.WriteString("\nUnit cpu-ns/op better=lower\nUnit pull-B better=lower assume=exact\n\n")
	for _, base := range []bool{true, false} { // benchstat compares with what comes first
		for i := range s.Series {
			if x := &s.Series[i]; (x.Version == session.Base) == base {
				b.WriteString(benchRuns(s, x))
			}
		}
		for i := range s.Images {
			if x := &s.Images[i]; (x.Version == session.Base) == base {
				fmt.Fprintf(&b, "%s 1 %d pull-B\n", imageName(x), x.Bytes)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// benchRuns has a line for each run. Its CPU seconds are in the line of its wall time, where both are known.
func benchRuns(s *session.Session, x *session.Series) string {
	var b strings.Builder
	both := func(metric string) *session.Series {
		if y := series(s, x.Case, metric); y != nil && len(y.Values) == len(x.Values) {
			return y
		}
		return nil
	}
	switch x.Metric {
	case session.Wall:
		cpu := both(session.CPU)
		for i, v := range x.Values {
			fmt.Fprintf(&b, "%s 1 %.0f ns/op", benchName(x.Case), 1e9*v)
			if cpu != nil {
				fmt.Fprintf(&b, " %.0f cpu-ns/op", 1e9*cpu.Values[i])
			}
			b.WriteByte('\n')
		}
	case session.CPU:
		if both(session.Wall) != nil {
			break
		}
		for _, v := range x.Values {
			fmt.Fprintf(&b, "%s 1 %.0f cpu-ns/op\n", benchName(x.Case), 1e9*v)
		}
	}
	return b.String()
}

func imageName(x *session.Image) string {
	name := fmt.Sprintf("BenchmarkImage/service=%s/kind=%s/stage=%s", benchPart(x.Service), benchPart(x.Kind), benchPart(x.Stage))
	if x.Platform != "" {
		name += "/platform=" + benchPart(x.Platform)
	}
	return name + "/version=" + benchPart(x.Version)
}

// settings are the lines before the benchmarks: what two files must have in common to be compared.
func settings(s *session.Session) [][2]string {
	revision := ""
	if s.VCS != nil {
		revision = s.VCS.Revision
	}
	return [][2]string{
		{"goos", s.Machine.OS},
		{"goarch", s.Machine.Arch},
		{"cpu", s.Machine.CPUModel},
		{"pkg", s.Project.Name},
		{"revision", revision},
		{"buildkit", s.Builder.BuildKit},
		{"driver", s.Builder.Driver},
		{"session", s.ID},
		{"seed", fmt.Sprint(s.Settings.Seed)},
	}
}

// benchName ends with the version, as a name that ends with a number would be taken for one with a GOMAXPROCS.
func benchName(c session.Case) string {
	name := "BenchmarkProject"
	if c.Service != "" {
		name = "BenchmarkService/service=" + benchPart(c.Service)
	}
	if c.Kind != "" {
		name += "/kind=" + benchPart(c.Kind)
	}
	return name + "/scenario=" + benchPart(c.Scenario) + "/version=" + benchPart(c.Version)
}

// benchPart is a value within a name: without blanks, which end a name, and slashes, which end a part of it.
func benchPart(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || unicode.IsSpace(r) {
			return '_'
		}
		return r
	}, plain(s))
}
