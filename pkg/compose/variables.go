package compose

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
)

// A missing required variable becomes this mark in the loaded project, with the number of the error between.
// Whether it matters is known only when the services to build are: the mark is in one of them, or in none. Plain
// letters survive whatever quotes them.
const markOpen, markClose = "__catmandu_required_variable_", "__"

// variables interpolates the files of one load and remembers what was missing.
type variables struct {
	required []*template.MissingRequiredError
	unset    []string
}

// substitute is compose-go's own, but goes on when a required variable is missing.
func (v *variables) substitute(s string, lookup template.Mapping) (string, error) {
	if !strings.Contains(s, "$") {
		return s, nil
	}
	noted := func(name string) (string, bool) {
		value, ok := lookup(name)
		if !ok && !slices.Contains(v.unset, name) && plain(s, name) {
			v.unset = append(v.unset, name)
		}
		return value, ok
	}
	out, err := template.SubstituteWithOptions(s, noted, template.WithoutLogging)
	var missing *template.MissingRequiredError
	if errors.As(err, &missing) {
		v.required = append(v.required, missing)
		return fmt.Sprintf("%s%d%s", markOpen, len(v.required)-1, markClose), nil
	}
	return out, err
}

// plain tells whether s uses a variable without saying what to do when it is unset.
func plain(s, name string) bool {
	if strings.Contains(s, "${"+name+"}") {
		return true
	}
	for rest := s; ; {
		i := strings.Index(rest, "$"+name)
		if i < 0 {
			return false
		}
		rest = rest[i+1+len(name):]
		if rest == "" || !isNameByte(rest[0]) {
			return true
		}
	}
}

func isNameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// missing returns the error that a marked string stands for, nil if it has no mark.
func (v *variables) missing(s string) error {
	_, rest, ok := strings.Cut(s, markOpen)
	if !ok {
		return nil
	}
	var i int
	if _, err := fmt.Sscanf(rest, "%d", &i); err != nil || i >= len(v.required) {
		return nil
	}
	return v.required[i]
}
