package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// Source is a graph as BuildKit gets it.
type Source struct {
	Service, Platform, Stage string
	Definition               *pb.Definition
	// Image is the configuration of the image, as JSON.
	Image []byte
	// Folders are the local folders by the names that the graph has for them.
	Folders map[string]string
	// Session is that of the folders, where it is known: a folder of another session is of a graph that this one is built on.
	Session string
	// Dockerfile is its path; empty when it is inline.
	Dockerfile string
	// Imports are the caches that the build looks into, beside the builder's own.
	Imports []string
	// Unknown says why there is no definition.
	Unknown string
}

// New gives every step of a graph its key. An error is for a graph that can't be read at all.
func New(ctx context.Context, s Source, c *Contents, r Rules) (*Graph, error) {
	if err := c.Know(s); err != nil {
		return nil, err
	}
	b := &grapher{ctx: ctx, source: s, contents: c, rules: r, vertices: map[string]*vertex{}, args: argsOf(s.Definition)}
	out := &Graph{Service: s.Service, Platform: s.Platform, Stage: s.Stage, Steps: []Step{}, Imports: s.Imports, Unknown: s.Unknown}
	for _, text := range s.Definition.GetDef() {
		op := &pb.Op{}
		if err := op.UnmarshalVT(text); err != nil {
			return nil, err
		}
		dgst := digest.FromBytes(text).String()
		v, err := b.vertex(dgst, op)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.name(dgst), err)
		}
		b.vertices[dgst] = v
		if v.step != nil {
			out.Steps = append(out.Steps, *v.step)
		}
		if op.Op == nil { // the end of every graph
			out.Key, err = imageKey(v, s.Image)
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// grapher makes one graph.
type grapher struct {
	ctx      context.Context
	source   Source
	contents *Contents
	rules    Rules
	vertices map[string]*vertex
	args     map[string]bool
}

// vertex is what is known of an operation.
type vertex struct {
	op  *pb.Op
	key string
	// unknown says why there is no key.
	unknown string
	// folder is set for what is a local folder.
	folder *source
	// step is nil for BuildKit's own work.
	step *Step
	// steps are the nearest steps that it comes of: itself, or those of its inputs.
	steps []string
}

func (b *grapher) vertex(dgst string, op *pb.Op) (*vertex, error) {
	v := &vertex{op: op}
	if strings.HasPrefix(op.GetSource().GetIdentifier(), localScheme) {
		if folder, known := b.contents.source(dgst); known {
			v.folder = &folder
		} else {
			v.unknown = "a folder that this program was not told of"
		}
		return v, nil
	}
	inputs := make([]*vertex, len(op.Inputs))
	for i, in := range op.Inputs {
		if inputs[i] = b.vertices[in.Digest]; inputs[i] == nil {
			return nil, errors.New("an input comes after what is built on it")
		}
		for _, from := range inputs[i].steps {
			if !slices.Contains(v.steps, from) {
				v.steps = append(v.steps, from)
			}
		}
	}
	o, err := operationOf(op, b.rules)
	if err != nil { // BuildKit will refuse it, and say so better
		o = operation{unknown: err.Error()}
	}
	if op.Op == nil { // the end: nothing but its input
		o = operation{}
	}
	k, err := b.key(op, o, inputs)
	if err != nil {
		return nil, err
	}
	v.key, v.unknown = k.value, k.unknown
	if name := b.name(dgst); IsStep(name) {
		v.step = b.describe(dgst, name, v, o, k)
		v.steps = []string{dgst}
	}
	return v, nil
}

// key is the key of an operation, and what went into it of local files.
type key struct {
	value, unknown string
	files          []taken
	// content is the digest of files.
	content digest.Digest
}

// key makes the key of an operation: of what it does, and of every input its key, or the content that counts of it.
func (b *grapher) key(op *pb.Op, o operation, inputs []*vertex) (key, error) {
	k := key{unknown: o.unknown}
	parts := []any{o.self}
	var sums []any
	for i, in := range inputs {
		var selectors []selector
		if i < len(o.content) {
			selectors = o.content[i]
		}
		if in.folder == nil {
			parts = append(parts, in.key, op.Inputs[i].Index, selectors)
			if i < len(o.paths) {
				parts = append(parts, o.paths[i])
			}
			if in.unknown != "" && k.unknown == "" {
				k.unknown = in.unknown
			}
			continue
		}
		if selectors == nil {
			k.unknown = Always
			continue
		}
		t, err := b.contents.tree(b.ctx, *in.folder)
		if err != nil {
			k.unknown = err.Error()
			continue
		}
		d, err := t.digest(b.ctx, selectors)
		if err != nil {
			k.unknown = notThere(err)
			continue
		}
		k.files = append(k.files, taken{t, selectors})
		parts, sums = append(parts, d), append(sums, d)
	}
	if k.unknown != "" {
		return k, b.ctx.Err()
	}
	if len(sums) > 0 {
		var err error
		if k.content, err = digestOf(sums...); err != nil {
			return k, err
		}
	}
	d, err := digestOf(parts...)
	k.value = encoded(d)
	return k, err
}

// Always is why a step that writes into a build context has no key: BuildKit runs it in every build.
const Always = "it may write into the build context, so it runs in every build"

// notThere says that a file is missing as the frontend would.
func notThere(err error) string {
	return strings.TrimPrefix(err.Error(), "failed to calculate checksum of ref : ")
}

// imageKey is the key of an image: of what is in it and of its configuration.
func imageKey(end *vertex, image []byte) (string, error) {
	if end.unknown != "" {
		return "", nil
	}
	d, err := digestOf(end.key, string(image))
	return encoded(d), err
}

func (b *grapher) name(dgst string) string {
	return b.source.Definition.Metadata[dgst].GetDescription()["llb.customname"]
}
