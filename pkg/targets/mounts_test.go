package targets

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

const withMounts = `FROM golang AS tools
RUN go install tool
FROM golang AS build
RUN --mount=from=tools,target=/tools \
    --mount=target=/c,type=cache go build
FROM busybox AS lint
RUN --mount=type=bind,source=cache,target=/x --mount=type=tmpfs,target=/cache true
FROM busybox AS app
COPY --from=build /app /
`

// Only stages that the build takes count, and only mounts that BuildKit keeps.
func TestHasCacheMounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Dockerfile")
	assert.NilError(t, os.WriteFile(path, []byte(withMounts), 0o644))
	for stage, want := range map[string]bool{"": true, "app": true, "build": true, "tools": false, "lint": false, "nosuch": false} {
		assert.Equal(t, Target{Stage: stage, Dockerfile: path}.HasCacheMounts(), want, stage)
		inline := Target{Stage: stage, Build: compose.Build{DockerfileInline: withMounts}}
		assert.Equal(t, inline.HasCacheMounts(), want, stage)
	}
	given := compose.Build{DockerfileInline: withMounts, AdditionalContexts: map[string]string{"build": "docker-image://app"}}
	assert.Assert(t, !Target{Build: given}.HasCacheMounts())
	assert.Assert(t, !Target{Dockerfile: "Dockerfile"}.HasCacheMounts(), "of a remote context")
}
