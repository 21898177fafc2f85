package buildx

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/proto"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// probeGraph are the operations of several graphs, each once, inputs first.
type probeGraph struct {
	nodes []*node
}

// node is one operation.
type node struct {
	op     *pb.Op
	inputs []edge
	name   string
	// digests are those of the operation in the graphs that it is of; dir is the folder of a local source.
	digests []string
	dir     string
	// outputs are the results that others, or the build itself, take of it.
	outputs []int64

	state   nodeState
	why     string
	records []string
	// asked counts the questions.
	asked int
	// vertex is what BuildKit calls it now.
	vertex digest.Digest
}

// edge is a result of an operation that another takes.
type edge struct {
	node  *node
	index int64
}

type nodeState int

const (
	isUnknown nodeState = iota
	// isHit has a result in the cache.
	isHit
	// isBarred has none, and none can be made: it depends on a folder that is not sent.
	isBarred
	// isBroken has none, and making one fails: it depends on a command that can't be run.
	isBroken
	// isMissing has none, and BuildKit would make one if it were asked for it.
	isMissing
)

const imageScheme = "docker-image://"

// newProbeGraph joins graphs. A folder that several read with the same ignore file is one source, as in a joint build.
func newProbeGraph(sources []steps.Source) (*probeGraph, error) {
	g := &probeGraph{}
	known := map[string]*node{}
	for _, s := range sources {
		own := map[string]*node{} // by the digest in this graph
		for _, text := range s.Definition.GetDef() {
			op := &pb.Op{}
			if err := op.UnmarshalVT(text); err != nil {
				return nil, fmt.Errorf("service %q: %w", s.Service, err)
			}
			dgst := digest.FromBytes(text).String()
			if op.Op == nil { // the end of the graph
				for _, in := range op.Inputs {
					if from := own[in.Digest]; from != nil {
						from.take(in.Index)
					}
				}
				continue
			}
			n, err := newNode(op, own, s.Folders)
			if err != nil {
				return nil, fmt.Errorf("service %q: %w", s.Service, err)
			}
			n.name = s.Definition.Metadata[dgst].GetDescription()["llb.customname"]
			key, err := n.key()
			if err != nil {
				return nil, err
			}
			if same := known[key]; same != nil {
				same.join(n)
				n = same
			} else {
				known[key] = n
				g.nodes = append(g.nodes, n)
			}
			if !slices.Contains(n.digests, dgst) {
				n.digests = append(n.digests, dgst)
			}
			own[dgst] = n
		}
	}
	return g, nil
}

func newNode(op *pb.Op, own map[string]*node, folders map[string]string) (*node, error) {
	n := &node{op: op}
	for _, in := range op.Inputs {
		from := own[in.Digest]
		if from == nil {
			return nil, fmt.Errorf("no input %s", in.Digest)
		}
		from.take(in.Index)
		n.inputs = append(n.inputs, edge{from, in.Index})
	}
	if name, ok := strings.CutPrefix(op.GetSource().GetIdentifier(), frontend.LocalScheme); ok {
		n.dir = folders[name]
		// These are of one build only.
		delete(op.GetSource().Attrs, pb.AttrLocalSessionID)
		delete(op.GetSource().Attrs, pb.AttrLocalUniqueID)
	}
	if exec := op.GetExec(); exec != nil {
		bar(exec)
	}
	return n, nil
}

// bar makes it impossible to run a command: no process can have a NUL in its environment. Proxies are no part of the key
// that a result is found by.
func bar(exec *pb.ExecOp) {
	if exec.Meta != nil {
		exec.Meta.ProxyEnv = &pb.ProxyEnv{HttpProxy: "\x00"}
	}
}

// isLocal tells whether it is a folder of this machine.
func (n *node) isLocal() bool {
	return strings.HasPrefix(n.op.GetSource().GetIdentifier(), frontend.LocalScheme)
}

// take notes that a result is taken.
func (n *node) take(index int64) {
	if !slices.Contains(n.outputs, index) {
		n.outputs = append(n.outputs, index)
	}
}

// key is the same for operations that are one.
func (n *node) key() (string, error) {
	op := n.op.CloneVT()
	op.Inputs = nil
	if n.isLocal() {
		source := op.GetSource()
		source.Identifier = n.dir
		delete(source.Attrs, pb.AttrFollowPaths)
	}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(op)
	if err != nil {
		return "", err
	}
	key := digest.FromBytes(text).String()
	for _, in := range n.inputs {
		key += fmt.Sprintf(" %p.%d", in.node, in.index)
	}
	return key, nil
}

// join adds what another source of the same folder asks for.
func (n *node) join(other *node) {
	if !n.isLocal() {
		return
	}
	var paths []string
	for _, each := range []*node{n, other} {
		text, some := each.op.GetSource().Attrs[pb.AttrFollowPaths]
		var own []string
		if !some || json.Unmarshal([]byte(text), &own) != nil {
			delete(n.op.GetSource().Attrs, pb.AttrFollowPaths)
			return
		}
		paths = append(paths, own...)
	}
	slices.Sort(paths)
	text, err := json.Marshal(slices.Compact(paths))
	if err != nil { // strings always are JSON
		return
	}
	n.op.GetSource().Attrs[pb.AttrFollowPaths] = string(text)
}

// inquiry is a graph to be asked for.
type inquiry struct {
	def     *pb.Definition
	digests map[*node]string
	texts   map[string][]byte // by digest
	// id begins all names; locals are what local sources are now.
	id     string
	locals func(*node) *pb.Op
}

func newInquiry(id string, locals func(*node) *pb.Op) *inquiry {
	return &inquiry{
		def: &pb.Definition{Metadata: map[string]*pb.OpMetadata{}}, digests: map[*node]string{}, texts: map[string][]byte{}, id: id, locals: locals,
	}
}

// add adds an operation and all that it is made of, and returns its digest.
func (r *inquiry) add(n *node) (string, error) {
	if dgst, ok := r.digests[n]; ok {
		return dgst, nil
	}
	op := n.op
	if n.isLocal() {
		op = r.locals(n)
	}
	op = op.CloneVT()
	op.Inputs = nil
	for _, in := range n.inputs {
		dgst, err := r.add(in.node)
		if err != nil {
			return "", err
		}
		op.Inputs = append(op.Inputs, &pb.Input{Digest: dgst, Index: in.index})
	}
	dgst, err := r.put(op, n.name)
	r.digests[n] = dgst
	return dgst, err
}

// put adds an operation whose inputs are there.
func (r *inquiry) put(op *pb.Op, name string) (string, error) {
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(op)
	if err != nil {
		return "", err
	}
	dgst := digest.FromBytes(text).String()
	if r.def.Metadata[dgst] == nil {
		r.def.Def, r.texts[dgst] = append(r.def.Def, text), text
		r.def.Metadata[dgst] = &pb.OpMetadata{Description: map[string]string{"llb.customname": r.id + " " + name}}
	}
	return dgst, nil
}

// part is one result of an operation that was added, with what it is made of and no more.
func (r *inquiry) part(n *node, index int64) (*pb.Definition, error) {
	out := newInquiry(r.id, r.locals)
	var add func(n *node)
	add = func(n *node) {
		dgst := r.digests[n]
		if out.def.Metadata[dgst] != nil {
			return
		}
		for _, in := range n.inputs {
			add(in.node)
		}
		out.def.Def, out.def.Metadata[dgst] = append(out.def.Def, r.texts[dgst]), r.def.Metadata[dgst]
	}
	add(n)
	return out.end(r.digests[n], index)
}

// end makes one result of the graph that of the whole.
func (r *inquiry) end(dgst string, index int64) (*pb.Definition, error) {
	text, err := (&pb.Op{Inputs: []*pb.Input{{Digest: dgst, Index: index}}}).MarshalVT()
	if err != nil {
		return nil, err
	}
	return &pb.Definition{Def: append(slices.Clone(r.def.Def), text), Metadata: maps.Clone(r.def.Metadata)}, nil
}
