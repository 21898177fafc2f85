package buildx

import (
	"testing"

	"github.com/moby/buildkit/client"
	"gotest.tools/v3/assert"
)

func TestMissingCacheIsNoError(t *testing.T) {
	for _, tc := range []struct {
		name, err string
		calm      bool
	}{
		{"importing cache manifest from example.com/cache", "failed to configure registry cache importer: example.com/cache:latest: not found", true},
		{"[web] importing cache manifest from example.com/cache", "example.com/cache:latest: not found", true},
		{"importing cache manifest from example.com/cache", "dial tcp: connection refused", false},
		{"[1/1] COPY a b", `"/a": not found`, false},
	} {
		v := vertex(tc.name, 0, 1, false)
		v.Error = tc.err
		s := &client.SolveStatus{Vertexes: []*client.Vertex{v}}
		calm(s)
		assert.Equal(t, v.Error == "", tc.calm, tc.name)
		assert.Equal(t, len(s.Logs) == 1, tc.calm, tc.name)
	}
}
