package page

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// TestManyServices holds a great project to the size that a page may have, and to saying what it leaves out.
func TestManyServices(t *testing.T) {
	s := fixture(t)
	one := *s
	all := one.Compare.Results
	s.Series, s.Stages, s.Cache, s.Images, s.Runs, s.Compare.Results = nil, nil, nil, nil, nil, nil
	for i := range 20 {
		to := fmt.Sprintf("service-%02d", i)
		s.Series = append(s.Series, of(one.Series, to, func(x *session.Series) *string { return &x.Service })...)
		s.Stages = append(s.Stages, of(one.Stages, to, func(x *session.Stage) *string { return &x.Service })...)
		s.Cache = append(s.Cache, of(one.Cache, to, func(x *session.Cache) *string { return &x.Service })...)
		s.Images = append(s.Images, of(one.Images, to, func(x *session.Image) *string { return &x.Service })...)
		s.Runs = append(s.Runs, of(one.Runs, to, func(x *session.Run) *string { return &x.Service })...)
		s.Compare.Results = append(s.Compare.Results, of(all, to, func(x *session.Result) *string { return &x.Service })...)
	}
	html := write(t, s, past())
	if out := os.Getenv("PAGE_OUT"); out != "" {
		assert.NilError(t, os.WriteFile(out+".many.html", []byte(html), 0o644))
	}
	assert.Assert(t, len(html) < 300_000, "%d bytes", len(html))
	for _, id := range []string{"timelines", "values", "cache", "sizes", "history"} {
		_, after, _ := strings.Cut(html, `<section id="`+id+`">`)
		section, _, _ := strings.Cut(after, "</section>")
		assert.Assert(t, strings.Contains(section, `role="img"`), id)
	}
	assert.Assert(t, strings.Contains(html, "Not drawn, to keep this page small:"))
	assert.Assert(t, strings.Contains(html, "more rows are in the session&#39;s own file."))
}

// of are the parts of a session that are of the service api, as those of another one.
func of[T any](all []T, to string, service func(*T) *string) []T {
	var out []T
	for _, x := range all {
		if *service(&x) == "api" {
			*service(&x) = to
			out = append(out, x)
		}
	}
	return out
}
