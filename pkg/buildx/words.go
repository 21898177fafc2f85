package buildx

import (
	"strings"
	"time"

	"github.com/moby/buildkit/client"
)

// importing begins the name of a vertex that reads a cache import.
const importing = "importing cache manifest from "

// calm takes the error from a cache import that is not there: the first build of every branch has none, and BuildKit
// shows an ERROR for it (https://github.com/moby/buildkit/issues/3500). Any other error of an import stays.
func calm(s *client.SolveStatus) {
	for _, v := range s.Vertexes {
		_, name, _ := strings.Cut(v.Name, importing)
		if name == "" || !strings.HasSuffix(v.Error, "not found") {
			continue
		}
		v.Error = ""
		at := time.Now()
		if v.Completed != nil {
			at = *v.Completed
		}
		s.Logs = append(s.Logs, &client.VertexLog{Vertex: v.Digest, Data: []byte("no cache yet\n"), Timestamp: at})
	}
}
