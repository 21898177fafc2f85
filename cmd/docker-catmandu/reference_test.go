package main

import (
	"io"
	"log"
	"os"
	"path/filepath"
	"testing"

	clidocstool "github.com/docker/cli-docs-tool"
	"github.com/spf13/cobra"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

// TestReference keeps docs/reference equal to the commands; -update writes it. What stands outside the markers of a
// page is written by hand and kept.
func TestReference(t *testing.T) {
	log.SetOutput(io.Discard)
	defer log.SetOutput(os.Stderr)
	source := filepath.Join("..", "..", "docs", "reference")
	target := source
	if !golden.FlagUpdate() {
		target = t.TempDir()
	}
	docker := &cobra.Command{Use: "docker", DisableAutoGenTag: true}
	docker.AddCommand(newRootCommand(&app{}))
	docs, err := clidocstool.New(clidocstool.Options{Root: docker, SourceDir: source, TargetDir: target, Plugin: true})
	assert.NilError(t, err)
	assert.NilError(t, docs.GenMarkdownTree(docker))

	pages, err := filepath.Glob(filepath.Join(target, "*.md"))
	assert.NilError(t, err)
	assert.Assert(t, len(pages) >= 3)
	for _, page := range pages {
		want, err := os.ReadFile(page)
		assert.NilError(t, err)
		got, err := os.ReadFile(filepath.Join(source, filepath.Base(page)))
		assert.NilError(t, err, "run make docs")
		assert.Equal(t, string(got), string(want), "run make docs")
	}
}
