package buildx

import (
	"fmt"
	"testing"

	"github.com/docker/buildx/util/progress"
	"github.com/moby/buildkit/client"
	"gotest.tools/v3/assert"
)

// screen keeps what a display is given, a word for each event.
type screen struct {
	progress.Writer
	seen []string
}

func (s *screen) Write(st *client.SolveStatus) {
	for _, v := range st.Vertexes {
		state := "runs"
		if v.Completed != nil {
			state = "done"
		}
		s.seen = append(s.seen, fmt.Sprintf("%s %s%s", state, v.Name, v.Error))
	}
	for _, l := range st.Logs {
		s.seen = append(s.seen, "log "+string(l.Data))
	}
	for _, st := range st.Statuses {
		s.seen = append(s.seen, "status "+st.ID)
	}
	for _, w := range st.Warnings {
		s.seen = append(s.seen, "warning "+string(w.Short))
	}
}

func TestFoldedStepsAreOneLine(t *testing.T) {
	s := &screen{}
	f := newFolder(s, []string{"web", "api"})
	put := func(v *client.Vertex) { f.Write(&client.SolveStatus{Vertexes: []*client.Vertex{v}}) }
	put(vertex("[web +1 deps 1/2] RUN a", -1, -1, false))
	put(vertex("[web +1 deps 1/2] RUN a", 0, 1, true))
	run := vertex("[web 2/2] RUN b", 1, -1, false)
	put(run)
	f.Write(&client.SolveStatus{
		Statuses: []*client.VertexStatus{{ID: "hidden", Vertex: run.Digest}},
		Logs:     []*client.VertexLog{{Vertex: run.Digest, Data: []byte("out")}},
		Warnings: []*client.VertexWarning{{Vertex: run.Digest, Short: []byte("check")}},
	})
	put(vertex("[web 2/2] RUN b", 1, 2, false))
	put(vertex("[auth] library/busybox", 0, 1, false))
	assert.DeepEqual(t, s.seen, []string{
		"done [web +1] 1 done, 1 cached", "runs [web 2/2] RUN b", "log out", "warning check",
		"done [web] 1 done, 0 cached", "done [auth] library/busybox",
	})
}

func TestFailedStepIsShownWithItsOutput(t *testing.T) {
	s := &screen{}
	f := newFolder(s, []string{"web"})
	run := vertex("[web 1/1] RUN b", 1, -1, false)
	f.Write(&client.SolveStatus{Vertexes: []*client.Vertex{run}})
	f.Write(&client.SolveStatus{Logs: []*client.VertexLog{{Vertex: run.Digest, Data: []byte("out")}}})
	s.seen = nil
	end := vertex("[web 1/1] RUN b", 1, 2, false)
	end.Error = ": broken"
	f.Write(&client.SolveStatus{Vertexes: []*client.Vertex{end}})
	assert.DeepEqual(t, s.seen, []string{"done [web 1/1] RUN b: broken", "done [web] 1 done, 0 cached", "log out"})

	canceled := vertex("[web 1/1] RUN c", 1, 2, false)
	canceled.Error = "context canceled"
	s.seen = nil
	f.Write(&client.SolveStatus{Vertexes: []*client.Vertex{canceled}})
	assert.DeepEqual(t, s.seen, []string{"done [web] 2 done, 0 cached"})
}

func TestFoldsOnlyOnTerminals(t *testing.T) {
	t.Setenv("BUILDKIT_PROGRESS", "")
	assert.Assert(t, folds("auto", true, 9) && folds("tty", true, 9))
	assert.Assert(t, !folds("auto", false, 9) && !folds("tty", true, 8))
	assert.Assert(t, !folds("plain", true, 9) && !folds("rawjson", true, 9) && !folds("quiet", true, 9))
	t.Setenv("BUILDKIT_PROGRESS", "plain")
	assert.Assert(t, !folds("auto", true, 9) && folds("tty", true, 9))
}
