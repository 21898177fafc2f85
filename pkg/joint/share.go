package joint

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/proto"

	"github.com/docker-catmandu/docker-catmandu/pkg/frontend"
)

// shareLocals makes one source of those that read the same folder with the same ignore file, so that it is walked and
// compared once. Each asks for the paths that its Dockerfile copies; together they ask for all of them. What a step
// reads of a source is found by content, so what others asked for changes no result.
//
// The frontend calls every build context "context": each gets the name by which its folder is known in the job.
func shareLocals(parts []*part) error {
	graphs := make([][]*pb.Op, len(parts))
	shared := map[string]*follow{}
	for i, p := range parts {
		for _, text := range p.graph.Definition.Def {
			op := &pb.Op{}
			if err := op.UnmarshalVT(text); err != nil {
				return err
			}
			if source := op.GetSource(); source != nil && source.Identifier == frontend.LocalScheme+frontend.ContextFolder {
				source.Identifier = frontend.LocalScheme + LocalName(p.Context)
			}
			graphs[i] = append(graphs[i], op)
			if err := collect(shared, op); err != nil {
				return err
			}
		}
	}
	for i, p := range parts {
		if err := rewrite(p.graph.Definition, graphs[i], shared); err != nil {
			return err
		}
	}
	return nil
}

// follow are the paths that the sources of one folder ask for.
type follow struct {
	paths []string
	all   bool
}

// sourceKey tells apart what can't be one source. It is empty for what is no local source.
func sourceKey(op *pb.Op) string {
	source := op.GetSource()
	if source == nil || !strings.HasPrefix(source.Identifier, frontend.LocalScheme) {
		return ""
	}
	attrs := maps.Clone(source.Attrs)
	delete(attrs, pb.AttrFollowPaths)
	text, err := json.Marshal([]any{source.Identifier, attrs, op.Platform, op.Constraints})
	if err != nil {
		return ""
	}
	return string(text)
}

func collect(shared map[string]*follow, op *pb.Op) error {
	key := sourceKey(op)
	if key == "" {
		return nil
	}
	f := shared[key]
	if f == nil {
		f = &follow{}
		shared[key] = f
	}
	text, some := op.GetSource().Attrs[pb.AttrFollowPaths]
	if !some {
		f.all = true
		return nil
	}
	var paths []string
	if err := json.Unmarshal([]byte(text), &paths); err != nil {
		return err
	}
	f.paths = append(f.paths, paths...)
	return nil
}

// attr is the attribute of a shared source; empty asks for the whole folder.
func (f *follow) attr() (string, error) {
	if f.all {
		return "", nil
	}
	slices.Sort(f.paths)
	f.paths = slices.Compact(f.paths)
	text, err := json.Marshal(f.paths)
	return string(text), err
}

// rewrite puts the shared sources into a graph. Every operation is named by the digest of its text, which has the names
// of its inputs in it; inputs come first.
func rewrite(def *pb.Definition, ops []*pb.Op, shared map[string]*follow) error {
	renamed := map[string]string{}
	for i, op := range ops {
		changed := false
		if key := sourceKey(op); key != "" {
			changed = true
			paths, err := shared[key].attr()
			if err != nil {
				return err
			}
			if attrs := op.GetSource().Attrs; paths == "" {
				delete(attrs, pb.AttrFollowPaths)
			} else {
				attrs[pb.AttrFollowPaths] = paths
			}
		}
		for _, in := range op.Inputs {
			if to, ok := renamed[in.Digest]; ok {
				in.Digest, changed = to, true
			}
		}
		if !changed {
			continue
		}
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(op)
		if err != nil {
			return err
		}
		from, to := digest.FromBytes(def.Def[i]).String(), digest.FromBytes(text).String()
		renamed[from], def.Def[i] = to, text
	}
	rename(def.Metadata, renamed)
	if def.Source != nil {
		rename(def.Source.Locations, renamed)
	}
	return nil
}

func rename[V any](m map[string]V, renamed map[string]string) {
	for from, to := range renamed {
		if v, ok := m[from]; ok {
			delete(m, from)
			m[to] = v
		}
	}
}
