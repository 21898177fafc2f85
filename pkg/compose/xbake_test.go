package compose

import (
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// Lists of x-bake are added to those of Compose, switches stand over them.
func TestBakeExtension(t *testing.T) {
	p := mustLoad(t, map[string]string{"compose.yaml": `
services:
  base: {build: base}
  web:
    build:
      context: .
      tags: [a, b]
      cache_from: [example.com/web]
      platforms: [linux/amd64]
      pull: true
      secrets: [token]
      additional_contexts: {img: docker-image://alpine}
      x-bake:
        tags: [b, "c:${V}"]
        cache-from: ["type=local,src=cache"]
        cache-to: type=inline type=gha
        platforms: linux/arm64
        secret: ["id=token,src=token.txt", "type=env,id=other,src=OTHER", "id=IN_ENV", "id=file.txt"]
        ssh: [default, "key=a,/b"]
        pull: false
        no-cache: "${NO_CACHE}"
        no-cache-filter: [deps]
        contexts: {lib: ../lib, base: "target:base", img: docker-image://busybox, repo: github.com/u/r}
secrets: {token: {environment: TOKEN}}
`}, Options{Environment: []string{"V=1", "NO_CACHE=true", "IN_ENV=x"}, Services: []string{"web"}})
	assert.Equal(t, len(p.Services), 2, "base is built for web")
	web, _ := Find(p.Services, "web")
	b := web.Build
	assert.DeepEqual(t, b.Tags, []string{"a", "b", "c:1"})
	assert.DeepEqual(t, b.CacheFrom, []string{"example.com/web", "type=local,src=cache"})
	assert.DeepEqual(t, b.CacheTo, []string{"type=inline", "type=gha"})
	assert.DeepEqual(t, b.Platforms, []string{"linux/amd64", "linux/arm64"})
	assert.DeepEqual(t, b.Secrets, []Secret{
		{ID: "token", File: filepath.Join(p.Dir, "token.txt")},
		{ID: "other", Environment: "OTHER"},
		{ID: "IN_ENV", Environment: "IN_ENV"},
		{ID: "file.txt", File: filepath.Join(p.Dir, "file.txt")},
	})
	assert.DeepEqual(t, b.SSH, []SSHKey{{ID: "default"}, {ID: "key", Path: filepath.Join(p.Dir, "a")}, {ID: "key", Path: "/b"}})
	assert.Assert(t, !b.Pull && b.NoCache)
	assert.DeepEqual(t, b.NoCacheFilter, []string{"deps"})
	assert.DeepEqual(t, b.AdditionalContexts, map[string]string{
		"img": "docker-image://alpine", "lib": filepath.Join(filepath.Dir(p.Dir), "lib"), "base": "service:base", "repo": "github.com/u/r",
	})
	assert.Equal(t, len(p.Warnings), 0)
}

// An error of x-bake is of its service and has a place; what is of no use is a warning.
func TestBakeExtensionErrors(t *testing.T) {
	const head = "services:\n  web:\n    build:\n      context: .\n      x-bake:\n        "
	for text, want := range map[string]string{
		"pull: perhaps":              "compose.yaml:6: build.x-bake.pull: must be true or false",
		"tags: {a: b}":               "compose.yaml:6: build.x-bake.tags: must be a list of strings",
		"secret: [src=x]":            "compose.yaml:6: build.x-bake.secret: src=x: the id is missing",
		"secret: [\"id=x,sorce=y\"]": `unknown key "sorce"`,
		"contexts: [a]":              "compose.yaml:6: build.x-bake.contexts: must be a mapping",
		"contexts: {a: service:no}":  `no such service: no`,
	} {
		_, err := load(t, project(t, map[string]string{"compose.yaml": head + text + "\n"}), Options{})
		assert.Assert(t, is.ErrorContains(err, want))
	}
	p := mustLoad(t, map[string]string{"compose.yaml": head + "output: [type=docker]\n        tag: [x]\n"}, Options{})
	assert.Equal(t, len(p.Warnings), 2)
	assert.Equal(t, p.Warnings[0].Message, "x-bake.output is not used: --load, --push and --output say where images go")
	assert.Equal(t, p.Warnings[1].Message, `nobody reads x-bake.tag; did you mean "tags"?`)
	assert.Equal(t, p.Warnings[1].Position.Line, 7)
}
