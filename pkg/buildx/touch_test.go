package buildx

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	"gotest.tools/v3/assert"
)

func TestTouchOld(t *testing.T) {
	for _, version := range []string{"", "v0.8.2", "v0.32.1"} {
		_, err := (&Live{Version: version}).Touch(t.Context(), nil, TouchOptions{})
		assert.Equal(t, errors.Is(err, ErrNoProbe), true, "%s: %v", version, err)
	}
}

// TestMoved: what was used before the first question was used by a look at the records, or by a build.
func TestMoved(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	used := func(kind client.UsageRecordType, minutes, uses int) *client.UsageInfo {
		at := noon.Add(time.Duration(minutes) * time.Minute)
		return &client.UsageInfo{RecordType: kind, LastUsedAt: &at, UsageCount: uses, CreatedAt: at}
	}
	p := &probe{id: "probe-x", graph: &probeGraph{}, seen: newSightings()}
	p.before = map[string]*client.UsageInfo{
		"still": used("", -9, 1), "looked at": used("", -9, 1), "asked for": used("", -9, 1), "mount": used(client.UsageRecordTypeCacheMount, -9, 1),
	}
	p.after = map[string]*client.UsageInfo{
		"still": used("", -9, 1), "looked at": used("", -1, 2), "asked for": used("", 1, 2), "mount": used(client.UsageRecordTypeCacheMount, 1, 2),
		"built before": used("", -1, 1), "new": used("", 1, 1),
	}
	for _, r := range p.after {
		r.Description = p.id
	}
	late := noon.Add(time.Hour)
	p.seen.add(&client.SolveStatus{Vertexes: []*client.Vertex{{Started: &late}, {Started: &noon}, {}}})
	assert.DeepEqual(t, slices.Sorted(maps.Keys(p.moved())), []string{"asked for", "new"})
	assert.DeepEqual(t, p.made(), []string{"new"}) // by its description, whatever else is new
}

// TestTried has a chain of steps of which BuildKit comes to those that have no result, unless a folder is in the way.
func TestTried(t *testing.T) {
	exec := func(name string, state nodeState, inputs ...*node) *node {
		n := &node{name: name, state: state, op: &pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{}}}}
		for _, in := range inputs {
			n.inputs = append(n.inputs, edge{node: in})
		}
		return n
	}
	image, folder := &node{state: isHit, op: &pb.Op{}}, &node{state: isBarred, op: &pb.Op{}}
	first, broken := exec("first", isHit, image), exec("broken", isBroken, image)
	after := &node{op: &pb.Op{Op: &pb.Op_File{File: &pb.FileOp{}}}, inputs: []edge{{node: broken}}}
	for _, tc := range []struct {
		n    *node
		want []string
	}{
		{exec("one", isUnknown, first), []string{"one"}},
		{exec("two", isUnknown, first, broken, after), []string{"broken", "two"}},
		{exec("three", isUnknown, folder, broken), []string{"broken"}},
		{exec("four", isUnknown, first, folder), nil},
		{after, []string{"broken"}},
		{&node{op: &pb.Op{}, inputs: []edge{{node: first}}}, nil},
	} {
		var names []string
		for _, n := range tc.n.tried() {
			names = append(names, n.name)
		}
		assert.DeepEqual(t, names, tc.want)
	}
}

func TestPreparation(t *testing.T) {
	for name, want := range map[string]bool{
		"[internal] load build definition from Dockerfile": true, "docker-image://docker.io/docker/dockerfile:1": true,
		"[auth] library/alpine:pull token for registry": true, "[web 2/3] RUN make": false, "[1/2] FROM scratch": false, "sh -c make": false,
	} {
		assert.Equal(t, isPreparation(name), want, name)
	}
}
