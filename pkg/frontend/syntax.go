package frontend

import (
	"bytes"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Syntax is the frontend that a Dockerfile names, as it is written there; empty when it names none.
func Syntax(dockerfile []byte) string {
	_, line, _, _ := parser.DetectSyntax(dockerfile)
	return line
}

// IsOfficial tells whether a syntax is a release of the frontend that runs here.
func IsOfficial(syntax string) bool {
	ref, _, _ := strings.Cut(strings.TrimSpace(syntax), " ")
	ref, _, _ = strings.Cut(ref, "@")
	ref, _, _ = strings.Cut(ref, ":")
	switch strings.TrimPrefix(ref, "docker.io/") {
	case "docker/dockerfile", "docker/dockerfile-upstream":
		return true
	}
	return false
}

// WithoutSyntax returns a Dockerfile that the frontend here reads by itself, where the one that it names is official.
// Other directives stay, and lines keep their numbers.
func WithoutSyntax(dockerfile []byte) []byte {
	syntax, _, location, ok := parser.ParseDirective("syntax", dockerfile)
	if !ok || !IsOfficial(syntax) {
		return dockerfile
	}
	lines := bytes.SplitAfter(bytes.TrimPrefix(dockerfile, []byte("\xef\xbb\xbf")), []byte("\n"))
	at := location[0].Start.Line - 1
	if at < 0 || at >= len(lines) {
		return dockerfile
	}
	// A line that is no directive ends them, so it must be the last.
	end := at + 1
	for end < len(lines) && isDirective(lines[end]) {
		end++
	}
	out := append([][]byte{}, lines[:at]...)
	out = append(out, lines[at+1:end]...)
	out = append(out, []byte("#\n"))
	return bytes.Join(append(out, lines[end:]...), nil)
}

func isDirective(line []byte) bool {
	directives, err := new(parser.DirectiveParser).ParseAll(line)
	return err == nil && len(directives) > 0
}
