package report

import (
	"fmt"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// absent is the cell of what has no part in a build.
const absent = "–"

// stageTable has the stages of a group as rows and its scenarios as columns.
func stageTable(s *session.Session, g group) grid {
	scenarios := g.scenarios(s)
	if len(scenarios) == 0 {
		return nil
	}
	header := []string{g.name()}
	for _, sc := range scenarios {
		header = append(header, plain(sc))
	}
	t := grid{header}
	for _, name := range stageNames(s, g) {
		row := []string{plain(name)}
		for _, sc := range scenarios {
			row = append(row, stageCell(s, g.in(sc), name))
		}
		t.add(row...)
	}
	image := "whole image"
	if g.service == "" {
		image = "all images"
	}
	for _, metric := range []string{session.Wall, session.CPU} {
		row, measured := []string{image + ", " + metricWord(metric)}, false
		for _, sc := range scenarios {
			x := series(s, g.in(sc), metric)
			measured = measured || x != nil
			row = append(row, seriesCell(x))
		}
		if measured {
			t.add(row...)
		}
	}
	row := []string{"runs"}
	for _, sc := range scenarios {
		row = append(row, runsCell(s, g.in(sc)))
	}
	t.add(row...)
	return t
}

func metricWord(metric string) string {
	switch metric {
	case session.Wall:
		return "wall"
	case session.CPU:
		return "CPU"
	}
	return plain(metric)
}

// stageNames are in the order of the Dockerfile, as the session has them.
func stageNames(s *session.Session, g group) []string {
	var out []string
	for i := range s.Stages {
		if x := &s.Stages[i]; g.has(x.Case) && !slices.Contains(out, x.Stage) {
			out = append(out, x.Stage)
		}
	}
	return out
}

// stageCell is the seconds of the own steps of a stage.
func stageCell(s *session.Session, c session.Case, name string) string {
	i := slices.IndexFunc(s.Stages, func(x session.Stage) bool { return x.Case == c && x.Stage == name })
	if i < 0 {
		return absent
	}
	switch x := &s.Stages[i]; {
	case x.Steps == 0:
		return "no steps"
	case x.Cached == x.Steps:
		return "cached"
	case x.Hi > 0:
		return bounded(x.Seconds, x.Lo, x.Hi)
	default:
		return join(number(x.Seconds, decimals(x.Seconds)), spread(stageSeconds(s, c, name)))
	}
}

// stageSeconds are those of the single runs, as far as the session still has them. A history is without.
func stageSeconds(s *session.Session, c session.Case, stage string) []float64 {
	var out []float64
	for i := range s.Runs {
		r := &s.Runs[i]
		if r.Case != c || !counts(r) {
			continue
		}
		var spans [][2]float64
		for j := range r.Steps {
			x := &r.Steps[j]
			if x.Stage == stage && !x.Cached && (c.Service == "" || x.Service == c.Service) {
				spans = append(spans, [2]float64{x.Start, x.End})
			}
		}
		out = append(out, covered(spans))
	}
	return out
}

// covered is the length of a union of intervals.
func covered(spans [][2]float64) float64 {
	slices.SortFunc(spans, func(a, b [2]float64) int {
		if a[0] < b[0] {
			return -1
		}
		return 1
	})
	var sum, end float64
	for _, x := range spans {
		if x[1] > end {
			sum += x[1] - max(x[0], end)
			end = x[1]
		}
	}
	return sum
}

// counts tells whether a run is one of those that numbers are of.
func counts(r *session.Run) bool { return r.Valid && r.Round > 0 }

func seriesCell(x *session.Series) string {
	switch {
	case x == nil:
		return absent
	case len(x.Values) == 0:
		return "no valid run"
	}
	return median(x)
}

func runsCell(s *session.Session, c session.Case) string {
	x := series(s, c, session.Wall)
	if x == nil {
		x = series(s, c, session.CPU)
	}
	switch {
	case x == nil:
		return absent
	case x.Invalid > 0:
		return fmt.Sprintf("%d (%d not valid)", len(x.Values), x.Invalid)
	}
	return fmt.Sprint(len(x.Values))
}

// imageTable has the size of every stage, and what it was in the other version.
func imageTable(s *session.Session) grid {
	t := grid{{"SERVICE", "KIND", "STAGE", "PLATFORM", "PULL", "BEFORE", "CHANGE", "UNPACKED", "OWN", "FROM BASE", "LAYERS"}}
	several := severalPlatforms(s)
	for i := range s.Images {
		x := &s.Images[i]
		if x.Version == session.Base {
			continue
		}
		platform, before, more := "", "", ""
		if several {
			platform = plain(x.Platform)
		}
		if was := imageBefore(s, x); was != nil {
			before, more = bytesText(float64(was.Bytes)), moreBytes(float64(x.Bytes-was.Bytes))
		} else if hasBase(s) {
			more = "new"
		}
		stage := plain(x.Stage)
		if x.Final {
			stage = join(stage, "(image)")
		}
		t.add(plain(x.Service), plain(x.Kind), stage, platform, bytesText(float64(x.Bytes)), before, more, bytesText(float64(x.Unpacked)),
			bytesText(float64(x.OwnBytes)), bytesText(float64(x.BaseBytes)), fmt.Sprint(x.Layers))
	}
	if len(t) == 1 {
		return nil
	}
	return t
}

func severalPlatforms(s *session.Session) bool {
	return slices.ContainsFunc(s.Images, func(x session.Image) bool { return x.Platform != s.Images[0].Platform })
}

func hasBase(s *session.Session) bool {
	return slices.ContainsFunc(s.Images, func(x session.Image) bool { return x.Version == session.Base })
}

func imageBefore(s *session.Session, x *session.Image) *session.Image {
	for i := range s.Images {
		y := &s.Images[i]
		if y.Version == session.Base && y.Service == x.Service && y.Kind == x.Kind && y.Stage == x.Stage && y.Platform == x.Platform {
			return y
		}
	}
	return nil
}
