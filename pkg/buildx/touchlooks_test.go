package buildx

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	"gotest.tools/v3/assert"
)

func execNode(args ...string) *node {
	return &node{op: &pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{Meta: &pb.Meta{Args: args}}}}, name: "[a 1/2] RUN " + strings.Join(args, " ")}
}

func sourceNode(identifier string) *node {
	return &node{op: &pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{Identifier: identifier}}}}
}

func fileNode(name string, inputs ...*node) *node {
	n := &node{op: &pb.Op{Op: &pb.Op_File{File: &pb.FileOp{}}}, name: name, outputs: []int64{0}}
	for _, in := range inputs {
		n.inputs = append(n.inputs, edge{node: in})
	}
	return n
}

// Whatever looks like a step must be found by its looks.
func TestLooks(t *testing.T) {
	nodes := []*node{
		execNode("/bin/sh", "-c", "make all"), execNode("make"), execNode(), execNode("/bin/sh", "-c", "a from exec make"), execNode("x", ""),
		sourceNode("docker-image://docker.io/library/node:18@sha256:18"), sourceNode("docker-image://docker.io/library/node:18"),
		sourceNode("docker-image://a@b@sha256:20"), sourceNode("local://context"), sourceNode("https://example.com/a"),
		fileNode("[a 1/2] COPY . /srv"), fileNode("[b 2/3] ADD --link ./ /srv/"), fileNode("WORKDIR /"), fileNode(""),
	}
	descriptions := []string{
		"", "imported sha256:1 layer", "mount / from exec /bin/sh -c make all", "mount /out from exec make", "mount / from exec ",
		"mount / from exec /bin/sh -c a from exec make", "mount / from exec x ", "pulled from docker.io/library/node:18@sha256:18",
		"pulled from docker.io/library/node:18", "pulled from other@sha256:18", "pulled from c@b@sha256:20", "[a 7/9] COPY . /srv",
		"[linux/arm64 c 1/1] COPY --from=x . /srv", "COPY . /srv", "WORKDIR /", "local source for context", "pulled from https://example.com/a",
	}
	l, found := newLooks(), 0
	var records []*client.UsageInfo
	for i, d := range descriptions {
		records = append(records, &client.UsageInfo{ID: fmt.Sprint(i), Description: d})
		l.add(records[i])
		l.add(records[i])
	}
	for _, n := range nodes {
		of := l.of(n)
		assert.DeepEqual(t, of, slices.Compact(slices.Sorted(slices.Values(of))))
		for _, r := range records {
			if n.looksLike(r) {
				found++
				assert.Check(t, slices.Contains(of, r.ID), "%q, %q", n.name+n.op.GetSource().GetIdentifier(), r.Description)
			}
		}
	}
	assert.Assert(t, found > 15, found)

	// A record that gets its description late is found by it.
	late := &client.UsageInfo{ID: "late"}
	l.add(late)
	late = &client.UsageInfo{ID: "late", Description: "WORKDIR /"}
	l.add(late)
	assert.Check(t, slices.Contains(l.of(fileNode("WORKDIR /")), "late"))
}
