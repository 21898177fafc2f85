package buildx

import (
	"context"
	"errors"
	"fmt"
	"io"

	control "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
)

// PastStep is what a build did that is over, step of a Dockerfile or not.
type PastStep struct {
	Name string
	// Digest is that of the vertex, and Inputs are those of what it is made of.
	Digest string
	Inputs []string
	// Ran says that it was made, and Loaded that a result in the cache was taken. Of what is neither the build had no need, as
	// something was there that is made of it.
	Ran, Loaded bool
}

// PastSteps are the steps of a build that is over.
func (l *Live) PastSteps(ctx context.Context, ref string) ([]PastStep, error) {
	var errs []error
	for _, c := range l.clients { // it was on one of them
		steps, err := pastSteps(ctx, c, ref)
		if err == nil {
			return steps, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("history record %s: %w", ref, errors.Join(errs...))
}

func pastSteps(ctx context.Context, c *client.Client, ref string) ([]PastStep, error) {
	s, err := c.ControlClient().Status(ctx, &control.StatusRequest{Ref: ref})
	if err != nil {
		return nil, err
	}
	out := []PastStep{}
	at := map[string]int{} // by digest
	for {
		status, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for _, v := range status.Vertexes {
			i, seen := at[v.Digest]
			if !seen {
				i = len(out)
				at[v.Digest], out = i, append(out, PastStep{Name: v.Name, Digest: v.Digest, Inputs: v.Inputs})
			}
			out[i].note(v)
		}
	}
}

// note takes an event. BuildKit makes up one without duration for what is cached and was not looked at.
func (s *PastStep) note(v *control.Vertex) {
	if v.Started == nil || v.Completed == nil || !v.Completed.AsTime().After(v.Started.AsTime()) {
		return
	}
	s.Loaded, s.Ran = s.Loaded || v.Cached, s.Ran || !v.Cached
}
