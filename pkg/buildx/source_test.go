package buildx

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "web.Dockerfile")
	text := "FROM scratch\nRUN false\n"
	assert.NilError(t, os.WriteFile(file, []byte(text), 0o644))
	web := targets.Target{Service: "web", Dockerfile: file}
	inline := targets.Target{Service: "job", Build: compose.Build{DockerfileInline: "FROM a\n"}}
	p := &targets.Plan{Dir: dir, Files: []string{"compose.yaml"}, Targets: []targets.Target{web, inline}}

	at := []*pb.Range{{Start: &pb.Position{Line: 2}, End: &pb.Position{Line: 2}}}
	info := &pb.SourceInfo{Filename: "web.Dockerfile", Data: []byte(text)}
	err := errdefs.WithSource(errors.New("broken"), &errdefs.Source{Info: info, Ranges: at})
	assert.DeepEqual(t, sourceOf(p, web, err), &Place{File: file, Line: 2, Excerpt: "web.Dockerfile:2\n--------------------\n" +
		"   1 |     FROM scratch\n   2 | >>> RUN false\n   3 |     \n--------------------"})
	assert.Equal(t, sourceOf(p, inline, err).File, filepath.Join(dir, "compose.yaml"))
	assert.Equal(t, sourceOf(p, inline, err).Line, 0)
	assert.Equal(t, sourceOf(p, targets.Target{Dockerfile: filepath.Join(dir, "Dockerfile")}, err).File, "")
	assert.Assert(t, sourceOf(p, web, errors.New("no source")) == nil)

	warning := func(data string) client.VertexWarning {
		return client.VertexWarning{SourceInfo: &pb.SourceInfo{Filename: "web.Dockerfile", Data: []byte(data)}, Range: at}
	}
	assert.DeepEqual(t, warned(p, warning(text)), &Place{File: file, Line: 2})
	assert.DeepEqual(t, warned(p, warning("FROM a\n")), &Place{File: filepath.Join(dir, "compose.yaml")})
	assert.Assert(t, warned(p, warning("FROM other\n")) == nil)
	assert.Assert(t, warned(p, client.VertexWarning{}) == nil)
}
