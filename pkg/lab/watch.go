package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// watch holds a call to the builder that breaks when the builder goes away, however soon it is back.
type watch struct {
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // once ended is closed
}

// newWatch begins to watch. told hears of builds of anybody; nil hears nothing. A BuildKit without a history has no such call.
func newWatch(ctx context.Context, live *buildx.Live, told func(buildx.PastBuild)) *watch {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &watch{cancel: cancel, ended: make(chan struct{})}
	if told == nil {
		told = func(buildx.PastBuild) {}
	}
	go func() {
		err := live.Follow(ctx, told)
		if errors.Is(err, buildx.ErrNoHistory) {
			return
		}
		if errors.Is(err, io.EOF) {
			err = errors.New("it ended")
		}
		w.err = err
		close(w.ended)
	}()
	return w
}

func (w *watch) stop() {
	if w != nil {
		w.cancel()
	}
}

// sameTime is how long a builder may take to say who it is.
const sameTime = 10 * time.Second

// gone asks the builder who it is: if it was away, the call that was held has broken before there is an answer.
func (w *watch) gone(live *buildx.Live) error {
	ctx, cancel := context.WithTimeout(context.Background(), sameTime)
	defer cancel()
	err := live.Same(ctx)
	select {
	case <-w.ended:
		err = w.err
	default:
	}
	if err != nil {
		return fmt.Errorf("the builder went away in the meantime: %w", err)
	}
	return nil
}
