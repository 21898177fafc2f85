package report

import (
	"fmt"
	"slices"
	"strings"
)

// worth is when a part is left out: the lowest first.
type worth int

const (
	detail worth = iota
	ordinary
	essential
)

// part is a piece of a report that can be shortened by its rows.
type part struct {
	head, foot string
	rows       []string
	worth      worth
	// summary is the line of a part that is folded; the number of rows of an ordinary one comes before it.
	summary string
}

func (p *part) text() string {
	if len(p.rows) == 0 {
		return ""
	}
	body := p.head + strings.Join(p.rows, "") + p.foot
	if p.summary == "" {
		return body
	}
	summary := p.summary
	if p.worth == ordinary {
		summary = fmt.Sprintf("%d %s", len(p.rows), summary)
	}
	return "<details><summary>" + summary + "</summary>\n\n" + body + "\n</details>\n"
}

// folded shows only a line until somebody wants more.
func folded(summary string, p part, w worth) part {
	p.summary, p.worth = htmlText(summary), w
	return p
}

// dropped counts what was left out.
type dropped struct{ details, unchanged, rows int }

func (d dropped) text() string {
	var parts []string
	if d.details > 0 {
		parts = append(parts, counted(d.details, "detail"))
	}
	if d.unchanged > 0 {
		parts = append(parts, counted(d.unchanged, "unchanged row"))
	}
	if d.rows > 0 {
		parts = append(parts, counted(d.rows, "other row"))
	}
	if len(parts) == 0 {
		return ""
	}
	return "\n_Left out, as it would be too long: " + strings.Join(parts, ", ") + "._\n"
}

// noteRoom is what the sentence about what was left out may take.
const noteRoom = 160

// fit leaves out parts and rows until the whole is short enough: details as a whole from the last, rows from the end.
func fit(head string, parts []part, limit int) string {
	length := len(head)
	texts := make([]int, len(parts))
	for i := range parts {
		texts[i] = len(parts[i].text()) + 1
		length += texts[i]
	}
	var gone dropped
	if length > limit {
		limit -= noteRoom
	}
	for i := len(parts) - 1; i >= 0 && length > limit; i-- {
		if parts[i].worth == detail {
			length -= texts[i]
			parts[i].rows = nil
			gone.details++
		}
	}
	for _, w := range []worth{ordinary, essential} {
		for i := len(parts) - 1; i >= 0 && length > limit; i-- {
			if parts[i].worth != w {
				continue
			}
			n := parts[i].shorten(length - limit)
			now := len(parts[i].text()) + 1
			if now == 1 {
				now = 0
			}
			length += now - texts[i]
			if w == ordinary {
				gone.unchanged += n
			} else {
				gone.rows += n
			}
		}
	}
	kept := slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return len(p.rows) == 0 })
	var b strings.Builder
	b.WriteString(head)
	for i := range kept {
		b.WriteString("\n" + kept[i].text())
	}
	b.WriteString(gone.text())
	return b.String()
}

// shorten takes off rows from the end until at least so many bytes are gone, or all.
func (p *part) shorten(by int) int {
	n := len(p.rows)
	for by > 0 && len(p.rows) > 0 {
		last := len(p.rows) - 1
		by -= len(p.rows[last])
		p.rows = p.rows[:last]
	}
	return n - len(p.rows)
}
