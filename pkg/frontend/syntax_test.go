package frontend

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestIsOfficial(t *testing.T) {
	for _, syntax := range []string{
		"docker/dockerfile", "docker/dockerfile:1", "docker.io/docker/dockerfile:1.7-labs", "docker/dockerfile:1@sha256:00",
		"docker/dockerfile-upstream:master", "docker/dockerfile:1 --flag",
	} {
		assert.Assert(t, IsOfficial(syntax), syntax)
	}
	for _, syntax := range []string{"", "docker/dockerfiles", "ghcr.io/docker/dockerfile:1", "localhost:5000/docker/dockerfile", "me/dockerfile"} {
		assert.Assert(t, !IsOfficial(syntax), syntax)
	}
}

func TestWithoutSyntax(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"none", "FROM scratch\n", "FROM scratch\n"},
		{"alone", "# syntax=docker/dockerfile:1\nFROM scratch\n", "#\nFROM scratch\n"},
		{"before another", "#syntax=docker/dockerfile:1\n# escape=`\nFROM scratch", "# escape=`\n#\nFROM scratch"},
		{"after another", "# escape=`\n# Syntax = docker/dockerfile:1\n\nFROM scratch", "# escape=`\n#\n\nFROM scratch"},
		{"after a shebang", "#!/bin/x\n# syntax=docker/dockerfile:1\nFROM scratch", "#!/bin/x\n#\nFROM scratch"},
		{"with a byte order mark", "\xef\xbb\xbf# syntax=docker/dockerfile:1\nFROM scratch", "#\nFROM scratch"},
		{"foreign", "# syntax=me/frontend\nFROM scratch", "# syntax=me/frontend\nFROM scratch"},
		{"only a comment", "# hello\n# syntax=docker/dockerfile:1\nFROM scratch", "# hello\n# syntax=docker/dockerfile:1\nFROM scratch"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, string(WithoutSyntax([]byte(test.text))), test.want)
			assert.Equal(t, string(WithoutSyntax(WithoutSyntax([]byte(test.text)))), test.want)
		})
	}
}
