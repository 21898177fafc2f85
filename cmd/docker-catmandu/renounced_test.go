package main

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

func TestReadListed(t *testing.T) {
	path := filepath.Join(t.TempDir(), renouncedFile)
	notes, err := readListed[usage.Renounced](path)
	assert.NilError(t, err)
	assert.Equal(t, len(notes), 0)

	want := []usage.Renounced{{Builder: "b", Record: "r", Build: "last"}}
	assert.NilError(t, writeFile("notes", path, want))
	notes, err = readListed[usage.Renounced](path)
	assert.NilError(t, err)
	assert.DeepEqual(t, notes, want)

	// Half a file is as good as none.
	assert.NilError(t, os.WriteFile(path, []byte(`[{"builder":"b"`), 0o600))
	notes, err = readListed[usage.Renounced](path)
	assert.NilError(t, err)
	assert.Equal(t, len(notes), 0)
}

func TestRefsOf(t *testing.T) {
	got := refsOf([]buildx.TargetResult{{Ref: "b/n/one"}, {Ref: ""}, {Ref: "b/n/one"}, {Ref: "b/n/two"}})
	assert.DeepEqual(t, got, []string{"b/n/one", "b/n/two"})
}
