package usage

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestLineages(t *testing.T) {
	const (
		from    = "[a 1/3] FROM node:18@sha256:1"
		install = "[a 2/3] RUN install"
	)
	line := func(all ...StrangersStep) string { return lineagesOf(all).of(all[len(all)-1].Digest) }
	base := line(made("f", from), made("r", install, "f"))
	for _, tc := range []struct {
		name string
		all  []StrangersStep
		same bool
	}{
		{"another stage, other options", []StrangersStep{made("f", "[web b 7/9] FROM node:18@sha256:1"), made("r", "[web b 8/9] RUN --mount=type=cache,id=x,target=/c install", "f")}, true},
		{"an image that may be the same", []StrangersStep{made("f", "[b 1/2] FROM mirror/node:18"), made("r", install, "f")}, true},
		{"BuildKit's own work in between", []StrangersStep{made("f", from), made("i", "[internal] setting cache mount permissions", "f"), made("r", install, "i")}, true},
		{"another input that is no step first", []StrangersStep{made("f", from), made("i", "[internal] load build context"), made("r", install, "i", "f")}, true},
		{"another input", []StrangersStep{made("f", from), made("x", "[x 1/1] COPY a b"), made("r", install, "f", "x")}, true},
		{"another command", []StrangersStep{made("f", from), made("r", "[a 2/3] RUN other", "f")}, false},
		{"nothing below", []StrangersStep{made("r", install)}, false},
		{"something in between", []StrangersStep{made("f", from), made("w", "[a 2/4] WORKDIR /w", "f"), made("r", install, "w")}, false},
	} {
		assert.Equal(t, line(tc.all...) == base, tc.same, tc.name)
	}

	// What is copied from elsewhere is found by what it is; with nothing else it looks like what it is copied to.
	one := line(made("x", "[x 1/1] RUN x"), made("c", "[b 1/1] COPY --from=x /a /b", "x"))
	other := line(made("y", "[y 1/1] RUN y"), made("c", "[b 1/1] COPY --from=y /a /b", "y"))
	assert.Equal(t, one, other)
	for _, name := range []string{"[b 1/1] COPY /a /b", "[b 1/1] WORKDIR /a"} {
		one = line(made("x", "[x 1/1] RUN x"), made("c", name, "x"))
		other = line(made("y", "[y 1/1] RUN y"), made("c", name, "y"))
		assert.Assert(t, one != other, name)
	}
	// A history does not say of what a COPY --link is made in the end.
	linked := line(made("x", "[x 1/1] RUN x"), made("l", "[x 2/2] LINK COPY --link a /b", "x"))
	assert.Equal(t, linked, line(made("l", "[x 2/2] LINK COPY --link a /b")))
}
