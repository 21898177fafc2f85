package targets

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"gotest.tools/v3/assert"
)

const shop = `# syntax=docker/dockerfile:1
ARG VERSION=22 BASE=deps
FROM node:${VERSION:-20} AS deps
RUN <<EOF
FROM nothing AS heredoc
EOF
FROM ${BASE} AS Dev
FROM deps AS build
FROM nginx
COPY --from=BUILD /app /app
COPY --from=0 /lib /lib
RUN --mount=type=bind,from=dev,target=/src --mount=type=cache,target=/c true
COPY --from=alpine:3 / /
`

func TestParseDockerfile(t *testing.T) {
	want := []Stage{
		{Name: "deps", Base: "node:22", Line: 3, On: -1, Runs: []Run{{4, "<<EOF"}}},
		{Name: "Dev", Base: "deps", Line: 7, On: 0},
		{Name: "build", Base: "deps", Line: 8, On: 0},
		{Base: "nginx", Line: 9, On: -1, Copies: []int{0, 1, 2}, Runs: []Run{{12, "true"}}, CacheMounts: true},
	}
	for name, text := range map[string]string{
		"plain":           shop,
		"byte order mark": "\ufeff" + shop,
		"CRLF":            strings.ReplaceAll(shop, "\n", "\r\n"),
	} {
		d := ParseDockerfile("Dockerfile", []byte(text))
		assert.Equal(t, d.Unread, "", name)
		assert.Assert(t, !d.Foreign, name)
		assert.DeepEqual(t, d.Stages, want)
	}
}

func TestParseForeignSyntax(t *testing.T) {
	d := ParseDockerfile("Dockerfile", []byte("# syntax=example/frontend\nFROM a AS base\nINCLUDE b\nFROM base AS app\nCOPY --from=base --odd=1 a b\n"))
	assert.Equal(t, d.Unread, "")
	assert.Assert(t, d.Foreign)
	assert.DeepEqual(t, d.Names(), []string{"base", "app"})
	assert.DeepEqual(t, d.Stages[1].Copies, []int{0})
	assert.Equal(t, d.lastTarget(), "", "another frontend may know another last stage")
}

func TestParseUnreadable(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "ARG A=1\n", "FROM a\nRUN <<EOF\nno end\n"} {
		d := ParseDockerfile("Dockerfile", []byte(text))
		assert.Assert(t, d.Unread != "", text)
	}
}

func TestIndex(t *testing.T) {
	d := ParseDockerfile("", []byte("FROM a AS one\nFROM b AS Two\nFROM c AS one\nFROM d\n"))
	assert.Equal(t, d.Index("TWO"), 1)
	assert.Equal(t, d.Index("one"), 2, "the last of a name wins")
	assert.Equal(t, d.Index(""), -1)
	assert.Equal(t, d.Index("3"), -1, "a number is no target")
}

func TestExpand(t *testing.T) {
	args := map[string]string{"A": "x", "EMPTY": ""}
	for word, want := range map[string]string{
		"$A": "x", "${A}": "x", "${A:-y}": "x", "${B:-y}": "y", "${B-y}": "y", "${EMPTY:-y}": "y",
		"${A:+z}": "z", "${B:+z}": "", "base-${A}": "base-x", "$B": "", "plain": "plain",
	} {
		assert.Equal(t, expand(word, args), want, word)
	}
}

func FuzzStages(f *testing.F) {
	for _, seed := range []string{
		shop, "", "FROM", "FROM a b c d", "FROM a AS", "from a as b\ncopy --from=b c d", "FROM $A${B:-", "\ufeff#",
		"FROM a\nRUN <<A <<B\nA\nB\n", "FROM a\nONBUILD COPY --from=0 a b", "ARG A=\nARG B=$A\nFROM $B", "FROM a\nCOPY --from=9999999999999999999 a b",
		"# escape=`\nFROM a `\n AS b\n", "FROM --platform=$BUILDPLATFORM a AS b",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d := ParseDockerfile("Dockerfile", text)
		assert.Assert(t, d.Unread != "" || len(d.Stages) > 0)
		for i, s := range d.Stages {
			assert.Assert(t, s.On < i)
			assert.Assert(t, !slices.ContainsFunc(s.Copies, func(c int) bool { return c < 0 || c >= i }))
			d.descendsFromDev(i)
		}
		result, err := parser.Parse(bytes.NewReader(text))
		if err != nil {
			return
		}
		stages, _, err := instructions.Parse(result.AST, nil)
		if err != nil {
			return
		}
		assert.Equal(t, len(d.Stages), len(stages))
		for i := range stages {
			assert.Equal(t, strings.ToLower(d.Stages[i].Name), stages[i].Name)
		}
	})
}
