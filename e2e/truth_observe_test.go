//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The fields that are used here of what docker catmandu plan --format json prints.
type (
	truthPlan struct {
		Targets []struct {
			Service string `json:"service"`
		} `json:"targets"`
		Predictions []prediction `json:"predictions"`
	}
	prediction struct {
		Service  string          `json:"service"`
		Platform string          `json:"platform"`
		Steps    []predictedStep `json:"steps"`
	}
	predictedStep struct {
		Name   string `json:"name"`
		Key    string `json:"key"`
		Status string `json:"status"`
		Cause  cause  `json:"cause"`
	}
	cause struct {
		Kind     string      `json:"kind"`
		RootKind string      `json:"rootKind"`
		Text     string      `json:"text"`
		Files    []namedFile `json:"files"`
		Name     string      `json:"name"`
		Root     string      `json:"root"`
	}
	namedFile struct {
		Path   string `json:"path"`
		Change string `json:"change"`
		From   string `json:"from"`
	}
)

// truthCLI runs the plugin in a project.
type truthCLI struct {
	env      []string
	dir      string
	services int // that the last plan had
}

// plan predicts. Its error goes with what can be used of the plan nevertheless.
func (c *truthCLI) plan(flags []string) (truthPlan, error) {
	var p truthPlan
	out, problem, err := c.run(append([]string{"plan", "--format", "json"}, flags...))
	if err != nil {
		return p, fmt.Errorf("%w\n%s", err, problem)
	}
	if err := json.Unmarshal(out, &p); err != nil {
		return p, fmt.Errorf("%w\n%s", err, out)
	}
	c.services = len(p.Targets)
	return p, nil
}

// build builds, and returns what BuildKit says of each vertex.
func (c *truthCLI) build(flags []string) (*observation, error) {
	out, progress, err := c.run(append([]string{"build", "--progress", "rawjson", "--output", "type=cacheonly"}, flags...))
	if err != nil {
		return nil, fmt.Errorf("%w\n%s%s", err, out, unJSON(progress))
	}
	return observe(progress, c.services > 1)
}

func (c *truthCLI) run(args []string) (out, problem []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(os.Getenv("E2E_BIN"), "tools/docker"), append([]string{"catmandu"}, args...)...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = c.dir, c.env, time.Second
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return o.Bytes(), e.Bytes(), err
}

// unJSON leaves of a progress stream what is for people, and the errors and logs of steps.
func unJSON(progress []byte) string {
	var text strings.Builder
	for line := range bytes.Lines(progress) {
		if !bytes.HasPrefix(line, []byte("{")) || bytes.Contains(line, []byte(`"error":`)) {
			text.Write(line)
		}
		var s status
		if json.Unmarshal(line, &s) == nil {
			for _, l := range s.Logs {
				text.Write(l.Data)
			}
		}
	}
	return text.String()
}

// status is a line of the progress stream.
type status struct {
	Vertexes []struct {
		Digest    string     `json:"digest"`
		Name      string     `json:"name"`
		Started   *time.Time `json:"started"`
		Completed *time.Time `json:"completed"`
		Cached    bool       `json:"cached"`
	} `json:"vertexes"`
	Statuses []struct {
		ID     string `json:"id"`
		Vertex string `json:"vertex"`
	} `json:"statuses"`
	Logs []struct {
		Vertex string `json:"vertex"`
		Data   []byte `json:"data"`
	} `json:"logs"`
}

// vertex is all that the stream says of a step.
type vertex struct {
	digest, service string
	names           []string // one, but a COPY --link of several platforms has one for each
	more            int      // services that it is of, beside the first
	cached, ran     bool
	fetched         bool // something was downloaded for it
}

// downloaded tells whether an image was. BuildKit may call it cached all the same.
func (v *vertex) downloaded() bool { return v.fetched && fromName.MatchString(v.names[0]) }

type observation struct {
	vertexes []*vertex
}

var (
	stepName = regexp.MustCompile(`^\[([^\]]+ )?\d+/\d+\] `)
	fromName = regexp.MustCompile(`^\[[^\]]+\] FROM `)
	// sharedName is how the plugin shows whose a vertex is, when there are several services.
	sharedName = regexp.MustCompile(`^\[(\S+?)( \+(\d+))?(\] | )`)
)

// observe reads a progress stream. A vertex was cached when the stream ever says so: BuildKit sends it again when
// its result is needed.
func observe(progress []byte, several bool) (*observation, error) {
	o := &observation{}
	vertexes := map[string]*vertex{}
	for line := range bytes.Lines(progress) {
		if !bytes.HasPrefix(line, []byte("{")) {
			continue
		}
		var s status
		if err := json.Unmarshal(line, &s); err != nil {
			return nil, fmt.Errorf("%w: %s", err, line)
		}
		for _, v := range s.Vertexes {
			service, more, name := "", 0, v.Name
			if several {
				service, more, name = splitName(name)
			}
			if !stepName.MatchString(name) {
				continue
			}
			seen := vertexes[v.Digest+service]
			if seen == nil {
				seen = &vertex{digest: v.Digest, service: service, more: more}
				vertexes[v.Digest+service] = seen
				o.vertexes = append(o.vertexes, seen)
			}
			if !slices.Contains(seen.names, name) {
				seen.names = append(seen.names, name)
			}
			seen.cached = seen.cached || v.Cached
			seen.ran = seen.ran || v.Started != nil && v.Completed != nil
		}
		for _, st := range s.Statuses {
			if !strings.HasPrefix(st.ID, "sha256:") && !strings.HasPrefix(st.ID, "extracting ") {
				continue
			}
			for _, v := range o.vertexes {
				v.fetched = v.fetched || v.digest == st.Vertex
			}
		}
	}
	return o, nil
}

// splitName takes the services from the name of a vertex: "[web +1 deps 2/3] RUN …" is of web and another.
func splitName(name string) (service string, more int, rest string) {
	m := sharedName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, name
	}
	more, _ = strconv.Atoi(m[3])
	if rest = name[len(m[0]):]; m[4] == " " {
		rest = "[" + rest
	}
	return m[1], more, rest
}

// find returns the vertexes of a step of a service. Of those that services share only one is named.
func (o *observation) find(service, name string) []*vertex {
	var own, shared []*vertex
	for _, v := range o.vertexes {
		switch {
		case !slices.Contains(v.names, name):
		case v.service == "" || v.service == service:
			own = append(own, v)
		case v.more > 0:
			shared = append(shared, v)
		}
	}
	if len(own) > 0 {
		return own
	}
	return shared
}
