package buildx

import (
	"errors"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"gotest.tools/v3/assert"
)

func TestTouchOld(t *testing.T) {
	for _, version := range []string{"", "v0.8.2", "v0.32.1"} {
		_, err := (&Live{Version: version}).Touch(t.Context(), nil, TouchOptions{})
		assert.Equal(t, errors.Is(err, ErrNoProbe), true, "%s: %v", version, err)
	}
}

func TestInstruction(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"[build 2/5] COPY . .", "[build 2/6] COPY . .", true},
		{"[linux/amd64 a 2/5] COPY --from=b /x /y", "[a 2/5] COPY --from=c /x /y", true},
		{"[2/5] ADD ./src src/", "[2/5] COPY src src", true},
		{"[2/5] WORKDIR /a", "[2/5] WORKDIR /b", false},
		{"[2/5] COPY a b", "[2/5] LINK COPY a b", false},
	} {
		assert.Equal(t, instruction(tc.a) == instruction(tc.b), tc.same, "%s, %s", tc.a, tc.b)
	}
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
