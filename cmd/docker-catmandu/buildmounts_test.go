package main

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/depot"
	"github.com/docker-catmandu/docker-catmandu/pkg/mounts"
)

func mountResult(id, result string, files int, bytes, moved int64) carried {
	return carried{Mount: mounts.Mount{ID: id}, Result: result, Files: files, Bytes: bytes, Moved: moved}
}

func TestCacheMountsAreSummedUp(t *testing.T) {
	for _, test := range []struct {
		there, back []carried
		unsaved     string
		want        string
	}{
		{want: ""},
		{
			there: []carried{mountResult("a", mountRestored, 3, 5e6, 2e6), mountResult("b", mountMissing, 0, 0, 0), mountResult("c", mountKept, 9, 9e6, 0)},
			back:  []carried{mountResult("a", mountUnchanged, 3, 5e6, 0), mountResult("b", mountSaved, 4, 2e6, 1e6), mountResult("c", mountSaved, 9, 9e6, 5e5)},
			want: "1 of 3 restored from place in 1.2 s, 3 files with 5MB, 2MB fetched, 1 with something in them left alone; " +
				"2 saved in 0.5 s, 1.5MB stored, 1 as stored before",
		},
		{
			there: []carried{mountResult("a", mountMissing, 0, 0, 0)},
			back:  []carried{mountResult("a", mountSaved, 4, 2e6, 1e6)},
			want:  "none stored yet; 1 saved in 0.5 s, 1MB stored",
		},
		{
			there: []carried{mountResult("a", mountMissing, 0, 0, 0)}, unsaved: "the build failed",
			want: "none stored yet; not saved: the build failed",
		},
		{ // every step of them was cached, so that none was made
			there: []carried{mountResult("a", mountMissing, 0, 0, 0), mountResult("b", mountMissing, 0, 0, 0)},
			back:  []carried{mountResult("a", mountMissing, 0, 0, 0), mountResult("b", mountEmpty, 0, 0, 0)},
			want:  "none stored yet; nothing in them to save",
		},
		{
			there: []carried{mountResult("a", mountBusy, 0, 0, 0)},
			back:  []carried{mountResult("a", mountBusy, 0, 0, 0)},
			want:  "1 in use by another build; 1 not saved, in use by another build",
		},
		{
			there: []carried{mountResult("a", mountKept, 0, 0, 0)},
			back:  []carried{mountResult("a", mountUnchanged, 3, 5e6, 0)},
			want:  "1 with something in them left alone; 1 as stored before, compared in 0.5 s",
		},
		{ // warnings have said it
			there: []carried{mountResult("a", failed, 0, 0, 0)},
			back:  []carried{mountResult("a", failed, 0, 0, 0)},
			want:  "",
		},
	} {
		r := &roundTrip{carriage: &carriage{depot: &depot.Depot{Name: "place"}}, there: leg{test.there, 1.2}, back: leg{test.back, 0.5}, unsaved: test.unsaved}
		assert.Equal(t, r.sentence(), test.want)
	}
}

// A place that is broken is so for all mounts.
func TestFailedCacheMountsAreToldOnce(t *testing.T) {
	all := []carried{
		{Mount: mounts.Mount{ID: "/npm"}, Error: "r.example/x: POST a: 403 Forbidden\nhint: docker login r.example"},
		{Mount: mounts.Mount{ID: "/go"}},
		{Mount: mounts.Mount{ID: "/apt"}, Error: "r.example/x: mount-1: damaged"},
		{Mount: mounts.Mount{ID: "/pip"}, Error: "r.example/x: POST b: 403 Forbidden"},
	}
	assert.DeepEqual(t, failedMounts(all, "saved"), []string{
		`warning: 2 cache mounts ("/npm", "/pip") are not saved: r.example/x: POST a: 403 Forbidden` + "\nhint: docker login r.example",
		`warning: cache mount "/apt" is not saved: r.example/x: mount-1: damaged`,
	})
}

func TestBuildGoesOnWithoutCacheMounts(t *testing.T) {
	inProject(t, shop)
	f := &fakeBuilder{result: &buildx.Result{Targets: []buildx.TargetResult{{Service: "web"}}}}
	_, stderr, err := runCommand(t, f, "build", "--cache-mounts", "web")
	assert.NilError(t, err)
	assert.Equal(t, len(f.plan.Targets), 1)
	assert.Assert(t, strings.HasPrefix(stderr, "warning: cache mounts are neither restored nor saved: the builder is not running\nSERVICE"), stderr)

	for _, args := range [][]string{
		{"--cache-mounts=nowhere"},
		{"--cache-mounts=local="},
		{"--cache-mounts", "registry=example.com/x"},
	} {
		f.plan = nil
		_, _, err = runCommand(t, f, append([]string{"build"}, args...)...)
		assert.Equal(t, exitStatus(t.Output(), err), statusUsage, "%v: %v", args, err)
		assert.Assert(t, f.plan == nil)
	}
}
