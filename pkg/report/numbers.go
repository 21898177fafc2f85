package report

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/docker/go-units"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// decimals are as many as make three digits of a number of seconds.
func decimals(v float64) int {
	switch v = math.Abs(v); {
	case v < 9.995:
		return 2
	case v < 99.95:
		return 1
	}
	return 0
}

func number(v float64, decimals int) string {
	return strings.Replace(strconv.FormatFloat(v, 'f', decimals, 64), "-", "−", 1)
}

func seconds(v float64) string { return number(v, decimals(v)) + " s" }

// moreSeconds has a sign.
func moreSeconds(v float64) string {
	if v >= 0 {
		return "+" + seconds(v)
	}
	return seconds(v)
}

// bounds are shown with the digits of what they are bounds of.
func bounds(mid, lo, hi float64) string {
	d := decimals(mid)
	return number(lo, d) + "–" + number(hi, d)
}

func bounded(mid, lo, hi float64) string {
	return fmt.Sprintf("%s (%s)", number(mid, decimals(mid)), bounds(mid, lo, hi))
}

// median has its spread with it, or says that it has none.
func median(x *session.Series) string {
	text := number(x.Median, decimals(x.Median))
	if len(x.Values) < 2 {
		return text + " (one run)"
	}
	return bounded(x.Median, x.Lo, x.Hi)
}

// spread is half the range of values as a share of their median: "±4 %".
func spread(values []float64) string {
	if len(values) < 2 {
		return ""
	}
	mid := middleOf(values)
	if mid == 0 {
		return ""
	}
	return fmt.Sprintf("±%.0f %%", 50*(slices.Max(values)-slices.Min(values))/mid)
}

func middleOf(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// change is a ratio in percent: "+44 %".
func change(ratio float64) string { return signed(ratio) + " %" }

func signed(ratio float64) string {
	percent := 100 * (ratio - 1)
	if math.IsNaN(percent) || math.IsInf(percent, 0) {
		return "?"
	}
	text := fmt.Sprintf("%+.0f", percent)
	if math.Abs(percent) < 0.95 {
		text = fmt.Sprintf("%+.1f", percent)
	}
	switch text {
	case "+0.0", "-0.0":
		return "0"
	}
	return strings.Replace(text, "-", "−", 1)
}

// interval is that of a ratio: "+38 to +49 %".
func interval(r *session.Result) string {
	if r.Metric == session.Size || r.Level == 0 {
		return ""
	}
	return fmt.Sprintf("%s to %s %%", signed(r.Lo), signed(r.Hi))
}

func share(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }

func bytesText(n float64) string { return units.HumanSize(n) }

// moreBytes has a sign.
func moreBytes(n float64) string {
	switch {
	case n == 0:
		return "same"
	case n < 0:
		return "−" + bytesText(-n)
	}
	return "+" + bytesText(n)
}

// counted is a number of things: "1 run", "2 runs".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// ansi are colours and other commands to a terminal.
var ansi = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)?)")

// plain is text that came from elsewhere as one line without what a terminal would obey or can't show.
func plain(s string) string {
	s = ansi.ReplaceAllString(s, "")
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }), " ")
}

// stepWidth is how much of an instruction tells which it is.
const stepWidth = 64

func step(name string) string { return cut(plain(name), stepWidth) }

// cut shortens text to a number of characters.
func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}
