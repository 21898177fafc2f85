//go:build e2e

package buildx_test

import (
	"fmt"
	"os/exec"
	"sort"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// touch probes for a plan. Whatever it finds, it may leave no other records behind than there were.
func (w *world) touch(p *targets.Plan) (*buildx.Touched, map[string]string) {
	w.t.Helper()
	sources := w.sources(p)
	before := w.settled()
	ran, start := w.ran.Load(), time.Now()
	found, err := w.live.Touch(w.t.Context(), sources, buildx.TouchOptions{})
	assert.NilError(w.t, err)
	assert.Equal(w.t, w.ran.Load(), ran, "a step ran")
	ops := map[string]string{} // digest to name
	for _, s := range sources {
		for dgst, m := range s.Definition.Metadata {
			ops[dgst] = m.Description["llb.customname"]
		}
	}
	w.t.Logf("%d operations, %d records: %s", len(ops), len(before), time.Since(start).Round(time.Millisecond))
	after := w.settled()
	for id, r := range after {
		_, was := before[id]
		assert.Check(w.t, was || r.Type == buildx.LocalRecord && len(before) < 3, "new: %s %s %s", r.Type, r.Description, id)
	}
	for id, r := range before {
		_, is := after[id]
		assert.Check(w.t, is, "gone: %s %s", r.Type, r.Description)
	}
	missing := map[string]string{}
	for dgst, why := range found.Missing {
		missing[ops[dgst]] = why
	}
	return found, missing
}

const webDockerfile = `FROM @ AS deps
WORKDIR /app
COPY deps.txt .
RUN --mount=type=cache,target=/cache cat deps.txt >/cache/deps && echo deps >/deps
FROM deps AS build
COPY src src
RUN cat src/* >/app/out
FROM @ AS assets
COPY --link src/a.txt /assets/
RUN echo assets >/assets/more
FROM @
RUN echo final
COPY --from=build /app/out /out
COPY --from=assets --link /assets /assets
RUN --mount=type=bind,from=build,target=/b ls /b
COPY <<EOT /notes
hello
EOT
`

func newShop(t testing.TB) *world {
	w := newWorld(t)
	w.write(map[string]string{
		"web/Dockerfile": webDockerfile, "web/deps.txt": "one\n", "web/src/a.txt": "a\n", "web/src/b.txt": "b\n",
		"api/Dockerfile": strings.ReplaceAll(webDockerfile, "echo final", "echo api"),
		"api/deps.txt":   "one\n", "api/src/a.txt": "a\n", "api/src/b.txt": "api\n",
	})
	return w
}

func TestTouch(t *testing.T) {
	w := newShop(t)
	plan := w.plan("web", "api")
	w.build(plan)
	assert.Assert(t, w.ran.Load() > 5 || w.isEngine())
	found, missing := w.touch(plan)
	assert.Equal(t, len(missing), 0, "%v", missing)
	assert.DeepEqual(t, w.unexplained(found), []string(nil))
	for _, ids := range found.Records {
		assert.Assert(t, len(ids) > 0)
	}
	assert.Equal(t, w.build(plan), 0)
}

// unexplained are the descriptions of records that a probe did not find, and that what it found is not built on.
func (w *world) unexplained(found *buildx.Touched) []string {
	w.t.Helper()
	all := w.records()
	known := map[string]bool{}
	var add func(id string)
	add = func(id string) {
		known[id] = true
		for _, parent := range all[id].Parents {
			add(parent)
		}
	}
	for _, id := range found.Loaded {
		add(id)
	}
	var out []string
	for id, r := range all {
		if !known[id] && r.Type == buildx.RegularRecord {
			out = append(out, r.Description)
		}
	}
	sort.Strings(out)
	return out
}

// remove removes the records whose descriptions have a text in them.
func (w *world) remove(text string) {
	w.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var ids []string
		for id, r := range w.records() {
			if strings.Contains(r.Description, text) {
				ids = append(ids, id)
			}
		}
		gone, err := w.live.Remove(w.t.Context(), ids)
		assert.NilError(w.t, err)
		if len(gone) == len(ids) && len(ids) > 0 {
			return
		}
	}
	w.t.Fatalf("could not remove %q", text)
}

// brief are the names of steps up to the instruction, sorted.
func brief(missing map[string]string) []string {
	var out []string
	for name := range missing {
		stage, text, _ := strings.Cut(name, "] ")
		instruction, _, _ := strings.Cut(text, " ")
		out = append(out, stage+"] "+instruction)
	}
	sort.Strings(out)
	return out
}

// TestTouchRemoved removes results of steps. A build may go without some of them: it finds what is made of them.
func TestTouchRemoved(t *testing.T) {
	for _, tc := range []struct {
		name    string
		remove  []string
		missing []string
		runs    int
	}{
		{"command", []string{"cat src/*"}, []string{"[build 2/2] RUN"}, 0},
		{"stage", []string{"cat src/*", "[build 1/2]"}, []string{"[build 1/2] COPY", "[build 2/2] RUN"}, 0},
		{
			"stages",
			[]string{"cat src/*", "[build 1/2]", "echo deps", "[deps"},
			[]string{"[build 1/2] COPY", "[build 2/2] RUN", "[deps 2/4] WORKDIR", "[deps 3/4] COPY", "[deps 4/4] RUN"},
			0,
		},
		{"linked", []string{"echo assets", "[assets 2/3] LINK"}, []string{"[assets 2/3] LINK", "[assets 3/3] RUN"}, 0},
		{"last", []string{"COPY <<EOT"}, []string{"[stage-3 6/6] COPY"}, 1},
		{
			"end",
			[]string{"COPY <<EOT", "ls /b", "[stage-3 4/6] LINK", "[stage-3 4/6] COPY"},
			[]string{"[stage-3 4/6] COPY", "[stage-3 4/6] LINK", "[stage-3 5/6] RUN", "[stage-3 6/6] COPY"},
			4,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newShop(t)
			plan := w.plan("web")
			w.build(plan)
			for _, text := range tc.remove {
				w.remove(text)
			}
			_, missing := w.touch(plan)
			assert.DeepEqual(t, brief(missing), tc.missing)
			assert.Equal(t, w.build(plan), tc.runs)
		})
	}
}

// TestTouchEdited has files that are others than when they were built last, and then as they were once.
func TestTouchEdited(t *testing.T) {
	w := newShop(t)
	plan := w.plan("web")
	w.build(plan)
	w.write(map[string]string{"web/src/a.txt": "another\n"})
	for range 2 {
		_, missing := w.touch(plan)
		assert.DeepEqual(t, brief(missing), []string{
			"[assets 2/3] COPY", "[assets 2/3] LINK", "[assets 3/3] RUN", "[build 1/2] COPY", "[build 2/2] RUN",
			"[stage-3 3/6] COPY", "[stage-3 4/6] COPY", "[stage-3 4/6] LINK", "[stage-3 5/6] RUN", "[stage-3 6/6] COPY",
		})
	}
	w.build(plan)
	_, missing := w.touch(plan)
	assert.Equal(t, len(missing), 0, "%v", missing)
	w.write(map[string]string{"web/src/a.txt": "a\n"})
	_, missing = w.touch(plan)
	assert.Equal(t, len(missing), 0, "%v", missing)
	assert.Equal(t, w.build(plan), 0)
}

// TestTouchSame has steps that are found under other names than they were made by, and by what they take.
func TestTouchSame(t *testing.T) {
	w := newWorld(t)
	const dockerfile = `FROM @ AS one
WORKDIR /w
COPY file .
RUN cat file >out
FROM ` + "@" + `
COPY --from=one /w/out /out
RUN cat /out
`
	w.write(map[string]string{"web/Dockerfile": dockerfile, "web/file": "1\n"})
	plan := w.plan("web")
	w.build(plan)
	for _, change := range []struct{ from, to string }{
		{"one", "two"},                      // the stage
		{"cat file >out", "cat <file >out"}, // another command, the same result
		{"COPY file .", "COPY ./file ./"},
		{"@", strings.ReplaceAll(w.image, ":1", ":onbuild")},
	} {
		t.Log(change.to)
		text := strings.ReplaceAll(dockerfile, change.from, change.to)
		w.write(map[string]string{"web/Dockerfile": text})
		w.build(plan)
		found, missing := w.touch(plan)
		assert.Equal(t, len(missing), 0, "%v", missing)
		for dgst, ids := range found.Records {
			assert.Assert(t, len(ids) > 0, dgst)
		}
		assert.Equal(t, w.build(plan), 0)
	}
}

func TestTouchNothing(t *testing.T) {
	w := newShop(t)
	plan := w.plan("web")
	_, missing := w.touch(plan)
	assert.Equal(t, len(missing), 16, "%v", missing)
	assert.Equal(t, w.ran.Load(), int32(0))
}

// TestTouchJoint has folders that builds know by another name.
func TestTouchJoint(t *testing.T) {
	w := newShop(t)
	w.write(map[string]string{"compose.yaml": "services:\n  web: {build: web}\n  api: {build: api}\n"})
	out, err := exec.Command("../../bin/docker-catmandu", "--project-directory", w.dir, "build", "--builder", "touch", "--output", "type=cacheonly").CombinedOutput()
	assert.NilError(t, err, "%s\nhint: make build", out)
	found, missing := w.touch(w.plan("web", "api"))
	assert.Equal(t, len(missing), 0, "%v", missing)
	assert.DeepEqual(t, w.unexplained(found), []string(nil))
}

// TestTouchAlike has steps that look like cached ones and are not.
func TestTouchAlike(t *testing.T) {
	w := newWorld(t)
	const dockerfile = `FROM @ AS build
ENV A=1
WORKDIR /w
RUN --mount=type=cache,target=/cache echo $A >/w/out && echo $A >/cache/a
FROM @
COPY --from=build /w/out /out
RUN cat /out
COPY <<EOT /notes
hello $A
EOT
`
	w.write(map[string]string{"web/Dockerfile": dockerfile})
	plan := w.plan("web")
	w.build(plan)
	w.remove("cached mount")
	w.write(map[string]string{"web/Dockerfile": strings.ReplaceAll(dockerfile, "A=1", "A=2")})
	_, missing := w.touch(plan)
	assert.DeepEqual(t, brief(missing), []string{"[build 3/3] RUN", "[stage-1 2/4] COPY", "[stage-1 3/4] RUN", "[stage-1 4/4] COPY"})
	// Only the first stage is built: what the second one takes of it is another.
	first := w.plan("web")
	first.Targets[0].Stage, first.Targets[0].Build.Target = "build", "build"
	assert.Equal(t, w.build(first), 1)
	_, missing = w.touch(plan)
	assert.DeepEqual(t, brief(missing), []string{"[stage-1 2/4] COPY", "[stage-1 3/4] RUN", "[stage-1 4/4] COPY"})
	assert.Equal(t, w.build(plan), 3)
	_, missing = w.touch(plan)
	assert.Equal(t, len(missing), 0)
}

// BenchmarkTouch asks for a chain of steps in a cache of some hundred records.
func BenchmarkTouch(b *testing.B) {
	w := newWorld(b)
	var text strings.Builder
	text.WriteString("FROM @\n")
	for i := range 100 {
		fmt.Fprintf(&text, "WORKDIR /d%d\nCOPY file .\n", i)
	}
	w.write(map[string]string{"web/Dockerfile": text.String(), "web/file": "1\n"})
	plan := w.plan("web")
	w.build(plan)
	sources := w.sources(plan)
	for b.Loop() {
		found, err := w.live.Touch(b.Context(), sources, buildx.TouchOptions{})
		assert.NilError(b, err)
		assert.Equal(b, len(found.Missing), 0)
	}
}
