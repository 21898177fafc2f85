//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// twin is a BuildKit of a history.
type twin struct {
	name, address string
}

// historyWorld is where a history happens: three BuildKits and a user with one configuration and one cache folder.
type historyWorld struct {
	*world
	env *testscript.Env
	// pruned is where prunes happen, and full where none does. Empty has nothing between measurements.
	pruned, full, empty *twin
}

func newHistoryWorld(name string) (*historyWorld, error) {
	home := mkdir(filepath.Join(os.Getenv("E2E_DIR"), name))
	h := &historyWorld{world: &world{dir: home, bin: os.Getenv("E2E_BIN")}, env: &testscript.Env{Values: map[any]any{}, WorkDir: home}}
	if err := setup(h.env); err != nil {
		return nil, err
	}
	for i, t := range []**twin{&h.pruned, &h.full, &h.empty} {
		var err error
		if *t, err = h.startTwin([]string{"a", "b", "c"}[i]); err != nil {
			return nil, errors.Join(err, h.close())
		}
	}
	return h, nil
}

// startTwin starts a BuildKit.
func (h *historyWorld) startTwin(name string) (*twin, error) {
	w, err := truthWorld().sub(filepath.Join(filepath.Base(h.dir), name))
	if err != nil {
		return nil, err
	}
	d, err := w.run("tools/buildkitd", "--config", w.path("buildkitd.toml"))
	if err != nil {
		return nil, err
	}
	h.daemons = append(h.daemons, d)
	if err := d.ready(listens(w.path("buildkitd.sock"))); err != nil {
		return nil, err
	}
	t := &twin{name: name, address: "unix://" + w.path("buildkitd.sock")}
	return t, docker(h.env, "buildx", "create", "--name", t.name, "--driver", "remote", t.address)
}

// close ends the BuildKits and removes all files.
func (h *historyWorld) close() error {
	h.stop()
	return os.RemoveAll(h.dir)
}

// errMachine is a failure of no step's: on a machine that is very busy, runc at times takes a file that it mounts for one that
// somebody else put there.
var errMachine = errors.New("runc failed")

const runcRace = "possibly malicious path detected"

// run runs a program of bin in a folder.
func (h *historyWorld) run(dir, program string, args ...string) (out, errs []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(h.bin, program), args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, h.env.Vars, time.Second
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err = cmd.Run(); err != nil {
		if bytes.Contains(e.Bytes(), []byte(runcRace)) {
			err = errMachine
		}
		err = fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, unJSON(e.Bytes()))
	}
	return o.Bytes(), e.Bytes(), err
}

// plugin runs a command of the plugin.
func (h *historyWorld) plugin(dir string, args ...string) (out, errs []byte, err error) {
	return h.run(dir, "docker-catmandu", args...)
}

// did is what a build did.
type did struct {
	// ran are the names of the steps that did not come from the cache, without stages, sorted.
	ran []string
	// loaded are those whose results were taken from the cache. With some that are neither the build had nothing to do.
	loaded []string
	// logs are what they printed.
	logs map[string]string
}

// build builds targets of a project with the plugin.
func (h *historyWorld) build(t *twin, dir, kind string) (*did, error) {
	args := []string{"build", "--builder", t.name, "--output", "type=cacheonly", "--progress", "rawjson"}
	if kind != "" {
		args = append(args, "--target", kind)
	}
	_, progress, err := h.plugin(dir, args...)
	if err != nil {
		return nil, err
	}
	return readDid(progress)
}

// byHand builds a service with buildx alone.
func (h *historyWorld) byHand(t *twin, dir, service, stage string) (*did, error) {
	_, progress, err := h.run(dir, "tools/cli-plugins/docker-buildx", "build", "--builder", t.name, "--output", "type=cacheonly",
		"--progress", "rawjson", "-f", service+".Dockerfile", "--target", stage, ".")
	if err != nil {
		return nil, err
	}
	return readDid(progress)
}

// strange builds as somebody does who has nothing to do with Docker.
func (h *historyWorld) strange(t *twin, dir string) (*did, error) {
	_, progress, err := h.run(dir, "tools/buildctl", "--addr", t.address, "build", "--frontend", "dockerfile.v0", "--local", "context=.",
		"--local", "dockerfile=.", "--progress", "rawjson")
	if err != nil {
		return nil, err
	}
	return readDid(progress)
}

func readDid(progress []byte) (*did, error) {
	names, logs := map[string]string{}, map[string]string{}
	ran, cached, fetched, loaded := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for line := range bytes.Lines(progress) {
		if !bytes.HasPrefix(line, []byte("{")) {
			continue
		}
		var s status
		if err := json.Unmarshal(line, &s); err != nil {
			return nil, fmt.Errorf("%w: %s", err, line)
		}
		for _, v := range s.Vertexes {
			if name := stepOf(v.Name); name != "" {
				names[v.Digest] = name
				cached[v.Digest] = cached[v.Digest] || v.Cached
				done := v.Started != nil && v.Completed != nil
				ran[v.Digest] = ran[v.Digest] || done
				loaded[v.Digest] = loaded[v.Digest] || done && v.Completed.After(*v.Started)
			}
		}
		for _, st := range s.Statuses {
			fetched[st.Vertex] = fetched[st.Vertex] || strings.HasPrefix(st.ID, "sha256:") || strings.HasPrefix(st.ID, "extracting ")
		}
		for _, l := range s.Logs {
			logs[l.Vertex] += string(l.Data)
		}
	}
	if len(names) == 0 {
		return nil, errors.New("no steps in the progress")
	}
	out := &did{ran: []string{}, logs: map[string]string{}}
	for dgst, name := range names {
		isImage := strings.HasPrefix(name, "FROM ") // never called cached
		if ran[dgst] && !cached[dgst] && (!isImage || fetched[dgst]) {
			out.ran = append(out.ran, name)
			out.logs[name] += logs[dgst]
		} else if loaded[dgst] {
			out.loaded = append(out.loaded, name)
		}
	}
	slices.Sort(out.ran)
	return out, nil
}

// stepOf is the instruction of a step without the service and the stage that the progress shows, and without the digest of an
// image. It is empty for what is no step.
func stepOf(name string) string {
	at := strings.Index(name, "] ")
	if !strings.HasPrefix(name, "[") || at < 0 || !strings.Contains(name[:at], "/") {
		return ""
	}
	name = name[at+2:]
	if strings.HasPrefix(name, "FROM ") {
		name, _, _ = strings.Cut(name, "@")
		name = strings.Replace(name, "docker.io/", "", 1)
	}
	return name
}

// cacheRecord is a record as buildctl prints it.
type cacheRecord struct {
	ID          string
	Description string
	RecordType  string
	Size        int64
	CreatedAt   time.Time
	LastUsedAt  *time.Time
	UsageCount  int
	Parents     []string
}

func (h *historyWorld) records(t *twin) (map[string]cacheRecord, error) {
	text, _, err := h.run(h.dir, "tools/buildctl", "--addr", t.address, "du", "--format", "{{json .}}")
	if err != nil {
		return nil, err
	}
	out := map[string]cacheRecord{}
	d := json.NewDecoder(bytes.NewReader(text))
	for d.More() {
		var list []cacheRecord
		if err := d.Decode(&list); err != nil {
			return nil, err
		}
		for _, r := range list {
			out[r.ID] = r
		}
	}
	return out, nil
}
