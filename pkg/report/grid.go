package report

import (
	"strings"
	"unicode/utf8"
)

// width is what a line keeps to, where names let it.
const width = 110

const gap = 2

// grid is a table whose first row are headers. Columns without any text below the header are left out.
type grid [][]string

// add appends a row and fills it up.
func (g *grid) add(cells ...string) { *g = append(*g, cells) }

// text aligns the columns. The last one may be long: it goes on below itself.
func (g grid) text(indent string) string {
	g = g.dense()
	if len(g) == 0 || len(g[0]) == 0 {
		return ""
	}
	widths := g.widths()
	last := len(g[0]) - 1
	start := len(indent)
	for _, w := range widths[:last] {
		start += w + gap
	}
	var b strings.Builder
	for _, row := range g {
		line := indent
		for i, c := range row[:last] {
			line += c + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+gap)
		}
		for i, part := range wrap(row[last], max(width-start, 18)) {
			if i > 0 {
				line = strings.Repeat(" ", start)
			}
			b.WriteString(strings.TrimRight(line+part, " ") + "\n")
		}
	}
	return b.String()
}

// dense has rows of equal length and only columns that say something.
func (g grid) dense() grid {
	columns := 0
	for _, row := range g {
		columns = max(columns, len(row))
	}
	used := make([]bool, columns)
	for _, row := range g[min(1, len(g)):] {
		for i, c := range row {
			used[i] = used[i] || c != ""
		}
	}
	out := make(grid, len(g))
	for n, row := range g {
		for i := range columns {
			if !used[i] {
				continue
			}
			if i < len(row) {
				out[n] = append(out[n], row[i])
			} else {
				out[n] = append(out[n], "")
			}
		}
	}
	return out
}

func (g grid) widths() []int {
	out := make([]int, len(g[0]))
	for _, row := range g {
		for i, c := range row {
			out[i] = max(out[i], utf8.RuneCountInString(c))
		}
	}
	return out
}

// wide prints a table with many columns as several below each other, each with the first column.
func (g grid) wide() string {
	g = g.dense()
	if len(g) == 0 || len(g[0]) == 0 {
		return ""
	}
	widths := g.widths()
	var parts []string
	for from := 1; from < len(widths); {
		to, sum := from, widths[0]
		for to < len(widths) && (to == from || sum+gap+widths[to] <= width) {
			sum += gap + widths[to]
			to++
		}
		var part grid
		for _, row := range g {
			part = append(part, append([]string{row[0]}, row[from:to]...))
		}
		parts = append(parts, part.text(""))
		from = to
	}
	return strings.Join(parts, "\n")
}

// quietly leaves out the first cells of a row that are those of the row above.
func (g grid) quietly(columns int) grid {
	out := make(grid, len(g))
	for n, row := range g {
		out[n] = append([]string{}, row...)
		for i := range min(columns, len(row)) {
			if n < 2 || g[n-1][i] != row[i] {
				break
			}
			out[n][i] = ""
		}
	}
	return out
}

// wrap breaks text between words.
func wrap(s string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(s) {
		line := &lines[len(lines)-1]
		switch {
		case *line == "":
			*line = word
		case word[0] == '%': // stays with its number
			*line += " " + word
		case utf8.RuneCountInString(*line)+1+utf8.RuneCountInString(word) <= width:
			*line += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
