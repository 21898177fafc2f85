package mounts

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// localScheme begins the identifiers of local folders.
const localScheme = "local://"

// base is the part of a graph that an input comes of, as a graph of its own. Local folders in it get names that don't depend on the
// build, so that the same base is the same each time.
func (f *finder) base(s steps.Source, in *pb.Input) (*pb.Definition, map[string]string, error) {
	ops := map[string]*pb.Op{}
	var order []string
	for _, text := range s.Definition.GetDef() {
		op := &pb.Op{}
		if err := op.UnmarshalVT(text); err != nil {
			return nil, nil, err
		}
		dgst := digest.FromBytes(text).String()
		ops[dgst], order = op, append(order, dgst)
	}
	needed := map[string]bool{}
	for todo := []string{in.Digest}; len(todo) > 0; todo = todo[1:] {
		op := ops[todo[0]]
		if op == nil {
			return nil, nil, errors.New("an input that is not there")
		}
		if !needed[todo[0]] {
			needed[todo[0]] = true
			for _, from := range op.Inputs {
				todo = append(todo, from.Digest)
			}
		}
	}
	out, folders := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}}, map[string]string{}
	renamed := map[string]string{}
	for _, dgst := range order {
		if !needed[dgst] {
			continue
		}
		op := ops[dgst]
		if err := f.settle(s, op, folders); err != nil {
			return nil, nil, err
		}
		for _, from := range op.Inputs {
			from.Digest = renamed[from.Digest]
		}
		text, err := op.MarshalVT()
		if err != nil {
			return nil, nil, err
		}
		renamed[dgst] = digest.FromBytes(text).String()
		out.Def = append(out.Def, text)
		if m := s.Definition.Metadata[dgst]; m != nil {
			m = m.CloneVT()
			m.IgnoreCache = false // it would empty cache mounts
			out.Metadata[renamed[dgst]] = m
		}
	}
	end, err := (&pb.Op{Inputs: []*pb.Input{{Digest: renamed[in.Digest], Index: in.Index}}}).MarshalVT()
	if err != nil {
		return nil, nil, err
	}
	out.Def = append(out.Def, end)
	return out, folders, nil
}

// settle makes an operation that reads a local folder independent of the session that it was made in.
func (f *finder) settle(s steps.Source, op *pb.Op, folders map[string]string) error {
	source := op.GetSource()
	name, local := strings.CutPrefix(source.GetIdentifier(), localScheme)
	if !local {
		return nil
	}
	of := s.Folders
	if session := source.Attrs[pb.AttrLocalSessionID]; session != "" && s.Session != "" && session != s.Session {
		of = f.sessions[session]
	}
	dir, known := of[name]
	if !known {
		return fmt.Errorf("it is made of a folder %q that this program was not told of", name)
	}
	sum := sha256.Sum256([]byte(dir))
	name = "context-" + hex.EncodeToString(sum[:8])
	folders[name] = dir
	source.Identifier = localScheme + name
	for _, attr := range []string{pb.AttrLocalSessionID, pb.AttrLocalUniqueID, pb.AttrSharedKeyHint} {
		delete(source.Attrs, attr)
	}
	return nil
}
