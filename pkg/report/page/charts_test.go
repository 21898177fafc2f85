package page

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

var charts = regexp.MustCompile(`(?s)<svg class="chart" role="img".*?</svg>\s*(?:<p|</figure)`)

// element is one of an SVG, with the title in it.
type element struct {
	name, title string
	attributes  map[string]string
}

// parse fails the test unless all charts of a page are XML.
func parse(t *testing.T, html string) [][]element {
	t.Helper()
	var out [][]element
	for _, chart := range charts.FindAllString(html, -1) {
		chart = chart[:strings.LastIndex(chart, "</svg>")+len("</svg>")]
		var all []element
		inTitle := false
		d := xml.NewDecoder(strings.NewReader(chart))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			assert.NilError(t, err, "%s", chart)
			switch x := token.(type) {
			case xml.StartElement:
				inTitle = x.Name.Local == "title"
				if inTitle {
					continue
				}
				e := element{name: x.Name.Local, attributes: map[string]string{}}
				for _, a := range x.Attr {
					e.attributes[a.Name.Local] = a.Value
				}
				all = append(all, e)
			case xml.CharData:
				if inTitle {
					all[len(all)-1].title += string(x)
				}
			}
		}
		out = append(out, all)
	}
	return out
}

func marks(all []element) []element {
	var out []element
	for _, e := range all {
		if strings.HasPrefix(e.attributes["class"], "m ") {
			out = append(out, e)
		}
	}
	return out
}

func TestMarks(t *testing.T) {
	all := parse(t, write(t, fixture(t), past()))
	assert.Assert(t, len(all) > 40, "%d charts", len(all))
	for _, chart := range all {
		label := chart[0].attributes["aria-label"]
		assert.Assert(t, label != "")
		assert.Assert(t, len(marks(chart)) > 0, label)
		for _, m := range marks(chart) {
			assert.Assert(t, m.title != "", "%s: %v", label, m)
			for name, value := range m.attributes {
				assert.Assert(t, !strings.Contains(value, "NaN") && !strings.Contains(value, "Inf"), "%s: %s=%s", label, name, value)
				if p, ok := strings.CutSuffix(value, "%"); ok {
					v, err := strconv.ParseFloat(p, 64)
					assert.NilError(t, err)
					assert.Assert(t, v >= 0 && v <= 100, "%s: %s=%s", label, name, value)
				}
			}
		}
	}
}

func TestEveryValueHasAMark(t *testing.T) {
	s := fixture(t)
	seen := 0
	for _, f := range spreads(s, 1<<20).Figures {
		chart := parse(t, "<figure>"+string(f.SVG)+"</figure>")[0]
		titles := map[string]int{}
		for _, m := range marks(chart) {
			if m.attributes["class"] == "m hd" || m.attributes["class"] == "m bd" {
				titles[strings.TrimSuffix(m.title, ", an outlier")]++
			}
		}
		for _, x := range s.Series {
			if keyOf(x.Case).String() != f.Title || metricName(x.Metric) != f.Tag {
				continue
			}
			for i, v := range x.Values {
				title := fmt.Sprintf("%s, run %d: %s", versionName(s, x.Version), i+1, seconds(v))
				assert.Equal(t, titles[title], 1, title)
				seen++
			}
		}
	}
	assert.Assert(t, seen > 200)
}

// TestBars holds the lengths of bars to the numbers that they stand for.
func TestBars(t *testing.T) {
	s := &session.Session{Images: []session.Image{
		{Service: "a", Stage: "x", Version: session.Head, Bytes: 400e6, BaseBytes: 100e6, OwnBytes: 300e6},
		{Service: "a", Stage: "y", Version: session.Head, Bytes: 200e6, BaseBytes: 200e6},
	}}
	chart := parse(t, "<figure>"+string(sizes(s, 1<<20).Figures[0].SVG)+"</figure>")[0]
	var widths []float64
	var starts []string
	for _, m := range marks(chart) {
		w, err := strconv.ParseFloat(strings.TrimSuffix(m.attributes["width"], "%"), 64)
		assert.NilError(t, err)
		widths, starts = append(widths, w), append(starts, m.attributes["x"])
	}
	assert.Equal(t, len(widths), 3)
	assert.Assert(t, math.Abs(widths[1]/widths[0]-3) < 0.01 && math.Abs(widths[2]/widths[0]-2) < 0.01, "%v", widths)
	assert.Equal(t, starts[0], starts[2])
}

// TestManyStages keeps the image of a service, however light it is, and the stages that are heaviest.
func TestManyStages(t *testing.T) {
	s := &session.Session{}
	for i := range 30 {
		s.Images = append(s.Images, session.Image{Service: "a", Stage: fmt.Sprint("stage", i), Version: session.Head, Bytes: int64(1e6 * (1 + (i*7)%30))})
	}
	s.Images[3].Final, s.Images[3].Bytes = true, 10
	f := sizes(s, sizesRoom).Figures[0]
	assert.Equal(t, f.More, "16 lighter stages are not drawn.")
	assert.Equal(t, len(marks(parse(t, "<figure>"+string(f.SVG)+"</figure>")[0])), sizesRows)
	assert.Assert(t, strings.Contains(string(f.SVG), ">stage3<"))
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		n      int
		time   bool
		want   string
	}{
		{0, 10, 4, true, "[0 5 10]"},
		{0, 100, 4, true, "[0 30 60 90]"},
		{0, 400, 4, true, "[0 120 240 360]"},
		{0, 1, 4, true, "[0 0.5 1]"},
		{0, 250e6, 3, false, "[0 1e+08 2e+08]"},
		{10.2, 11.7, 4, true, "[10.5 11 11.5]"},
		{10.99, 11.01, 1, true, "[10.99 11 11.01]"},
		{5, 5, 4, true, "[]"},
		{0, math.Inf(1), 4, true, "[]"},
		{0, math.NaN(), 4, true, "[]"},
	} {
		got := ticks(c.lo, c.hi, c.n, c.time)
		for i := range got {
			got[i] = math.Round(got[i]*1e6) / 1e6
		}
		assert.Equal(t, fmt.Sprint(got), c.want, "%v to %v", c.lo, c.hi)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{seconds(0), "0 s"},
		{seconds(0.0042), "4.2 ms"},
		{seconds(0.9), "900 ms"},
		{seconds(0.9997), "1.00 s"},
		{seconds(9.996), "10.0 s"},
		{seconds(14.12), "14.1 s"},
		{seconds(119.6), "2 min"},
		{seconds(3599.7), "60 min"},
		{seconds(7500), "2 h 05 min"},
		{seconds(-1.5), "−1.50 s"},
		{seconds(math.NaN()), "–"},
		{size(999), "999 B"},
		{size(187.4e6), "187 MB"},
		{size(-1.2e9), "−1.20 GB"},
		{change(1.44), "+44 %"},
		{change(0.943), "−5.7 %"},
		{change(1.0001), "±0 %"},
		{change(0), "–"},
		{bound(size(200e6)), "200 MB"},
		{bound(seconds(20)), "20 s"},
		{brief(0.02), "<0.1"},
		{brief(119.9), "2:00"},
		{compact(119.4), "119 s"},
		{compact(725), "12:05"},
		{compact(3725), "1:02 h"},
	} {
		assert.Equal(t, strings.ReplaceAll(c.got, nbsp, " "), c.want)
	}
}
