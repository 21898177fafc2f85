package ledger

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)

// build is a build of web whose key is of n, on builder.
func build(id, builder string) Build {
	return Build{
		ID: id, Started: epoch, Seconds: 4.5, Kind: "prod",
		Builder: Builder{ID: builder, Name: "default", Driver: "docker", Version: "v0.34.2"},
		Targets: []Target{{Service: "web", Stage: "prod", Key: "graph-" + id, Digest: "sha256:image"}},
	}
}

// results are those of n steps of web. Their keys and digests are of the variant, their definitions are not.
func results(n int, variant string) []Result {
	var all []Result
	for i := range n {
		r := Result{
			Service: "web", Status: Ran, Started: epoch.Add(time.Duration(i) * time.Second), Seconds: float64(i) + 0.5,
			CPUSeconds: 1.25, PeakMemory: 1 << 30, IOBytes: 4096, Unsure: i%2 == 0,
			Step: steps.Step{
				Key: sum([]byte(variant+fmt.Sprint(i))) + strings.Repeat("0", 40), Digest: digest(variant, i), Inputs: []string{},
				Name: fmt.Sprintf("[prod %d/%d] RUN make && <in> %d", i+1, n, i), Stage: "prod", File: "/src/Dockerfile", Line: i + 1, EndLine: i + 2,
				Text: fmt.Sprintf("make && <in> %d", i), Self: "sha256:self", Env: map[string]string{"PATH": "/bin"},
				Base: &steps.Base{Ref: "alpine:3", Digest: "sha256:base"}, Files: digest("files", i),
				Mounts: []steps.Mount{{ID: "/c", Target: "/c", Sharing: "shared"}}, NoCache: i == 1,
			},
		}
		if i > 0 {
			r.Step.Inputs = []string{digest(variant, i-1)}
		}
		all = append(all, r)
	}
	return all
}

func digest(variant string, i int) string {
	return "sha256:" + sum([]byte(fmt.Sprint(variant, "#", i))) + strings.Repeat("0", 40)
}

func read(t testing.TB, l *Ledger) *History {
	t.Helper()
	h, err := l.Read()
	assert.NilError(t, err)
	return h
}

func equal(t testing.TB, got BuildRecord, b Build, want []Result) {
	t.Helper()
	assert.DeepEqual(t, got.Build, b)
	assert.Equal(t, len(got.Results), len(want))
	for i, r := range got.Results {
		want[i].Step.Takes = nil
		if !reflect.DeepEqual(r.Result, want[i]) {
			t.Fatalf("got  %+v\nwant %+v", r.Result, want[i])
		}
	}
}

func ids(h *History) []string {
	var all []string
	for _, b := range h.Builds {
		all = append(all, b.ID)
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	l := New(filepath.Join(t.TempDir(), "new", "dir"))
	assert.Equal(t, len(read(t, l).Builds), 0)
	assert.NilError(t, l.Append(build("one", "b"), results(4, "x")))
	broken := build("two", "b")
	broken.Error, broken.NoCache, broken.Targets[0].Error, broken.Targets[0].Platform = "exit 1", true, "exit 1", "linux/arm64"
	failed := results(4, "y")
	failed[3].Status, failed[2].Step.Key, failed[2].Step.Unknown = Failed, "", "a remote context"
	assert.NilError(t, l.Append(broken, failed))
	assert.NilError(t, l.Append(Build{}, nil))

	h := read(t, l)
	assert.Equal(t, h.Skipped, 0)
	assert.Equal(t, len(h.Builds), 3)
	equal(t, h.Builds[0], build("one", "b"), results(4, "x"))
	equal(t, h.Builds[1], broken, failed)
	assert.Assert(t, h.Builds[2].ID != "")
	text, err := os.ReadFile(l.path())
	assert.NilError(t, err)
	assert.Equal(t, strings.Count(string(text), `"kind":"definition"`), 4)

	for _, name := range []string{"ledger.jsonl", "ledger.lock", "."} {
		info, err := os.Stat(filepath.Join(l.dir, name))
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm()&0o077, os.FileMode(0), name)
	}
}

func TestAppendRefusesWhatJSONCannotSay(t *testing.T) {
	l := New(t.TempDir())
	zero := 0.0
	assert.ErrorContains(t, l.Append(Build{Seconds: zero / zero}, nil), "NaN")
	assert.Equal(t, len(read(t, l).Builds), 0)
}

// Every field of the lines and side files is explained.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/ledger.md")
	assert.NilError(t, err)
	for _, line := range []any{buildLine{}, stepLine{}, definitionLine{}, steps.File{}} {
		for _, name := range fields(reflect.TypeOf(line)) {
			assert.Check(t, strings.Contains(string(page), "`"+name+"`"), "docs/ledger.md does not explain %s", name)
		}
	}
}

func fields(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return fields(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return nil
		}
	default:
		return nil
	}
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
		names = append(names, fields(f.Type)...)
	}
	return names
}

// A field that steps.Step gets later is stored with the definition, without a change here.
func TestLinesHaveNoStep(t *testing.T) {
	_, line := split(results(1, "x")[0])
	text, err := json.Marshal(line)
	assert.NilError(t, err)
	assert.Assert(t, !strings.Contains(string(text), `"step":`))
}
