package page

import (
	"bytes"
	"encoding/json"
	"html"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// fixture is the invented session of the package above.
func fixture(t *testing.T) *session.Session {
	t.Helper()
	data, err := os.ReadFile("../testdata/session.json")
	assert.NilError(t, err)
	s := &session.Session{}
	assert.NilError(t, json.Unmarshal(data, s))
	return s
}

// past is a history with a change, and a session of another machine in it.
func past() []session.Trend {
	var out []session.Trend
	for n, c := range []session.Case{{Service: "api", Kind: "prod", Scenario: "source"}, {Service: "web", Kind: "prod", Scenario: "cold"}} {
		c.Version = session.Head
		t := session.Trend{Case: c, Metric: session.CPU}
		for i := range 30 {
			m := 9.8 + 0.3*float64((i*7+n)%5)
			p := session.Point{
				ID: "s", Revision: "4c1e0d2f6a8b9c0d", Started: time.Date(2026, 9, 1+i, 9, 0, 0, 0, time.UTC), Comparable: i != 12,
			}
			if i >= 18 {
				m *= 1.4
			}
			if i == 18 {
				up := 0.41
				p.Change = &up
			}
			if i == 12 {
				m *= 1.3
			}
			p.Median, p.Lo, p.Hi, p.Noise = m, m*0.96, m*1.05, 0.04
			t.Points = append(t.Points, p)
		}
		out = append(out, t)
	}
	weight := session.Trend{Case: session.Case{Service: "web", Kind: "prod", Version: session.Head}, Metric: session.Size}
	for i, p := range out[0].Points {
		p.Median, p.Change, p.Accepted = 53e6+float64(i/7)*2e6, nil, i == 14
		p.Lo, p.Hi, p.Bytes = p.Median, p.Median, int64(p.Median)
		weight.Points = append(weight.Points, p)
	}
	return append(out, weight)
}

func write(t *testing.T, s *session.Session, trends []session.Trend) string {
	t.Helper()
	var b bytes.Buffer
	assert.NilError(t, Write(&b, s, trends))
	return b.String()
}

// TestPageOut leaves the page where PAGE_OUT says, to look at it.
func TestPageOut(t *testing.T) {
	out := os.Getenv("PAGE_OUT")
	if out == "" {
		t.Skip("PAGE_OUT names no file")
	}
	assert.NilError(t, os.WriteFile(out, []byte(write(t, fixture(t), past())), 0o644))
}

func TestSameBytes(t *testing.T) {
	first := write(t, fixture(t), past())
	for range 3 {
		assert.Assert(t, write(t, fixture(t), past()) == first)
	}
}

// TestLoadsNothing looks for all that a browser would fetch or run.
func TestLoadsNothing(t *testing.T) {
	html := write(t, fixture(t), past())
	assert.Assert(t, strings.Contains(html, `content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"`))
	fetches := regexp.MustCompile(`(?i)<(script|iframe|object|embed|img|image|use|video|audio|base)[\s>]|\ssrc(set)?=|xlink:|@import|url\(|\son[a-z]+=`)
	assert.Equal(t, fetches.FindString(html), "")
	links := regexp.MustCompile(`<(\w+)[^>]*\shref="([^"]*)"`).FindAllStringSubmatch(html, -1)
	assert.Equal(t, len(links), 2)
	for _, l := range links {
		assert.Assert(t, l[1] == "link" && l[2] == "data:," || l[1] == "a", "%v", l)
	}
}

// TestRaw reads the session back from the page.
func TestRaw(t *testing.T) {
	s := fixture(t)
	s.Project.Name = hostile
	for most, want := range map[int]string{1 << 20: "without its single runs", 20_000: "The values of every series", 100: ""} {
		data, note := raw(s, most)
		assert.Assert(t, strings.Contains(note, want))
		if want == "" {
			assert.Equal(t, string(data), "")
			continue
		}
		var back session.Session
		assert.NilError(t, json.Unmarshal([]byte(html.UnescapeString(string(data))), &back))
		assert.Equal(t, len(back.Series), len(s.Series))
		assert.DeepEqual(t, back.Series[3].Values, s.Series[3].Values)
	}
}

const hostile = `</script></style></title><img src=x onerror="alert(1)">'"&` + "\x00\x1b\xff`{{.}}"

// TestHostileNames puts markup wherever a name of the user's goes.
func TestHostileNames(t *testing.T) {
	s := fixture(t)
	poison(reflect.ValueOf(s).Elem())
	trends := past()
	poison(reflect.ValueOf(&trends).Elem())
	html := write(t, s, trends)
	assert.Assert(t, strings.Contains(html, "&lt;img"))
	assert.Assert(t, !strings.Contains(html, "<img"))
	assert.Equal(t, strings.Count(html, "</script"), 0)
	assert.Equal(t, strings.Count(html, "</style"), 1)
	assert.Equal(t, strings.Count(html, "</title></head>")+strings.Count(html, "</title>\n<link"), 1)
	assert.Assert(t, !strings.Contains(html, `onerror="`))
	for _, chart := range parse(t, html) {
		assert.Assert(t, len(marks(chart)) > 0)
	}

	s.CI.RunURL = "javascript:alert(1)"
	assert.Assert(t, !strings.Contains(write(t, s, nil), "javascript:"))
}

// poison appends to every string but those that the format fixes.
func poison(v reflect.Value) {
	fixed := []string{"Version", "Metric", "Verdict", "State", "What", "Scenario"}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			poison(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			if !slices.Contains(fixed, v.Type().Field(i).Name) || v.Field(i).Kind() != reflect.String {
				poison(v.Field(i))
			}
		}
	case reflect.String:
		v.SetString(v.String() + hostile)
	}
}

func TestEmptySession(t *testing.T) {
	html := write(t, &session.Session{}, nil)
	for _, reason := range []string{
		"Nothing was measured", "No timelines:", "No values:", "No grid:", "No sizes:", "No history:", "The project sets no budgets.", "no single runs",
	} {
		assert.Assert(t, strings.Contains(html, reason), reason)
	}
	assert.Equal(t, strings.Count(html, "<figure"), 0)
	assert.Equal(t, strings.Count(html, "<svg"), 0)
}

// TestParts takes one thing after the other away: what is absent is said, and nothing breaks.
func TestParts(t *testing.T) {
	for _, c := range []struct {
		name  string
		strip func(*session.Session)
		want  string
	}{
		{"no runs", func(s *session.Session) { s.Runs = nil }, "this session has no valid runs with their steps"},
		{"no base", func(s *session.Session) { s.Compare, s.Budgets = nil, nil }, "Whole project (prod): cold "},
		{"no machine", func(s *session.Session) { s.VCS, s.CI, s.Quiet = nil, nil, session.Quiet{} }, "Where it was measured"},
		{"no values", func(s *session.Session) {
			for i := range s.Series {
				s.Series[i].Values, s.Series[i].Outliers = nil, nil
			}
		}, "No valid run, so no value:"},
		{"nothing valid", func(s *session.Session) {
			for i := range s.Runs {
				s.Runs[i].Valid = false
			}
		}, "137 did not do what the scenario says"},
		{"times don't compare", func(s *session.Session) {
			s.Compare.Times, s.Compare.Why = "no", []string{"CPU model differs"}
		}, "Times don&#39;t compare: CPU model differs."},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fixture(t)
			c.strip(s)
			html := write(t, s, nil)
			assert.Assert(t, strings.Contains(html, c.want))
			parse(t, html)
		})
	}
}
