package buildx

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// Unpack sees to it that every node has the images that graphs are built on, unpacked: BuildKit fetches what a step needs
// only when it needs it. The history has no record of it.
func (l *Live) Unpack(ctx context.Context, sources []steps.Source) error {
	images, err := imageSources(sources)
	if err != nil || len(images) == 0 {
		return err
	}
	return l.converseWithAll(ctx, func(ctx context.Context, gw gateway.Client) error {
		eg, ctx := errgroup.WithContext(ctx)
		for _, d := range images {
			eg.Go(func() error { return unpack(ctx, gw, d) })
		}
		return eg.Wait()
	})
}

// converseWithAll is converse with every node.
func (l *Live) converseWithAll(ctx context.Context, talk func(context.Context, gateway.Client) error) error {
	for _, c := range l.clients {
		one := &Live{builder: l.builder, node: l.node, clients: []*client.Client{c}}
		if err := one.converse(ctx, client.SolveOpt{}, talk); err != nil {
			return err
		}
	}
	return nil
}

// unpack solves one image. Looking at its root is what unpacks it: that it is evaluated would leave it where it is.
func unpack(ctx context.Context, gw gateway.Client, d *pb.Definition) error {
	res, err := gw.Solve(ctx, gateway.SolveRequest{Definition: d, Evaluate: true})
	if err != nil {
		return err
	}
	ref, err := res.SingleRef()
	if err != nil || ref == nil {
		return err
	}
	_, err = ref.StatFile(ctx, gateway.StatRequest{Path: "/"})
	return err
}

// imageSources are the images in graphs, each as a graph of its own.
func imageSources(sources []steps.Source) ([]*pb.Definition, error) {
	var out []*pb.Definition
	seen := map[digest.Digest]bool{}
	for _, s := range sources {
		for _, text := range s.Definition.GetDef() {
			d := digest.FromBytes(text)
			op := &pb.Op{}
			if err := op.UnmarshalVT(text); err != nil {
				return nil, fmt.Errorf("service %q: %w", s.Service, err)
			}
			if seen[d] || !strings.HasPrefix(op.GetSource().GetIdentifier(), "docker-image://") {
				continue
			}
			seen[d] = true
			last, err := (&pb.Op{Inputs: []*pb.Input{{Digest: d.String()}}}).MarshalVT()
			if err != nil {
				return nil, err
			}
			graph := &pb.Definition{Def: [][]byte{slices.Clone(text), last}, Metadata: map[string]*pb.OpMetadata{}}
			if m := s.Definition.Metadata[d.String()]; m != nil {
				graph.Metadata[d.String()] = m
			}
			out = append(out, graph)
		}
	}
	return out, nil
}
