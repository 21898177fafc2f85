package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

func markdownOf(t *testing.T, s *session.Session, limit int) string {
	t.Helper()
	var b bytes.Buffer
	assert.NilError(t, Markdown(&b, s, Options{Limit: limit}))
	return b.String()
}

// Whatever the limit, the report keeps to it, begins with its marker, and says what it left out exactly when something is.
func TestMarkdownFits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, s := range sessions(t) {
		full := markdownOf(t, s, 1<<20)
		assert.Assert(t, !strings.Contains(full, "Left out"))
		for range 25 {
			limit := 700 + random.IntN(len(full))
			text := markdownOf(t, s, limit)
			assert.Assert(t, len(text) <= limit, "%s: %d of %d", name, len(text), limit)
			assert.Assert(t, strings.HasPrefix(text, Marker(s.Project.Name)+"\n### Build benchmark"))
			assert.Equal(t, strings.Contains(text, "Left out"), text != full, "%s: %d", name, limit)
			assert.Equal(t, strings.Count(text, "\n<details>"), strings.Count(text, "\n</details>"))
		}
	}
}

// Details go first, then rows without a change, and verdicts only when nothing else is left.
func TestMarkdownDrops(t *testing.T) {
	s := fixture(t, "session.json")
	full := markdownOf(t, s, 1<<20)
	unchanged := regexp.MustCompile(`<summary>(\d+) unchanged`)
	count := func(text string) int {
		n := 0
		if m := unchanged.FindStringSubmatch(text); m != nil {
			n, _ = strconv.Atoi(m[1]) // it is digits
		}
		return n
	}
	all, slower := count(full), strings.Count(full, "❌ slower")
	assert.Assert(t, all > 20 && slower == 3, "%d, %d", all, slower)
	for limit := len(full); limit > 1000; limit -= 397 {
		text := markdownOf(t, s, limit)
		details := strings.Count(text, "<details>")
		if count(text) < all {
			assert.Assert(t, details <= 1, "rows are dropped while details are there:\n%s", text)
			assert.Assert(t, count(text) > 0 || strings.Contains(text, fmt.Sprintf("%d unchanged rows", all)), text)
		}
		if strings.Count(text, "❌ slower") < slower {
			assert.Equal(t, count(text), 0)
		}
	}
}

// A big project's comment is one that GitHub takes.
func TestMarkdownOfMany(t *testing.T) {
	s := fixture(t, "session.json")
	results := s.Compare.Results
	for i := range 200 {
		for _, r := range results {
			r.Service = fmt.Sprintf("service-%d", i)
			s.Compare.Results = append(s.Compare.Results, r)
		}
	}
	text := markdownOf(t, s, 0)
	assert.Assert(t, len(text) <= CommentLimit && len(text) > CommentLimit*9/10, "%d", len(text))
	text = markdownOf(t, s, SummaryLimit)
	assert.Assert(t, len(text) <= SummaryLimit && len(text) > CommentLimit, "%d", len(text))
}

func TestMarker(t *testing.T) {
	seen := map[string]string{}
	for _, project := range []string{"shop", "a-b", "a--b", "a-%2Db", "-->", "--", "-", "", "<!--", "ä", "A_b.c", "a---b"} {
		m := Marker(project)
		inner := strings.TrimSuffix(strings.TrimPrefix(m, "<!-- "), " -->")
		assert.Assert(t, !strings.Contains(inner, "--") && !strings.ContainsAny(inner, "<>\n"), m)
		assert.Equal(t, seen[m], "", "%q and %q", project, seen[m])
		seen[m] = project + " "
	}
	assert.Equal(t, Marker("shop"), "<!-- catmandu-bench:shop -->")
}

// Every row of a table has as many cells as its header, whatever is in them.
func TestMarkdownCells(t *testing.T) {
	bar := regexp.MustCompile(`(^|[^\\])\|`)
	for name, s := range sessions(t) {
		columns := 0
		for line := range strings.Lines(markdownOf(t, s, 1<<20)) {
			if !strings.HasPrefix(line, "|") {
				columns = 0
				continue
			}
			n := len(bar.FindAllString(line, -1))
			if columns == 0 {
				columns = n
			}
			if !strings.HasPrefix(line, "|:--|") {
				assert.Equal(t, n, columns, "%s: %s", name, line)
			}
		}
	}
}

func TestCode(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"a", "`a`"},
		{"a`b", "`` a`b ``"},
		{"``a```", "```` ``a``` ````"},
		{"a\n\tb\x1b[1mc", "`a bc`"},
	} {
		assert.Equal(t, code(test.in), test.want)
	}
}

func TestMarkdownText(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"<script>", "&lt;script&gt;"},
		{"a_b *c* ~d~ [e](f)", `a\_b \*c\* \~d\~ \[e\](f)`},
		{"@team fixed #12 & more", "@<!-- -->team fixed #<!-- -->12 &amp; more"},
		{"two\nlines\u2028three", "two lines three"},
		{"\xff", "?"},
	} {
		assert.Equal(t, markdown(test.in), test.want)
	}
}
