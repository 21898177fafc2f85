package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// Prometheus writes the session in the text format of Prometheus, for the textfile collector or a push gateway. The revision is
// a label of catmandu_bench_info alone: on each metric it would begin a new series with every commit.
func Prometheus(w io.Writer, s *session.Session) error {
	e := &exposition{project: s.Project.Name}
	e.times(s)
	e.caches(s)
	e.images(s)
	t := tallyOf(s)
	e.family("regressions", "Series that are slower, confirmed, and images that are larger.").add(float64(t.slower + t.larger))
	e.family("over_budget", "Budgets that are not kept.").add(float64(t.over))
	e.family("cannot_tell", "Series whose noise is too great for a verdict.").add(float64(t.cannotTell))
	e.family("last_run_timestamp_seconds", "When the session ended.").add(float64(s.Ended.Unix()))
	e.info(s)
	_, err := io.WriteString(w, e.b.String())
	return err
}

// exposition collects lines, family by family: the format wants those of one together.
type exposition struct {
	b             strings.Builder
	project, name string
}

func (e *exposition) family(name, help string) *exposition {
	e.name = "catmandu_bench_" + name
	fmt.Fprintf(&e.b, "# HELP %s %s\n# TYPE %s gauge\n", e.name, help, e.name)
	return e
}

// add writes a sample; labels are names and values in turn.
func (e *exposition) add(value float64, labels ...string) {
	fmt.Fprintf(&e.b, `%s{project="%s"`, e.name, label(e.project))
	for i := 0; i+1 < len(labels); i += 2 {
		fmt.Fprintf(&e.b, `,%s="%s"`, labels[i], label(labels[i+1]))
	}
	fmt.Fprintf(&e.b, "} %s\n", strconv.FormatFloat(value, 'g', -1, 64))
}

// label escapes a value of a label.
func label(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "?"))
}

func caseLabels(c session.Case) []string {
	return []string{"service", c.Service, "kind", c.Kind, "scenario", c.Scenario, "version", c.Version}
}

func (e *exposition) times(s *session.Session) {
	for _, m := range []struct{ metric, what string }{{session.Wall, "Seconds of a build"}, {session.CPU, "CPU seconds of a build"}} {
		for _, x := range []struct {
			suffix, help string
			value        func(x *session.Series) float64
		}{
			{"seconds", "median.", func(x *session.Series) float64 { return x.Median }},
			{"low_seconds", "lower bound of the median.", func(x *session.Series) float64 { return x.Lo }},
			{"high_seconds", "upper bound of the median.", func(x *session.Series) float64 { return x.Hi }},
			{"runs", "how many runs the median is of.", func(x *session.Series) float64 { return float64(len(x.Values)) }},
		} {
			begun := false
			for i := range s.Series {
				if y := &s.Series[i]; y.Metric == m.metric && len(y.Values) > 0 {
					if !begun {
						e.family(m.metric+"_"+x.suffix, m.what+": "+x.help)
						begun = true
					}
					e.add(x.value(y), caseLabels(y.Case)...)
				}
			}
		}
	}
}

func (e *exposition) caches(s *session.Session) {
	if len(s.Cache) == 0 {
		return
	}
	e.family("cache_ratio", "Share of the steps that came from the cache.")
	for i := range s.Cache {
		e.add(s.Cache[i].Rate, caseLabels(s.Cache[i].Case)...)
	}
	begun := false
	for i := range s.Cache {
		if r := s.Cache[i].TimeRate; r != nil {
			if !begun {
				e.family("cache_time_ratio", "Share of the cold seconds that the cache saved.")
				begun = true
			}
			e.add(*r, caseLabels(s.Cache[i].Case)...)
		}
	}
}

func (e *exposition) images(s *session.Session) {
	if len(s.Images) == 0 {
		return
	}
	for _, f := range []struct {
		name, help string
		value      func(x *session.Image) int64
	}{
		{"image_bytes", "Bytes that a pull of a stage brings.", func(x *session.Image) int64 { return x.Bytes }},
		{"image_unpacked_bytes", "Bytes that a stage takes on disk.", func(x *session.Image) int64 { return x.Unpacked }},
		{"image_layers", "Layers of a stage.", func(x *session.Image) int64 { return int64(x.Layers) }},
	} {
		e.family(f.name, f.help)
		for i := range s.Images {
			x := &s.Images[i]
			e.add(float64(f.value(x)), "service", x.Service, "kind", x.Kind, "version", x.Version, "stage", x.Stage, "final",
				strconv.FormatBool(x.Final), "platform", x.Platform)
		}
	}
}

func (e *exposition) info(s *session.Session) {
	revision, branch := "", ""
	if s.VCS != nil {
		revision, branch = s.VCS.Revision, s.VCS.Branch
	}
	e.family("info", "What was measured, where and by what.").add(1, "revision", revision, "branch", branch, "session", s.ID,
		"buildkit", s.Builder.BuildKit, "driver", s.Builder.Driver, "cpu_model", s.Machine.CPUModel, "cpus", strconv.Itoa(s.Machine.CPUs),
		"version", s.Tool.Version)
}
