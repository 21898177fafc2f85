package buildx

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/docker/buildx/util/progress"
	"github.com/docker/cli/cli/streams"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/opencontainers/go-digest"
)

// manyServices is how many services a terminal shows with a line for every step; above it each has one line.
const manyServices = 8

// failureLogs bounds what is kept of a step's output to be shown if it fails, in bytes.
const failureLogs = 64 << 10

// folds tells whether steps are folded: only where the display redraws itself, as BuildKit decides that.
func folds(mode string, terminal bool, services int) bool {
	if mode == string(progressui.AutoMode) {
		mode = cmp.Or(os.Getenv("BUILDKIT_PROGRESS"), mode)
	}
	return services > manyServices && terminal && (mode == string(progressui.AutoMode) || mode == string(progressui.TtyMode))
}

// folder shows a line for each service in place of its steps: the step at work, or how many are done. Steps that fail
// are shown beside it with their output; what is of no service is passed on as it is.
type folder struct {
	progress.Writer
	services []string

	mu    sync.Mutex
	lines map[string]*line
	steps map[digest.Digest]*folded
}

// line stands for the steps of one service, or of several that share them.
type line struct {
	vertex  client.Vertex
	steps   []*folded
	current *folded
}

// folded is a step that is not shown itself.
type folded struct {
	line    *line
	vertex  client.Vertex
	logs    []*client.VertexLog
	size    int
	cached  bool
	visible bool
}

func newFolder(w progress.Writer, services []string) *folder {
	return &folder{Writer: w, services: services, lines: map[string]*line{}, steps: map[digest.Digest]*folded{}}
}

// Write passes on what is to be seen of a status, which others may hold and which is left as it is.
func (f *folder) Write(s *client.SolveStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &client.SolveStatus{Warnings: s.Warnings}
	for _, v := range s.Vertexes {
		f.vertex(out, v)
	}
	for _, st := range s.Statuses {
		if step := f.steps[st.Vertex]; step == nil || step.visible {
			out.Statuses = append(out.Statuses, st)
		}
	}
	for _, l := range s.Logs {
		f.log(out, l)
	}
	f.Writer.Write(out)
}

func (f *folder) vertex(out *client.SolveStatus, v *client.Vertex) {
	step := f.steps[v.Digest]
	if step == nil {
		key := f.key(v.Name)
		if key == "" {
			out.Vertexes = append(out.Vertexes, v)
			return
		}
		l := f.lines[key]
		if l == nil {
			l = &line{vertex: client.Vertex{Digest: digest.FromString("line of " + key), Name: "[" + key + "]"}}
			f.lines[key] = l
		}
		step = &folded{line: l}
		l.steps, f.steps[v.Digest] = append(l.steps, step), step
	}
	step.vertex, step.cached = *v, step.cached || v.Cached
	if v.Error != "" && !strings.HasSuffix(v.Error, context.Canceled.Error()) {
		step.visible = true
		out.Logs = append(out.Logs, step.logs...)
		step.logs = nil
	}
	if step.visible {
		out.Vertexes = append(out.Vertexes, v)
	}
	if v.Completed != nil {
		step.logs = nil
	}
	if line := step.line.update(v); line != nil {
		out.Vertexes = append(out.Vertexes, line)
	}
}

// update returns the line as it now is, nil before anything has started. While steps are at work it is one interval.
func (l *line) update(v *client.Vertex) *client.Vertex {
	if v.Started == nil {
		return nil
	}
	if l.vertex.Started == nil || l.vertex.Completed != nil {
		l.vertex.Started, l.vertex.Completed = v.Started, nil
	}
	done, cached := 0, 0
	l.current = nil
	for _, s := range l.steps {
		switch {
		case s.vertex.Started == nil:
		case s.vertex.Completed == nil:
			l.current = s
		default:
			done++
			if s.cached {
				cached++
			}
		}
	}
	name, _, _ := strings.Cut(l.vertex.Name, "]")
	name += "]"
	shown := l.vertex
	if l.current != nil {
		shown.Name = l.current.vertex.Name
	} else {
		shown.Name = fmt.Sprintf("%s %d done, %d cached", name, done, cached)
		l.vertex.Completed = v.Completed
		shown.Completed = v.Completed
	}
	return &shown
}

// log shows output below the line of the step that the line names, and keeps the end of it.
func (f *folder) log(out *client.SolveStatus, l *client.VertexLog) {
	step := f.steps[l.Vertex]
	if step == nil || step.visible {
		out.Logs = append(out.Logs, l)
		return
	}
	step.logs, step.size = append(step.logs, l), step.size+len(l.Data)
	for step.size > failureLogs && len(step.logs) > 1 {
		step.size -= len(step.logs[0].Data)
		step.logs = step.logs[1:]
	}
	if step.line.current == step {
		shown := *l
		shown.Vertex = step.line.vertex.Digest
		out.Logs = append(out.Logs, &shown)
	}
}

// key is whose a vertex is by its name, "web" or "web +9" as the recorder writes it; empty is no service's.
func (f *folder) key(name string) string {
	text, ok := strings.CutPrefix(name, "[")
	text, _, closed := strings.Cut(text, "]")
	words := strings.Fields(text)
	if !ok || !closed || len(words) == 0 || !slices.Contains(f.services, words[0]) {
		return ""
	}
	if len(words) > 1 && strings.HasPrefix(words[1], "+") {
		return words[0] + " " + words[1]
	}
	return words[0]
}

func isTerminal(w io.Writer) bool {
	_, ok := w.(*os.File)
	return ok && streams.NewOut(w).IsTerminal()
}
