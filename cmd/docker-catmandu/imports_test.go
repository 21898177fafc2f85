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
	"github.com/docker/cli":                 {"pkg/buildx", "cmd/docker-catmandu"},
	"github.com/spf13/cobra":                {"cmd/docker-catmandu"},
	"github.com/moby/buildkit/control":      {"pkg/embedded"},
	"github.com/moby/buildkit/worker":       {"pkg/embedded"},
	"github.com/moby/buildkit/solver/bbolt": {"pkg/embedded"},
	"github.com/moby/buildkit/frontend":     {"pkg/embedded", "pkg/targets", "pkg/frontend", "pkg/joint", "pkg/buildx"},
	"github.com/moby/buildkit/cache":        {"pkg/embedded", "pkg/steps"},
	module + "pkg/compose":                  {"pkg/targets", "pkg/buildx", "cmd/docker-catmandu"},
	module + "pkg/targets":                  {"pkg/buildx", "pkg/comparison", "cmd/docker-catmandu"},
	module + "pkg/frontend":                 {"pkg/joint", "pkg/buildx", "pkg/comparison", "cmd/docker-catmandu"},
	module + "pkg/steps":                    {"pkg/ledger", "pkg/forecast", "pkg/buildx", "pkg/comparison", "cmd/docker-catmandu"},
	module + "pkg/ledger":                   {"pkg/forecast", "cmd/docker-catmandu"},
	module + "pkg/forecast":                 {"cmd/docker-catmandu"},
	module + "pkg/revision":                 {"pkg/comparison", "cmd/docker-catmandu"},
	module + "pkg/comparison":               {"cmd/docker-catmandu"},
	module + "pkg/joint":                    {"pkg/buildx"},
	module + "pkg/buildx":                   {"cmd/docker-catmandu"},
	module + "pkg/embedded":                 {"cmd/docker-catmandu"},
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
