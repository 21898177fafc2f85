package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// stripWidth is how many places a strip has for the values of both versions.
const stripWidth = 48

// stripText draws every run of what changed, or may have: both versions on one scale.
func stripText(s *session.Session) string {
	var t grid
	for _, r := range results(s) {
		head, base := series(s, caseOf(&r, session.Head), r.Metric), series(s, caseOf(&r, session.Base), r.Metric)
		if !notable(&r) || head == nil || base == nil || len(head.Values) == 0 || len(base.Values) == 0 {
			continue
		}
		lo, hi := slices.Min(slices.Concat(head.Values, base.Values)), slices.Max(slices.Concat(head.Values, base.Values))
		if t == nil {
			t.add("", "", "", "")
		}
		t.add(join(resultName(s, &r), metricWord(r.Metric)), cut(baseLabel(s), 14), strip(base.Values, lo, hi), extent(base.Values))
		t.add("", "here", strip(head.Values, lo, hi), extent(head.Values))
	}
	if len(t) == 0 {
		return ""
	}
	return titled("Every run (· one, : two, ⁝ more; │ the median)", strings.TrimLeft(t.text("  "), "\n"))
}

func baseLabel(s *session.Session) string {
	if name := plain(s.Compare.To.Name); name != "" {
		return name
	}
	return "before"
}

func extent(values []float64) string {
	d := decimals(middleOf(values))
	return fmt.Sprintf("%s–%s s", number(slices.Min(values), d), number(slices.Max(values), d))
}

// strip places values between two bounds.
func strip(values []float64, lo, hi float64) string {
	at := func(v float64) int {
		if hi <= lo {
			return stripWidth / 2
		}
		return min(int((v-lo)/(hi-lo)*stripWidth), stripWidth-1)
	}
	var counts [stripWidth]int
	for _, v := range values {
		counts[at(v)]++
	}
	line := []rune("▕" + strings.Repeat(" ", stripWidth) + "▏")
	for i, n := range counts {
		if n > 0 {
			line[i+1] = []rune("·:⁝")[min(n, 3)-1]
		}
	}
	line[at(middleOf(values))+1] = '│'
	return string(line)
}
