package buildx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	control "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/grpcerrors"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// PastBuild is a history record: a build that a builder remembers, whoever made it.
type PastBuild struct {
	// Ref is its name, unique on one node.
	Ref string
	// Args are its build arguments.
	Args map[string]string
	// Started and Ended are by the builder's clock; Ended is zero while it runs.
	Started, Ended time.Time
	// Failed is set for one that ended with an error, as when it was cancelled.
	Failed bool
}

// ErrNoHistory says that a builder does not remember builds: its BuildKit is older than v0.11.
var ErrNoHistory = errors.New("the builder keeps no history")

// History are the builds that the builder remembers or is at, of all nodes.
func (l *Live) History(ctx context.Context) ([]PastBuild, error) {
	var out []PastBuild
	for _, c := range l.clients {
		builds, err := history(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, builds...)
	}
	return out, nil
}

func history(ctx context.Context, c *client.Client) ([]PastBuild, error) {
	return past(ctx, c, &control.BuildHistoryRequest{EarlyExit: true})
}

// past are the builds that a node tells of until it has told all.
func past(ctx context.Context, c *client.Client, r *control.BuildHistoryRequest) ([]PastBuild, error) {
	s, err := listen(ctx, c, r)
	if err != nil {
		return nil, err
	}
	var out []PastBuild
	for {
		event, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, historyError(err)
		}
		if b, ok := pastBuild(event); ok {
			out = append(out, b)
		}
	}
}

// Building tells whether the builder is at a build. One that keeps no history never says so.
func (l *Live) Building(ctx context.Context) (bool, error) {
	for _, c := range l.clients {
		refs, err := active(ctx, c)
		if errors.Is(err, ErrNoHistory) {
			continue
		}
		if err != nil || len(refs) > 0 {
			return len(refs) > 0, err
		}
	}
	return false, nil
}

// Forgets tells whether a node keeps no history.
func (l *Live) Forgets(ctx context.Context) (bool, error) {
	for _, c := range l.clients {
		switch _, err := active(ctx, c); {
		case errors.Is(err, ErrNoHistory):
			return true, nil
		case err != nil:
			return false, err
		}
	}
	return false, nil
}

// active are the names of the builds that a node is at.
func active(ctx context.Context, c *client.Client) ([]string, error) {
	builds, err := past(ctx, c, &control.BuildHistoryRequest{ActiveOnly: true, EarlyExit: true})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, b := range builds {
		if b.Ended.IsZero() {
			out = append(out, b.Ref)
		}
	}
	return out, nil
}

// Follow tells of every build that begins or ends, and of those under way, until ctx ends or a node goes away, even if it is
// back at once: that is its error. told is called from one goroutine a node.
func (l *Live) Follow(ctx context.Context, told func(PastBuild)) error {
	eg, ctx := errgroup.WithContext(ctx)
	for _, c := range l.clients {
		eg.Go(func() error {
			s, err := listen(ctx, c, &control.BuildHistoryRequest{ActiveOnly: true})
			for err == nil {
				var event *control.BuildHistoryEvent
				if event, err = s.Recv(); err != nil {
					break
				}
				if b, ok := pastBuild(event); ok {
					told(b)
				}
			}
			return historyError(err)
		})
	}
	return eg.Wait()
}

func listen(ctx context.Context, c *client.Client, r *control.BuildHistoryRequest) (control.Control_ListenBuildHistoryClient, error) {
	s, err := c.ControlClient().ListenBuildHistory(ctx, r)
	return s, historyError(err)
}

func historyError(err error) error {
	switch {
	case err == nil:
		return nil
	case grpcerrors.Code(err) == codes.Unimplemented:
		return fmt.Errorf("%w: %w", ErrNoHistory, err)
	}
	return err
}

// pastBuild reads an event; that of a deletion tells nothing of the build.
func pastBuild(e *control.BuildHistoryEvent) (PastBuild, bool) {
	r := e.GetRecord()
	if r == nil || e.Type == control.BuildHistoryEventType_DELETED {
		return PastBuild{}, false
	}
	b := PastBuild{Ref: r.Ref, Args: map[string]string{}, Started: r.CreatedAt.AsTime(), Failed: r.Error != nil || r.ExternalError != nil}
	for key, value := range r.FrontendAttrs {
		if name, ok := strings.CutPrefix(key, "build-arg:"); ok {
			b.Args[name] = value
		}
	}
	if r.CompletedAt != nil {
		b.Ended = r.CompletedAt.AsTime()
	}
	return b, true
}

// Forget removes builds from the history. Their results in the cache stay.
func (l *Live) Forget(ctx context.Context, refs []string) error {
	var errs []error
	for _, c := range l.clients {
		have, err := history(ctx, c)
		if err != nil {
			return err
		}
		for _, b := range have {
			if !slices.Contains(refs, b.Ref) {
				continue
			}
			if err := forget(ctx, c, b.Ref); err != nil {
				errs = append(errs, fmt.Errorf("history record %s: %w", b.Ref, err))
			}
		}
	}
	return errors.Join(errs...)
}

// forgetTime is how long BuildKit may take for a record.
const forgetTime = 5 * time.Second

// forget removes a build from the history of a node. A record that was ever asked for by its name BuildKit only hides, until it is
// restarted, unless the last who listens to it goes after that: so we do. An interrupt must not come in between.
func forget(ctx context.Context, c *client.Client, ref string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetTime)
	defer cancel()
	s, err := listen(ctx, c, &control.BuildHistoryRequest{Ref: ref})
	if err == nil {
		_, err = s.Recv()
	}
	if err == nil {
		_, err = c.ControlClient().UpdateBuildHistory(ctx, &control.UpdateBuildHistoryRequest{Ref: ref, Delete: true})
	}
	if grpcerrors.Code(err) == codes.NotFound {
		return nil
	}
	return err
}

// StepNames are the instructions of a build that is over, without those that name images.
func (l *Live) StepNames(ctx context.Context, ref string) (map[string]bool, error) {
	out := map[string]bool{}
	found := false
	var errs []error
	for _, c := range l.clients { // it was on one of them
		err := stepNames(ctx, c, ref, out)
		found = found || err == nil
		errs = append(errs, err)
	}
	if !found {
		return nil, fmt.Errorf("history record %s: %w", ref, errors.Join(errs...))
	}
	return out, nil
}

func stepNames(ctx context.Context, c *client.Client, ref string, names map[string]bool) error {
	s, err := c.ControlClient().Status(ctx, &control.StatusRequest{Ref: ref})
	for err == nil {
		var status *control.StatusResponse
		if status, err = s.Recv(); err != nil {
			break
		}
		for _, v := range status.Vertexes {
			if name := bare(v.Name); name != "" {
				names[name] = true
			}
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// bare is the instruction of a step, without its stage and number; empty for what is no step of a Dockerfile, or names an
// image.
func bare(name string) string {
	if !steps.IsStep(name) || steps.IsFrom(name) {
		return ""
	}
	return steps.Bare(name)
}
