package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

const module = "github.com/docker-catmandu/docker-catmandu/"

// onlyImporters are the packages that may import what begins with the key, besides what lies in it.
var onlyImporters = map[string][]string{
	"github.com/compose-spec/compose-go":    {"pkg/compose"},
	"github.com/docker/buildx":              {"pkg/buildx"},
	"github.com/docker/cli":                 {"pkg/buildx", "pkg/lab", "cmd/docker-catmandu"},
	"github.com/spf13/cobra":                {"cmd/docker-catmandu"},
	"github.com/moby/buildkit/control":      {"pkg/embedded"},
	"github.com/moby/buildkit/worker":       {"pkg/embedded"},
	"github.com/moby/buildkit/solver/bbolt": {"pkg/embedded"},
	"github.com/moby/buildkit/frontend":     {"pkg/embedded", "pkg/targets", "pkg/frontend", "pkg/joint", "pkg/buildx"},
	"github.com/moby/buildkit/cache":        {"pkg/embedded", "pkg/steps", "pkg/cacheconfig"},
	module + "pkg/compose":                  {"pkg/targets", "pkg/twin", "pkg/buildx", "cmd/docker-catmandu"},
	module + "pkg/cache":                    {"cmd/docker-catmandu"},
	module + "pkg/cacheconfig":              {"cmd/docker-catmandu"},
	module + "pkg/targets":                  {"pkg/buildx", "pkg/cache", "pkg/comparison", "pkg/lab", "pkg/rig", "pkg/twin", "cmd/docker-catmandu"},
	module + "pkg/frontend":                 {"pkg/joint", "pkg/buildx", "pkg/comparison", "cmd/docker-catmandu"},
	module + "pkg/parcel":                   {"pkg/depot", "pkg/porter", "pkg/courier"},
	module + "pkg/porter":                   {"pkg/courier", "cmd/catmandu-porter", "cmd/docker-catmandu"},
	module + "pkg/depot":                    {"pkg/courier", "cmd/docker-catmandu"},
	module + "pkg/courier":                  {"cmd/docker-catmandu"},
	module + "pkg/workflow":                 {"cmd/docker-catmandu"},
	module + "pkg/mounts":                   {"cmd/docker-catmandu"},
	module + "pkg/steps":                    {"pkg/mounts", "pkg/ledger", "pkg/forecast", "pkg/usage", "pkg/buildx", "pkg/comparison", "pkg/edit", "pkg/lab", "pkg/trial", "pkg/rig", "cmd/docker-catmandu"},
	module + "pkg/ledger":                   {"pkg/forecast", "pkg/usage", "pkg/retention", "cmd/docker-catmandu"},
	module + "pkg/forecast":                 {"cmd/docker-catmandu"},
	module + "pkg/usage":                    {"cmd/docker-catmandu"},
	module + "pkg/twin":                     {"cmd/docker-catmandu"},
	module + "pkg/retention":                {"cmd/docker-catmandu"},
	module + "pkg/registry":                 {"pkg/depot", "pkg/refs", "cmd/docker-catmandu"},
	module + "pkg/refs":                     {"cmd/docker-catmandu"},
	module + "pkg/revision":                 {"pkg/comparison", "cmd/docker-catmandu"},
	module + "pkg/comparison":               {"cmd/docker-catmandu"},
	module + "pkg/joint":                    {"pkg/buildx"},
	module + "pkg/buildx":                   {"pkg/lab", "pkg/trial", "pkg/rig", "cmd/docker-catmandu"},
	module + "pkg/sample":                   {"pkg/session", "pkg/bench", "pkg/report", "pkg/report/page", "cmd/docker-catmandu"},
	module + "pkg/session":                  {"pkg/bench", "pkg/trial", "pkg/rig", "pkg/report", "pkg/report/page", "pkg/report/otlp", "cmd/docker-catmandu"},
	module + "pkg/bench":                    {"cmd/docker-catmandu"},
	module + "pkg/edit":                     {"pkg/rig"},
	module + "pkg/lab":                      {"pkg/rig", "cmd/docker-catmandu"},
	module + "pkg/trial":                    {"pkg/rig", "cmd/docker-catmandu"},
	module + "pkg/rig":                      {"cmd/docker-catmandu"},
	module + "pkg/report":                   {"cmd/docker-catmandu"},
	module + "pkg/embedded":                 {"pkg/lab", "cmd/docker-catmandu"},
}

// TestImports keeps ARCHITECTURE.md true.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"...").CombinedOutput()
	assert.NilError(t, err, string(out))
	packages := lines(string(out))
	assert.Assert(t, len(packages) >= 5)
	for _, line := range packages {
		fields := strings.Fields(line)
		importer := strings.TrimPrefix(fields[0], module)
		for _, imported := range fields[1:] {
			for prefix, allowed := range onlyImporters {
				if strings.HasPrefix(imported+"/", prefix+"/") && !slices.Contains(allowed, importer) {
					t.Errorf("%s imports %s; only %s may", importer, imported, strings.Join(allowed, ", "))
				}
			}
		}
	}
}
