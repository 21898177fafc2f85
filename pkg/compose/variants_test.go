package compose

import (
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// DOCKER_DEFAULT_PLATFORM counts with the override and without it.
func TestDefaultPlatformOfBase(t *testing.T) {
	p := mustLoad(t, map[string]string{
		"compose.yaml":          "services: {web: {build: {context: ., target: prod}}}",
		"compose.override.yaml": "services: {web: {build: {target: dev}}}",
	}, Options{Variants: true, Environment: []string{"DOCKER_DEFAULT_PLATFORM=linux/arm64"}})
	assert.Equal(t, p.Services[0].Platform, "linux/arm64")
	assert.Equal(t, p.Base[0].Platform, "linux/arm64")
}

// A service that only the override completes is left out of Base, with the reason; others stay, whatever their profile.
func TestBrokenServicesOfBase(t *testing.T) {
	p := mustLoad(t, map[string]string{
		"compose.yaml": `
services:
  web: {build: {context: ., args: {V: "${V:?which}"}}}
  e2e: {profiles: [test], build: {context: ., args: {V: "${V:?which}"}}}
  api: {build: {context: ., target: prod}}
`,
		"compose.override.yaml": "services: {web: {build: {args: !override {V: 1}}}, e2e: {build: {args: !override {V: 1}}}}",
		"compose.prod.yaml":     "services: {web: {build: {args: {W: '${W:?which}'}}}, api: {build: {target: live}}}",
	}, Options{Variants: true, Services: []string{"web", "e2e", "api"}})
	assert.Equal(t, len(p.Services), 3)
	assert.Equal(t, len(p.Base), 1)
	assert.Equal(t, p.Base[0].Name, "api")
	for _, name := range []string{"web", "e2e"} {
		assert.Assert(t, is.ErrorContains(p.BaseErrors[name], "required variable V is missing a value: which"))
	}
	assert.NilError(t, p.BaseErrors["api"])
	assert.Equal(t, len(p.Siblings[0].Merged), 1)
	assert.Equal(t, p.Siblings[0].Merged[0].Build.Target, "live")
}
