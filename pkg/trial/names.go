package trial

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// label is what the name of a step says: "[linux/arm64 build 2/3] RUN make". A single stage has no name, and only builds for
// several platforms name them.
type label struct {
	platform, stage string
	number          int
	// text is the instruction with single blanks, and of an image not which it is now.
	text string
}

var isLabel = regexp.MustCompile(`^\[([^\]]*?) *(\d+)/\d+\] ((?s:.*))$`)

func labelOf(name string) label {
	m := isLabel.FindStringSubmatch(name)
	if m == nil {
		return label{text: strings.Join(strings.Fields(name), " ")}
	}
	l := label{}
	for _, word := range strings.Fields(m[1]) {
		if strings.Contains(word, "/") {
			l.platform = word
		} else {
			l.stage = word
		}
	}
	l.number, _ = strconv.Atoi(m[2])
	l.text = strings.Join(strings.Fields(strings.TrimPrefix(m[3], link)), " ")
	if l.word() == "FROM" {
		l.text, _, _ = strings.Cut(l.text, "@sha256:")
	}
	return l
}

// word is the first of the instruction.
func (l label) word() string {
	first, _, _ := strings.Cut(strings.TrimPrefix(l.text, "ONBUILD "), " ")
	return first
}

// link begins the instruction of the second vertex of COPY --link, which puts the first one's layer in its place.
const link = "LINK "

func isLink(name string) bool {
	m := isLabel.FindStringSubmatch(name)
	return m != nil && strings.HasPrefix(m[3], link)
}

// shown is a name as it may be kept, and the same for all vertices of a line.
func shown(name string) string {
	if at := strings.Index(name, "] "+link); at >= 0 && isLink(name) {
		name = name[:at+2] + name[at+2+len(link):]
	}
	return redact(name)
}

// Places where secrets stand in an instruction: assignments and options, a login in a URL, a header. Values that are variables
// are what the shell or BuildKit fills in later.
var (
	isAssignment = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_-]*)(=|\s+)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s;&|"']+)`)
	isLogin      = regexp.MustCompile(`\b(https?|ftp)://([^/\s@]+)@`)
	isHeader     = regexp.MustCompile(`(?i)\b(authorization:\s*(?:(?:bearer|basic|token)\s+)?)([^\s"']+)`)
)

// hiddenAs begins what steps.Redact makes of a secret.
const hiddenAs = "sha256:"

// redact takes secrets out of an instruction, so that the same ones are the same still.
func redact(text string) string {
	text = replace(isLogin, text, func(m []string) string {
		if strings.HasPrefix(m[2], hiddenAs) {
			return m[0]
		}
		return m[1] + "://" + steps.Redact("", "://"+m[2]+"@") + "@"
	})
	text = replace(isHeader, text, func(m []string) string { return m[1] + hide("secret", m[2]) })
	return hideValues(text)
}

// hideValues goes from one name to the next: what follows a name may be the name of another value.
func hideValues(text string) string {
	var out strings.Builder
	for {
		at := isAssignment.FindStringSubmatchIndex(text)
		if at == nil {
			out.WriteString(text)
			return out.String()
		}
		name, between, value := text[at[2]:at[3]], text[at[4]:at[5]], text[at[6]:at[7]]
		isOption := at[2] > 0 && text[at[2]-1] == '-'
		if between != "=" && (!isOption || strings.HasPrefix(value, "-")) {
			out.WriteString(text[:at[3]])
			text = text[at[3]:]
			continue
		}
		out.WriteString(text[:at[5]])
		hidden := hide(strings.ReplaceAll(name, "-", "_"), value)
		if hidden == value && between != "=" {
			text = text[at[5]:]
			continue
		}
		out.WriteString(hidden)
		text = text[at[7]:]
	}
}

func hide(name, value string) string {
	bare := strings.Trim(value, `"'`)
	if bare == "" || strings.HasPrefix(bare, "***") || strings.HasPrefix(bare, hiddenAs) || strings.HasPrefix(bare, "$") && !strings.HasPrefix(value, "'") {
		return value
	}
	if hidden := steps.Redact(name, bare); hidden != bare {
		return hidden
	}
	return value
}

func replace(what *regexp.Regexp, text string, with func(m []string) string) string {
	return what.ReplaceAllStringFunc(text, func(found string) string { return with(what.FindStringSubmatch(found)) })
}

func isFrom(s *session.Step) bool { return labelOf(s.Name).word() == "FROM" }

// ran tells whether a step was at work and its result was not there before. One that BuildKit did not come to is neither cached
// nor did it run.
func ran(s *session.Step) bool { return !s.Cached && s.End > s.Start }

// shownName is how much of a name a sentence has.
const shownName = 80

// named is a step in a sentence, with its place.
func named(s *session.Step) string {
	name := short(s.Name)
	if s.File == "" || s.Line == 0 {
		return name
	}
	return fmt.Sprintf("%s (%s:%d)", name, s.File, s.Line)
}

func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > shownName {
		return string(r[:shownName]) + "…"
	}
	return text
}

func missOf(s *session.Step, why string) session.Miss {
	return session.Miss{Step: s.Name, File: s.File, Line: s.Line, Why: why}
}
