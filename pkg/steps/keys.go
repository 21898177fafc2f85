package steps

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Rules say how a builder makes its cache keys.
type Rules struct {
	// Plain takes operations as they are, for a BuildKit whose rules aren't those below: what it would leave out of its
	// key makes a new key here. That is wrong only in saying that a step runs which doesn't.
	Plain bool
}

// operation is what an operation adds to its own key: all of it but its inputs.
type operation struct {
	// self is the digest of what it does.
	self digest.Digest
	// content has for every input what is compared of its files; nil compares the key of the input.
	content [][]selector
	// paths are where in an input mounts begin; they count where the key of the input does.
	paths [][]string
	// unknown says why it has no key.
	unknown string
}

// selector is a part of the files of an input, as BuildKit's opsutils.Selector.
type selector struct {
	Path            string
	Wildcard        bool
	FollowLinks     bool
	IncludePatterns []string
	ExcludePatterns []string
	RequiredPaths   []string
}

// filters tells whether the selector is more than a path.
func (s selector) filters() bool {
	return s.Wildcard || len(s.IncludePatterns) > 0 || len(s.ExcludePatterns) > 0
}

// operationOf follows the CacheMap functions of BuildKit's solver/llbsolver/ops; TestOperations asks them.
func operationOf(op *pb.Op, r Rules) (operation, error) {
	o, err := operation{}, error(nil)
	switch body := op.Op.(type) {
	case *pb.Op_Exec:
		o, err = execOperation(op, body.Exec)
	case *pb.Op_File:
		o, err = fileOperation(op, body.File)
	case *pb.Op_Merge:
		o.self, err = digestOf("buildkit.merge.v0", body.Merge)
	case *pb.Op_Diff:
		o.self, err = digestOf("buildkit.diff.v0", body.Diff)
	case *pb.Op_Source:
		o, err = sourceOperation(op, body.Source)
	default:
		o.unknown = "a kind of operation that only the builder knows"
	}
	if err == nil && r.Plain && op.GetSource() == nil {
		plain := op.CloneVT()
		plain.Inputs = nil
		text, err := plain.MarshalVT()
		o.self = digest.FromBytes(text)
		return o, err
	}
	return o, err
}

// digestOf is the digest of values as JSON.
func digestOf(values ...any) (digest.Digest, error) {
	text, err := json.Marshal(values)
	return digest.FromBytes(text), err
}

// execOperation leaves out what BuildKit does: the addresses of extra hosts, proxies, where in an input a mount begins
// (the content there counts), and the ID and sharing of cache mounts that the Dockerfile names.
func execOperation(whole *pb.Op, exec *pb.ExecOp) (operation, error) {
	e := exec.CloneVT()
	for _, h := range e.Meta.ExtraHosts {
		h.IP = ""
	}
	for _, m := range e.Mounts {
		m.Selector = ""
		if c := m.CacheOpt; c != nil && !isDefaultMount(m) {
			c.ID, c.Sharing = "", 0
		}
	}
	e.Meta.ProxyEnv = nil
	o, err := execInputs(exec, len(whole.Inputs))
	if err != nil {
		return o, err
	}
	o.self, err = digestOf("buildkit.exec.v0", e, whole.Platform)
	return o, err
}

// isDefaultMount tells whether a cache mount is as the Dockerfile frontend makes it of nothing but a target, with or
// without a namespace.
func isDefaultMount(m *pb.Mount) bool {
	id := m.CacheOpt.ID
	_, inNamespace, _ := strings.Cut(id, "/")
	return (id == m.Dest || inNamespace == m.Dest) && m.CacheOpt.Sharing == 0
}

// execInputs says which mounts are compared by content: those that the step can't write to in a way that a later step
// sees, and never the root.
func execInputs(e *pb.ExecOp, inputs int) (operation, error) {
	paths, byContent := make([][]string, inputs), make([]bool, inputs)
	for _, m := range e.Mounts {
		switch {
		case m.MountType == pb.MountType_SECRET, m.MountType == pb.MountType_SSH, m.MountType == pb.MountType_TMPFS:
			continue
		case m.Input == int64(pb.Empty):
			continue
		case m.Input < 0 || int(m.Input) >= inputs:
			return operation{}, fmt.Errorf("mount %s has input %d of %d", m.Dest, m.Input, inputs)
		}
		from := path.Join("/", m.Selector)
		paths[m.Input] = append(paths[m.Input], from)
		safe := m.Output == int64(pb.SkipOutput) || m.Readonly || from == pb.RootMount
		switch m.ContentCache {
		case pb.MountContentCache_OFF:
			safe = false
		case pb.MountContentCache_DEFAULT:
			safe = safe && m.Dest != pb.RootMount
		}
		byContent[m.Input] = safe
	}
	out := make([][]selector, inputs)
	for i, list := range paths {
		if !byContent[i] {
			continue
		}
		out[i] = []selector{}
		for _, p := range outermost(list) {
			if p == "/" {
				out[i] = []selector{} // all of it
				break
			}
			out[i] = append(out[i], selector{Path: p, FollowLinks: true})
		}
	}
	return operation{content: out, paths: paths}, nil
}

// outermost drops paths that lie below others, sorted.
func outermost(paths []string) []string {
	var out []string
	for _, p := range paths {
		inside := func(q string) bool { return q != p && strings.HasPrefix(p, strings.TrimSuffix(q, "/")+"/") }
		if !slices.ContainsFunc(paths, inside) && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// localScheme begins the identifiers of local folders.
const localScheme = "local://"

// sourceOperation is for what is not built. A local folder has no key of its own: whoever takes files from it is
// compared by their content.
func sourceOperation(op *pb.Op, s *pb.SourceOp) (operation, error) {
	scheme, rest, _ := strings.Cut(s.Identifier, "://")
	switch scheme {
	case "local":
		return operation{}, nil
	case "docker-image", "oci-layout":
		ref, dgst, pinned := strings.Cut(rest, "@")
		if !pinned {
			return operation{unknown: fmt.Sprintf("%s: the builder gives no digest of it", ref)}, nil
		}
		var p ocispecs.Platform
		if op.Platform != nil {
			p = op.Platform.Spec()
		}
		self, err := digestOf("image", dgst, p, s.Attrs["image.layerlimit"])
		return operation{self: self}, err
	case "git":
		return operation{unknown: fmt.Sprintf("git://%s: its commit is looked up when it is built", rest)}, nil
	case "http", "https":
		return operation{unknown: fmt.Sprintf("%s: it is downloaded to see whether it changed", s.Identifier)}, nil
	}
	return operation{unknown: s.Identifier + ": only the builder can look it up"}, nil
}
