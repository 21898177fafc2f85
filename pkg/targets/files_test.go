package targets_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// TestFiles goes from files to a plan: what the rule knows of overrides and siblings comes out of pkg/compose as it
// expects.
func TestFiles(t *testing.T) {
	const stages = "FROM a AS base\nFROM base AS dev\nFROM base AS tools\nFROM base AS app\n"
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Dockerfile":            stages,
		"api/Dockerfile":        stages,
		"api/Dockerfile.slim":   "FROM a AS slim\n",
		"compose.yaml":          "name: shop\nservices:\n  web:\n    build:\n      context: .\n      target: app\n  api:\n    build: ./api\n",
		"compose.override.yaml": "services:\n  web:\n    build:\n      target: tools\n      args: {DEBUG: 1}\n",
		"compose.dev.yaml":      "services:\n  web:\n    build:\n      target: dev\n  api:\n    build:\n      target: dev\n",
		"compose.prod.yaml":     "services:\n  api:\n    build:\n      dockerfile: Dockerfile.slim\n",
	} {
		assert.NilError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	p, err := compose.Load(context.Background(), compose.Options{Dir: dir, Variants: true, Environment: []string{}})
	assert.NilError(t, err)
	got := func(target string) []string {
		plan, err := targets.New(p, targets.Request{Target: target})
		assert.NilError(t, err)
		assert.Equal(t, len(plan.Warnings), 0, "%v", plan.Warnings)
		var list []string
		for _, t := range plan.Targets {
			list = append(list, t.Service+" "+t.Stage+" of "+filepath.Base(t.Dockerfile)+", "+t.Reason)
		}
		return list
	}
	assert.DeepEqual(t, got(""), []string{
		`api  of Dockerfile, last stage, "app"`, "web tools of Dockerfile, build.target in compose.override.yaml:4",
	})
	assert.DeepEqual(t, got("prod"), []string{
		"api slim of Dockerfile.slim, from compose.prod.yaml, last stage", "web app of Dockerfile, build.target in compose.yaml:6",
	})
	// The override is there for developers, and compose.dev.yaml was not loaded: it speaks only where the override is silent.
	assert.DeepEqual(t, got("dev"), []string{
		"api dev of Dockerfile, from compose.dev.yaml", "web tools of Dockerfile, build.target in compose.override.yaml:4",
	})
}
