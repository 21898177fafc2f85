package report

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// sessions are the fixtures and one whose texts try to be something else.
func sessions(t *testing.T) map[string]*session.Session {
	return map[string]*session.Session{
		"session": fixture(t, "session.json"), "single": fixture(t, "single.json"), "minimal": fixture(t, "minimal.json"), "awkward": awkward(),
	}
}

func TestFormats(t *testing.T) {
	for name, s := range sessions(t) {
		for _, f := range []struct {
			ending string
			write  func(io.Writer, *session.Session) error
		}{
			{"txt", Table},
			{"md", func(w io.Writer, s *session.Session) error { return Markdown(w, s, Options{}) }},
			{"prom", Prometheus},
			{"gobench", GoBench},
			{"hyperfine.json", Hyperfine},
		} {
			t.Run(name+"."+f.ending, func(t *testing.T) {
				var b bytes.Buffer
				assert.NilError(t, f.write(&b, s))
				golden.AssertBytes(t, b.Bytes(), name+"."+f.ending)
			})
		}
	}
}

// The guide's table comes first: nothing but three lines of what it is stands above it.
func TestTableBegins(t *testing.T) {
	text := table(t, fixture(t, "session.json"))
	before, _, found := strings.Cut(text, "\napi prod ")
	assert.Assert(t, found)
	assert.Assert(t, strings.Count(before, "\n") < 7, before)
}

func TestTableWidth(t *testing.T) {
	for name, s := range sessions(t) {
		for line := range strings.Lines(table(t, s)) {
			if name != "awkward" {
				assert.Assert(t, utf8.RuneCountInString(line) <= width+1, "%s: %s", name, line)
			}
			for _, r := range strings.TrimSuffix(line, "\n") {
				assert.Assert(t, unicode.IsGraphic(r), "%s: %q", name, line)
			}
		}
	}
}

// Many scenarios are several tables, each with the names of the stages.
func TestTableWraps(t *testing.T) {
	s := fixture(t, "single.json")
	for _, own := range []string{"translations", "styles", "an-api-schema-of-ours", "pictures", "many-pages"} {
		for _, x := range s.Series {
			if x.Scenario == "source" {
				x.Scenario = own
				s.Series = append(s.Series, x)
			}
		}
	}
	text := table(t, s)
	assert.Equal(t, strings.Count(text, "\nwhole image, wall"), 4) // twice for each kind
	for line := range strings.Lines(text) {
		assert.Assert(t, utf8.RuneCountInString(line) <= width+1, line)
	}
	for _, own := range []string{"translations", "an-api-schema-of-ours", "many-pages"} {
		assert.Assert(t, strings.Contains(text, own), own)
	}
}

func table(t *testing.T, s *session.Session) string {
	t.Helper()
	var b bytes.Buffer
	assert.NilError(t, Table(&b, s))
	return b.String()
}

// A line of the history has no runs: what is known of them is still said.
func TestTableOfHistory(t *testing.T) {
	s := fixture(t, "session.json")
	s.Runs = nil
	text := table(t, s)
	for _, want := range []string{
		"1 run of api prod source (here)\n", "web prod warm wall (here): value 3: 1.62 s, 80 % over the median\n", "5 (1 not valid)",
	} {
		assert.Assert(t, strings.Contains(text, want), want)
	}
	assert.Assert(t, !strings.Contains(text, "Where the time"))
}

func TestCompareWords(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(c *session.Compare)
		want   []string
	}{
		{"two versions", func(*session.Compare) {}, []string{"both measured in turn", "SLOWER (confirmed)"}},
		{"not confirmed", func(c *session.Compare) {
			for i := range c.Results {
				c.Results[i].Confirmed = false
			}
		}, []string{"slower (not confirmed)"}},
		{"history confirms nothing", func(c *session.Compare) {
			c.Kind = session.KindHistory
			for i := range c.Results {
				c.Results[i].Confirmed = false
			}
		}, []string{"earlier sessions", "+145 % SLOWER wall"}},
		{"flagged", func(c *session.Compare) {
			c.Kind, c.Times, c.Why = session.KindBaseline, session.Flagged, []string{"BuildKit: v0.33 vs v0.34"}
		}, []string{"Times are shown and do not gate: BuildKit: v0.33 vs v0.34"}},
		{"refused", func(c *session.Compare) {
			c.Times, c.Why = session.No, []string{"CPUs: 2 vs 4"}
		}, []string{"Times are not comparable: CPUs: 2 vs 4"}},
		{"new", func(c *session.Compare) {
			c.Results = []session.Result{{Service: "api", Kind: "prod", Scenario: "source", Metric: session.Wall, Head: 3, Verdict: session.New, Gate: true}}
		}, []string{"wall – 3.00 ±2 % 5+5 new"}},
		{"not valid", func(c *session.Compare) {
			c.Results = []session.Result{{Service: "api", Scenario: "source", Metric: session.Wall, Verdict: session.Invalid, Why: "no valid run", Gate: true}}
		}, []string{"NOT VALID: no valid", "1 not valid"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := fixture(t, "session.json")
			test.change(s.Compare)
			text := strings.Join(strings.Fields(table(t, s)), " ")
			for _, want := range test.want {
				assert.Assert(t, strings.Contains(text, want), "%q is not in\n%s", want, text)
			}
		})
	}
}
