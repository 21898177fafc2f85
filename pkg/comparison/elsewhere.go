package comparison

import (
	"encoding/json"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// settled is a graph in which what comes from elsewhere (URLs, git repositories) is an image that its name stands for: a
// comparison takes it to be the same on both sides as long as it is named the same.
func settled(def *pb.Definition) (*pb.Definition, error) {
	if def == nil {
		return nil, nil
	}
	out := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}}
	names := map[string]string{} // new digests by old ones
	for _, text := range def.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(text); err != nil {
			return nil, err
		}
		old := digest.FromBytes(text).String()
		changed, err := settle(op.GetSource())
		if err != nil {
			return nil, err
		}
		for _, in := range op.Inputs {
			if name := names[in.Digest]; name != in.Digest {
				in.Digest, changed = name, true
			}
		}
		if changed {
			if text, err = op.MarshalVT(); err != nil {
				return nil, err
			}
		}
		names[old] = digest.FromBytes(text).String()
		out.Def = append(out.Def, text)
		if m := def.Metadata[old]; m != nil {
			out.Metadata[names[old]] = m
		}
	}
	if def.Source != nil {
		out.Source = &pb.Source{Infos: def.Source.Infos, Locations: map[string]*pb.Locations{}}
		for old, at := range def.Source.Locations {
			out.Source.Locations[names[old]] = at
		}
	}
	return out, nil
}

// settle tells whether it changed a source.
func settle(s *pb.SourceOp) (bool, error) {
	scheme, _, _ := strings.Cut(s.GetIdentifier(), "://")
	switch scheme {
	case "http", "https", "git":
	default:
		return false, nil
	}
	text, err := json.Marshal([]any{s.Identifier, s.Attrs})
	if err != nil {
		return false, err
	}
	s.Identifier, s.Attrs = "docker-image://"+scheme+"@"+digest.FromBytes(text).String(), nil
	return true, nil
}
