package page

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// fact is a line of the environment.
type fact struct{ Name, Text string }

// facts are what stands under the headline.
func facts(s *session.Session) []string {
	var out []string
	if s.VCS != nil && s.VCS.Revision != "" {
		revision := shortRevision(s.VCS.Revision)
		if s.VCS.Dirty {
			revision += " with changes"
		}
		if s.Compare != nil {
			base := cmp.Or(s.Compare.To.Name, "an earlier session")
			if s.Compare.To.Revision != "" {
				base += " at " + shortRevision(s.Compare.To.Revision)
			}
			revision += " against " + base
		}
		out = append(out, revision)
	}
	if !s.Started.IsZero() {
		out = append(out, s.Started.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	if took := s.Ended.Sub(s.Started).Seconds(); took > 0 && len(s.Runs) > 0 {
		out = append(out, fmt.Sprintf("%d builds in %s", len(s.Runs), seconds(took)))
	}
	if s.Machine.CPUs > 0 {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%d CPUs %s", s.Machine.CPUs, s.Machine.CPUModel)))
	}
	if s.Builder.BuildKit != "" {
		out = append(out, "BuildKit "+s.Builder.BuildKit)
	}
	return out
}

// setup is what a reader needs to measure the same again.
func setup(s *session.Session) []fact {
	var out []fact
	add := func(name string, parts ...string) {
		parts = slices.DeleteFunc(parts, func(p string) bool { return strings.TrimSpace(p) == "" })
		if len(parts) > 0 {
			out = append(out, fact{name, strings.Join(parts, ", ")})
		}
	}
	m, b, set := s.Machine, s.Builder, s.Settings
	add("Session", s.ID)
	add("Project", append([]string{s.Project.Name}, s.Project.Files...)...)
	if s.VCS != nil {
		add("Revision", s.VCS.Revision, s.VCS.Branch, map[bool]string{true: "with changes that are not committed"}[s.VCS.Dirty])
		add("Base", s.VCS.Base)
	}
	if s.CI != nil {
		add("Job", s.CI.Provider, s.CI.RunID, s.CI.Runner)
	}
	add("Machine", m.OS+"/"+m.Arch, m.CPUModel, count(m.CPUs, "CPUs"), count(m.MemoryGiB, "GiB"), "kernel "+cmp.Or(m.Kernel, "unknown"), m.Virt)
	add("Builder", b.Name, b.Driver, b.BuildKit, b.Snapshotter)
	add("Isolation", b.Isolation)
	add("CPU seconds", cmp.Or(map[string]string{"daemon": "of the whole daemon", "container": "of the builder's container", "steps": "of the steps"}[b.CPU], b.CPU, "not measured"))
	add("Scenarios", set.Scenarios...)
	add("Kinds", set.Kinds...)
	add("Runs", cmp.Or(count(set.Runs, "of each case"), "as many as it takes"))
	add("Seed", fmt.Sprint(set.Seed))
	add("Platforms", set.Platforms...)
	add("Cache imports", set.CacheFrom...)
	var edits []string
	for _, k := range slices.Sorted(maps.Keys(set.Edits)) {
		edits = append(edits, k+": "+strings.Join(set.Edits[k], " "))
	}
	add("Edits", edits...)
	if n := len(s.Quiet.Pressure); n > 0 {
		add("CPU pressure", fmt.Sprintf("%s %% at most before a run", three(slices.Max(s.Quiet.Pressure))), count(s.Quiet.BusyRuns, "busy runs"))
	}
	add("Method", s.Tool.Method, "docker-catmandu "+s.Tool.Version)
	return out
}

func count(n int, of string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d%s%s", n, nbsp, of)
}

// reason is why something is slower: a result, and its steps.
type reason struct {
	Of    string
	Delta string
	Steps []step
	// also are other results with the same steps.
	also []string
}

// Same names them.
func (r reason) Same() string { return few(r.also) }

type step struct {
	Place, Name, Text, Seconds, Cause string
}

// reasons are those of results that are slower, and of others that say.
func reasons(s *session.Session) []reason {
	const most = 12
	var out []reason
	for _, r := range results(s) {
		if len(r.Because) == 0 || len(out) == most {
			continue
		}
		x := reason{Of: subject(&r) + ", " + what(&r), Delta: signed(r.Head - r.Base)}
		for _, b := range r.Because {
			y := step{Place: place(b.File, b.Line), Name: clip(b.Step, 160), Text: b.Text, Seconds: signed(b.Seconds)}
			if b.Cause != nil {
				y.Cause = miss(b.Cause)
			}
			x.Steps = append(x.Steps, y)
		}
		same := slices.IndexFunc(out, func(o reason) bool {
			return slices.EqualFunc(o.Steps, x.Steps, func(a, b step) bool { return a.Place == b.Place && a.Name == b.Name && a.Text == b.Text })
		})
		if same >= 0 {
			out[same].also = append(out[same].also, subject(&r)+" "+x.Delta)
			continue
		}
		out = append(out, x)
	}
	return out
}

func signed(v float64) string {
	if v > 0 {
		return "+" + seconds(v)
	}
	return seconds(v)
}

// miss is a step with its place and the reason why it ran.
func miss(m *session.Miss) string {
	out := clip(m.Step, 90)
	if p := place(m.File, m.Line); p != "" {
		out = p + " " + out
	}
	if m.Why != "" {
		out += ": " + m.Why
	}
	return out
}

func place(file string, line int) string {
	if file != "" && line > 0 {
		return fmt.Sprintf("%s:%d", file, line)
	}
	return file
}
