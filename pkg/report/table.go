package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// Table writes the report for a terminal, without colours.
func Table(w io.Writer, s *session.Session) error {
	sections := []string{
		headline(s), legend(s), stagesText(s), titled("Images", imageTable(s).text("  ")), cacheText(s),
		titled("Where the time of the median run went, in seconds; these overlap", phaseTable(s).quietly(2).text("  ")),
		titled("Budgets", budgetTable(s).text("  ")), compareText(s), whyText(s), stripText(s), remarks(s), footer(s),
	}
	sections = slices.DeleteFunc(sections, func(x string) bool { return x == "" })
	_, err := io.WriteString(w, strings.Join(sections, "\n"))
	return err
}

func titled(title, text string) string {
	if text == "" {
		return ""
	}
	return title + "\n" + text
}

// wrapped is a paragraph. What it goes on with is indented.
func wrapped(text string) string { return strings.Join(wrap(text, width-2), "\n  ") + "\n" }

func headline(s *session.Session) string {
	services := map[string]bool{}
	for i := range s.Series {
		services[s.Series[i].Service] = s.Series[i].Service != ""
	}
	n := 0
	for _, named := range services {
		if named {
			n++
		}
	}
	parts := []string{plain(s.Project.Name)}
	if n > 0 {
		parts = append(parts, counted(n, "service"))
	}
	if s.Compare != nil {
		parts = append(parts, "compared with "+baseName(s.Compare))
	}
	return wrapped(strings.Join(append(parts, builderText(s)), " · "))
}

func builderText(s *session.Session) string {
	b := &s.Builder
	var what []string
	if b.Isolation != "" {
		what = append(what, plain(b.Isolation))
	}
	if b.BuildKit != "" {
		what = append(what, "BuildKit "+plain(b.BuildKit))
	}
	text := join("builder", plain(b.Name))
	if len(what) > 0 {
		text += " (" + strings.Join(what, ", ") + ")"
	}
	return text
}

func machineText(s *session.Session) string {
	m := &s.Machine
	var parts []string
	if m.CPUs > 0 {
		parts = append(parts, join(fmt.Sprint(m.CPUs), "CPU", plain(m.CPUModel)))
	}
	if m.MemoryGiB > 0 {
		parts = append(parts, fmt.Sprintf("%d GiB", m.MemoryGiB))
	}
	if m.OS != "" {
		parts = append(parts, plain(m.OS)+"/"+plain(m.Arch))
	}
	return strings.Join(parts, ", ")
}

// legend says what the numbers of the tables below are.
func legend(s *session.Session) string {
	text := "Seconds: the median of the runs"
	levels := map[int]bool{}
	for i := range s.Series {
		if x := &s.Series[i]; x.Level > 0 && x.Version != session.Base && len(x.Values) > 1 {
			levels[int(100*x.Level)] = true
		}
	}
	lowest := 0
	for l := range levels {
		if lowest == 0 || l < lowest {
			lowest = l
		}
	}
	text += ", in brackets where it may lie"
	if lowest > 0 {
		text += fmt.Sprintf(" (at least %d %% sure)", lowest)
	}
	text += "; ± is half the range of the runs. A stage has the seconds of its own steps."
	text = wrapped(text)
	if e := edits(s); e != "" {
		text += wrapped("Edited: " + e)
	}
	return text
}

// edits are the files that were edited: whether a number means much depends on them.
func edits(s *session.Session) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.Settings.Edits)) {
		var files []string
		for _, f := range s.Settings.Edits[name] {
			files = append(files, plain(f))
		}
		out = append(out, plain(name)+" "+strings.Join(files, " "))
	}
	return strings.Join(out, ", ")
}

func stagesText(s *session.Session) string {
	var parts []string
	for _, g := range groups(s) {
		if text := stageTable(s, g).wide(); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "\n")
}

func budgetTable(s *session.Session) grid {
	t := grid{{"BUDGET", "STATE", "LIMIT", "MEASURED", ""}}
	for _, b := range broken(s) {
		measured := absent
		if b.State == session.Over || b.State == session.Borderline {
			measured = budgetValue(&b, b.Value)
		}
		state := stateText(&b)
		if b.State == session.Over {
			state = strings.ToUpper(state)
		}
		t.add(budgetName(&b), state, limitText(&b), measured, budgetSpread(s, &b))
	}
	if len(t) == 1 {
		return nil
	}
	return t
}

// footer is what is needed to do the same again.
func footer(s *session.Session) string {
	parts := []string{fmt.Sprintf("seed %d", s.Settings.Seed)}
	if s.ID != "" {
		parts = append(parts, "session "+plain(s.ID))
	}
	if s.Tool.Method != "" {
		parts = append(parts, "method "+plain(s.Tool.Method))
	}
	if took := s.Ended.Sub(s.Started); took > 0 && !s.Started.IsZero() {
		parts = append(parts, "took "+took.Round(time.Second).String())
	}
	if m := machineText(s); m != "" {
		parts = append(parts, m)
	}
	return wrapped(strings.Join(parts, " · ")) + wrapped(Summary(s))
}
