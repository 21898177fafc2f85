package rig

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// What the working tree can't edit is a mistake; what another revision doesn't have leaves the scenario out.
func TestTake(t *testing.T) {
	from, root := t.TempDir(), t.TempDir() // the copy has what the ignore file leaves
	for _, file := range []string{"main.go", "other.go", "notes.md", "Dockerfile", "src/a.go"} {
		write(t, filepath.Join(from, file))
		if file != "notes.md" {
			write(t, filepath.Join(root, file))
		}
	}
	original := &targets.Plan{Targets: []targets.Target{{Service: "web", Context: from, Dockerfile: filepath.Join(from, "Dockerfile")}}}
	graph := &steps.Graph{Service: "web", Steps: []steps.Step{{Name: "[1/1] COPY . .", Takes: []steps.File{{Path: "main.go"}}}}}
	key := editKey{"prod", "web", Source}
	for _, c := range []struct {
		change  Change
		version string
		mistake string
		missing string
	}{
		{change: Change{Path: "main.go"}},
		{change: Change{Run: "echo notes.md"}},
		{change: Change{Path: "notes.md"}, mistake: "notes.md is kept out of the build context by .dockerignore: an edit of it changes nothing"},
		{change: Change{Path: "none.go"}, mistake: "there is no none.go in the build context"},
		{change: Change{Path: "src"}, mistake: "src is a folder: name a file in it"},
		{change: Change{Path: "other.go"}, missing: "web prod: nothing to edit for scenario source: no step takes other.go"},
		{
			change: Change{Path: "none.go"}, version: session.Base,
			missing: "web prod: nothing to edit for scenario source: there is no none.go in the build context",
		},
	} {
		if c.version == "" {
			c.version = session.Head
		}
		r := &Rig{}
		v := &version{
			Version: Version{Name: c.version}, edits: map[editKey][]edited{}, roots: map[contextKey]string{{"prod", "web"}: root},
		}
		err := r.take(v, graph, key, []Change{c.change}, original)
		switch {
		case c.mistake != "":
			assert.Error(t, err, c.mistake)
		case c.missing != "":
			assert.NilError(t, err)
			assert.DeepEqual(t, r.Missing, []string{c.missing})
			assert.Equal(t, len(v.edits[key]), 0)
		default:
			assert.NilError(t, err)
			assert.Equal(t, len(v.edits[key]), 1)
			assert.Equal(t, v.edits[key][0].Change, c.change)
		}
	}
	assert.Equal(t, ignoreFile(original.Targets[0]), ".dockerignore")
	write(t, filepath.Join(from, "Dockerfile.dockerignore"))
	assert.Equal(t, ignoreFile(original.Targets[0]), "Dockerfile.dockerignore")
}

func write(t *testing.T, file string) {
	t.Helper()
	assert.NilError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	assert.NilError(t, os.WriteFile(file, []byte("x"), 0o644))
}
