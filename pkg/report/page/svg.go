package page

import (
	"html/template"
	"strconv"
	"strings"
)

// canvas writes one SVG. Along x all is in shares of the width, along y in pixels: a chart is as wide as there is room, and
// its letters stay as large as those around it. Colours are the style sheet's, by class.
type canvas struct {
	b     strings.Builder
	marks int
}

// num is a number with as few digits as a screen can show.
func num(v float64) string {
	return strconv.FormatFloat(v, 'f', -1, 32)
}

func share(v float64) string {
	s := strconv.FormatFloat(v*100, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + "%"
}

// attr writes a name and its value; numbers and classes are ours and need no escape.
func (c *canvas) attr(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		c.b.WriteString(" " + pairs[i] + `="` + pairs[i+1] + `"`)
	}
}

// text in an SVG must be text in XML too.
func (c *canvas) text(s string) {
	c.b.WriteString(escape(s))
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// escape is for text and for values of attributes in double quotes. Control characters, which XML has no way to write, go.
func escape(s string) string {
	return escaper.Replace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd")))
}

// mark ends an element that stands for data, with what it says when one points at it.
func (c *canvas) mark(element, title string) {
	c.b.WriteString("><title>")
	c.text(title)
	c.b.WriteString("</title></" + element + ">")
	c.marks++
}

// bar is a rectangle that is data.
func (c *canvas) bar(class string, x0, x1, y, height float64, title string) {
	c.b.WriteString("<rect")
	c.attr("class", "m "+class, "x", share(x0), "y", num(y), "width", share(max(x1-x0, 0.004)), "height", num(height))
	c.mark("rect", title)
}

// box is a square of pixels that is data, which begins at x.
func (c *canvas) box(class string, x, y, side float64, title string) {
	c.b.WriteString("<rect")
	c.attr("class", "m "+class, "x", share(x), "y", num(y), "width", num(side), "height", num(side))
	c.mark("rect", title)
}

// tick is a narrow upright bar that is data, with its middle at x.
func (c *canvas) tick(class string, x, y, height float64, title string) {
	c.b.WriteString("<rect")
	c.attr("class", "m tk "+class, "x", share(x), "y", num(y), "width", "3", "height", num(height))
	c.mark("rect", title)
}

// dot is a circle that is data.
func (c *canvas) dot(class string, x, y, r float64, title string) {
	c.b.WriteString("<circle")
	c.attr("class", "m "+class, "cx", share(x), "cy", num(y), "r", num(r))
	c.mark("circle", title)
}

// line is an aid to the eye, not data.
func (c *canvas) line(class string, x0, y0, x1, y1 float64) {
	c.b.WriteString("<line")
	c.attr("class", class, "x1", share(x0), "y1", num(y0), "x2", share(x1), "y2", num(y1))
	c.b.WriteString("/>")
}

// label writes text; dx moves it by pixels. The class has the place of its anchor: e for end, c for centre.
func (c *canvas) label(class string, x, y, dx float64, text string) {
	c.b.WriteString("<text")
	if class != "" {
		c.attr("class", class)
	}
	c.attr("x", share(x), "y", num(y))
	if dx != 0 {
		c.attr("dx", num(dx))
	}
	c.b.WriteString(">")
	c.text(text)
	c.b.WriteString("</text>")
}

// row writes text in the first column, as wide as a share. It ends in an ellipsis where the column does, which SVG alone can't.
func (c *canvas) row(class string, width, y, height float64, text string) {
	c.b.WriteString("<foreignObject")
	c.attr("x", "0", "y", num(y), "width", share(width), "height", num(height))
	c.b.WriteString("><div")
	if class != "" {
		c.attr("class", class)
	}
	c.b.WriteString(">")
	c.text(text)
	c.b.WriteString("</div></foreignObject>")
}

// axis draws ticks as lines from y0 to y1, with labels above.
func (c *canvas) axis(s scale, at []float64, text func(float64) string, y0, y1 float64) {
	for i, v := range at {
		x := s.at(v)
		c.line("grid", x, y0, x, y1)
		class := "t c"
		if i == 0 && s.left == 0 {
			class = "t"
		}
		c.label(class, x, y0-5, 0, text(v))
	}
}

// svg is the whole chart. Without data there is none.
func (c *canvas) svg(height float64, label string) template.HTML {
	if c.marks == 0 {
		return ""
	}
	return template.HTML(`<svg class="chart" role="img" width="100%" height="` + num(height) + `" aria-label="` + // all of it went through escape
		escape(label) + `">` + c.b.String() + `</svg>`)
}
