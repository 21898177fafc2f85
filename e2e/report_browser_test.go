//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// checkReport opens an HTML report in a browser and fails the test for everything that a reader would stumble over. Pictures
// go to REPORT_SCREENSHOTS, if it is set.
func checkReport(t *testing.T, path string) {
	t.Helper()
	for _, problem := range inspectReport(t, path) {
		t.Errorf("%s: %s", filepath.Base(path), problem)
	}
}

// looks are the ways in which a report is read.
var looks = []struct {
	name, media, scheme string
	width               int
}{
	{"light", "screen", "light", 1280},
	{"dark", "screen", "dark", 1280},
	{"phone", "screen", "light", 390},
	{"phone-dark", "screen", "dark", 390},
	{"print", "print", "light", 700},
}

// layoutScript returns what is wrong with the page as it is laid out now.
const layoutScript = `(() => {
	document.querySelectorAll('details').forEach(d => d.open = true);
	const wrong = [], root = document.documentElement;
	const say = (...words) => { if (wrong.length < 20) wrong.push(words.join(' ')); };
	if (root.scrollWidth > innerWidth) {
		const wide = [...document.querySelectorAll('body *')].find(e => {
			for (let p = e.parentElement; p; p = p.parentElement) if (getComputedStyle(p).overflowX !== 'visible') return false;
			return e.getBoundingClientRect().right > innerWidth + 1;
		});
		say('the page is', root.scrollWidth, 'pixels wide, because of', wide && wide.outerHTML.slice(0, 120));
	}
	const charts = document.querySelectorAll('svg[role=img]');
	if (!charts.length) say('there is no chart');
	for (const chart of charts) {
		const name = chart.getAttribute('aria-label') || '', box = chart.getBoundingClientRect();
		const where = 'in the chart "' + name.slice(0, 50) + '"';
		if (!name) say('a chart has no aria-label');
		const marks = chart.querySelectorAll('.m');
		if (!marks.length) say('no marks', where);
		if (!chart.checkVisibility()) continue; // what paper leaves out
		for (const mark of marks) {
			const r = mark.getBoundingClientRect(), html = mark.outerHTML.slice(0, 120);
			if (!(r.width > 0 && r.height > 0)) say('a mark without an extent', where, html);
			if (r.left < box.left - 3 || r.right > box.right + 3 || r.top < box.top - 3 || r.bottom > box.bottom + 3) say('a mark outside', where, html);
			if (!mark.querySelector('title')) say('a mark without a title', where, html);
			const css = getComputedStyle(mark);
			if (css.fill === 'none' && css.stroke === 'none') say('a mark without a colour', where, html);
		}
		for (const text of chart.querySelectorAll('text, foreignObject')) {
			const r = text.getBoundingClientRect();
			if (parseFloat(getComputedStyle(text).fontSize) < 10.5) say('small letters', where, text.textContent);
			if (r.left < box.left - 2 || r.right > box.right + 2) say('text outside', where, text.textContent);
		}
	}
	return wrong;
})()`

// inspectReport returns what is wrong with a report.
func inspectReport(t *testing.T, path string) []string {
	t.Helper()
	path, err := filepath.Abs(path)
	must(t, err)
	dir := os.Getenv("REPORT_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	must(t, os.MkdirAll(dir, 0o755))
	b := startBrowser(t)
	address := "file://" + path
	b.open(address)
	var wrong []string
	for _, look := range looks { // before the script opens all that is folded
		b.look(look.media, look.scheme, look.width)
		b.picture(dir, look.name)
	}
	b.paper(dir, "print")
	for _, look := range looks {
		b.look(look.media, look.scheme, look.width)
		var layout []string
		b.evaluate(layoutScript, &layout)
		for _, problem := range layout {
			wrong = append(wrong, look.name+": "+problem)
		}
		b.picture(dir, look.name+"-open")
	}
	for _, e := range b.events {
		if problem := complaint(e, address); problem != "" {
			wrong = append(wrong, problem)
		}
	}
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

// complaint is what an event says is wrong; empty is nothing.
func complaint(e message, address string) string {
	var p struct {
		Request struct {
			URL string `json:"url"`
		} `json:"request"`
		Entry struct {
			Level, Text string
		} `json:"entry"`
		Type    string            `json:"type"`
		Args    []json.RawMessage `json:"args"`
		Details json.RawMessage   `json:"exceptionDetails"`
	}
	_ = json.Unmarshal(e.Params, &p) // of an event that is not asked for below nothing is used
	switch e.Method {
	case "Network.requestWillBeSent":
		if url := p.Request.URL; url != address && !strings.HasPrefix(url, "data:") {
			return "it asks for " + url
		}
	case "Runtime.exceptionThrown":
		return fmt.Sprintf("a script failed: %s", p.Details)
	case "Runtime.consoleAPICalled":
		return fmt.Sprintf("a script wrote to the console: %s %s", p.Type, p.Args)
	case "Log.entryAdded":
		return "the console says: " + p.Entry.Text
	}
	return ""
}

// TestReportChecker shows that each of the checks finds what it is for.
func TestReportChecker(t *testing.T) {
	const good = `<svg class="chart" role="img" width="300" height="20" aria-label="a"><rect class="m" width="9" height="9"><title>a</title></rect></svg>`
	for _, c := range []struct{ name, body, want string }{
		{"good", good, ""},
		{"empty", `nothing`, "there is no chart"},
		{"wide", good + `<div style="width:3000px">a</div>`, "pixels wide"},
		{"request", good + `<img alt="" src="other.png">`, "it asks for"},
		{"policy", `<meta http-equiv="Content-Security-Policy" content="default-src 'none'">` + good + `<script>1</script>`, "the console says"},
		{"exception", good + `<script>throw 1</script>`, "a script failed"},
		{"console", good + `<script>console.log(1)</script>`, "wrote to the console"},
		{"no mark", strings.ReplaceAll(good, `class="m"`, ""), "no marks"},
		{"flat mark", strings.ReplaceAll(good, `width="9"`, `width="0"`), "without an extent"},
		{"far mark", strings.ReplaceAll(good, `<rect`, `<rect x="900"`), "a mark outside"},
		{"no title", strings.ReplaceAll(good, `<title>a</title>`, ""), "without a title"},
		{"no label", strings.ReplaceAll(good, `aria-label="a"`, ""), "no aria-label"},
		{"small", strings.ReplaceAll(good, `</svg>`, `<text y="9" font-size="7">a</text></svg>`), "small letters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "page.html")
			must(t, os.WriteFile(path, []byte("<!DOCTYPE html><html lang=en><meta charset=utf-8><title>a</title><style>.chart{overflow:visible}</style>"+c.body), 0o600))
			got := strings.Join(inspectReport(t, path), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("want %q, got %q", c.want, got)
			}
		})
	}
}
