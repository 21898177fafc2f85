// Package page is a session as one HTML file that needs nothing else: no script, no network, no font of its own.
//
// It measures and decides nothing. Every chart is an SVG whose marks say what they are when one points at them, and has its
// numbers in a table beside it; what can't be drawn is told in a sentence. The same session makes the same bytes.
package page

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

//go:embed page.html
var markup string

//go:embed style.css
var style string

var page = template.Must(template.New("page").Parse(markup))

// section is a part of the page, most often a few charts of one sort.
type section struct {
	ID, Title, Lead string
	// Grid sets charts beside each other where there is room.
	Grid    bool
	Key     []swatch
	Figures []figure
	// Front is how many figures one sees at once; the others are folded. 0 is all of them.
	Front int
	// Absent says why there is no chart, Notes what is not in them.
	Absent string
	Notes  []string
	Tables []table
	Open   bool // of the tables

	room    int // in bytes, for the charts
	omitted []string
}

// Shown are the figures in front, Folded the others.
func (s section) Shown() []figure { return s.Figures[:s.front()] }

// Folded are behind a line that says how many they are.
func (s section) Folded() []figure { return s.Figures[s.front():] }

func (s section) front() int {
	if s.Front == 0 || len(s.Figures) <= s.Front+1 { // a line to hide one figure would be no gain
		return len(s.Figures)
	}
	return s.Front
}

// figure is one chart.
type figure struct {
	Title, Tag, Note string
	SVG              template.HTML
	More             string
}

// add takes a figure if there is room for it, and else remembers that there was none.
func (s *section) add(f figure) {
	if s.room < len(f.SVG) {
		s.omitted = append(s.omitted, strings.TrimSuffix(f.Title+", "+f.Tag, ", "))
		return
	}
	s.Figures = append(s.Figures, f)
	s.room -= len(f.SVG)
}

// close tells what was left out.
func (s *section) close() {
	if len(s.omitted) > 0 {
		s.Notes = append(s.Notes, "Not drawn, to keep this page small: "+few(s.omitted)+".")
	}
}

// swatch explains a class of marks.
type swatch struct{ Class, Text string }

// view is all that the template prints.
type view struct {
	Style    template.CSS
	Project  string
	Headline line
	Facts    []string
	RunURL   string
	Verdicts []line
	Terms    string
	Warnings []session.Warning
	Because  []reason
	Sections []section
	Setup    []fact
	Raw      template.HTML
	RawNote  string
}

// Write writes the page of a session. trends are the history of its series, for which there may be none.
func Write(w io.Writer, s *session.Session, trends []session.Trend) error {
	v := view{
		Style: template.CSS(style), Project: s.Project.Name, Headline: headline(s), Facts: facts(s), Verdicts: verdicts(s), Terms: terms(s),
		Warnings: s.Warnings, Because: reasons(s), Setup: setup(s),
	}
	if s.CI != nil {
		v.RunURL = s.CI.RunURL
	}
	with := func(s section, tables []table) section {
		s.Tables = append(s.Tables, tables...)
		return s
	}
	if s.Compare != nil {
		v.Sections = append(v.Sections, changes(s))
	}
	// Timelines and values share what the others leave.
	cache, weights, past := grids(s, gridRoom), sizes(s, sizesRoom), histories(trends, historyRoom)
	room := chartsRoom - (gridRoom - cache.room) - (sizesRoom - weights.room) - (historyRoom - past.room)
	times := timelines(s, room/2)
	values := spreads(s, room-room/2+times.room)
	v.Sections = append(
		v.Sections, stages(s), budgets(s), times, with(values, seriesTable(s)), with(cache, cacheTable(s)),
		with(weights, imageTable(s)), past, validity(s),
	)
	for i := range v.Sections {
		for j, t := range v.Sections[i].Tables {
			v.Sections[i].Tables[j] = t.clipped()
		}
	}
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return err
	}
	v.Raw, v.RawNote = raw(s, pageMost-b.Len())
	b.Reset()
	if err := page.Execute(&b, v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Room for charts, in bytes of their SVG.
const (
	chartsRoom  = 176_000
	gridRoom    = 32_000
	sizesRoom   = 16_000
	historyRoom = 20_000
)

// pageMost is how many bytes a page has at most, or little more: the raw data get what all else leaves.
const pageMost = 290_000

// raw is the session without its runs, or only its values if that is too much.
func raw(s *session.Session, most int) (template.HTML, string) {
	note := "The session without its single runs, as catmandu.bench/v1."
	rest := *s
	rest.Runs = nil
	data, err := json.Marshal(rest)
	if err != nil || len(data) > most {
		type values struct {
			session.Case
			Metric string    `json:"metric"`
			Values []float64 `json:"values"`
		}
		short := struct {
			Schema string   `json:"schema"`
			ID     string   `json:"id"`
			Series []values `json:"series"`
		}{Schema: s.Schema, ID: s.ID}
		for _, x := range s.Series {
			short.Series = append(short.Series, values{x.Case, x.Metric, x.Values})
		}
		note = "The values of every series; all else is in the session's own file."
		if data, err = json.Marshal(short); err != nil || len(data) > most {
			return "", "The values are too many for this page; they are in the session's own file."
		}
	}
	// A line for each thing that is of a case: a bare quote before it would be escaped inside a string.
	text := strings.ReplaceAll(string(data), `{"service":`, "\n"+`{"service":`)
	return template.HTML(textEscaper.Replace(text)), note
}

// textEscaper is for text alone: quotes, of which JSON is full, stay as they are.
var textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
