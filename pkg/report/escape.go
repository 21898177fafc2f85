package report

import "strings"

// markdownEscapes keep text from being read as Markdown or HTML. An empty comment after @ and # keeps GitHub from telling
// people or linking issues. Bars are escaped where rows are made, as they must be in code, too.
var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "<", "&lt;", ">", "&gt;", "&", "&amp;",
	"@", "@<!-- -->", "#", "#<!-- -->",
)

// markdown is text from elsewhere as a piece of a line.
func markdown(s string) string { return markdownEscapes.Replace(plain(s)) }

// htmlText is text within a block of HTML, where Markdown is not read.
func htmlText(s string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", "@", "@<!-- -->", "#", "#<!-- -->").Replace(plain(s))
}

// code is text as code: between more backticks than follow each other in it.
func code(s string) string {
	s = plain(s)
	longest, n := 0, 0
	for _, c := range s {
		if c == '`' {
			n++
			longest = max(longest, n)
		} else {
			n = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 || strings.HasPrefix(s, " ") {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}
