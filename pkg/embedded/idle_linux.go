package embedded

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// idle counts the calls in flight and closes done when there were none for some time. A session is one long call.
// From then on it refuses calls, so a client never has one cut off by the end.
type idle struct {
	after time.Duration // 0 is never
	done  chan struct{}

	mu       sync.Mutex
	inFlight int
	since    time.Time // of the last end of a call
	closed   bool
	timer    *time.Timer
}

// firstCall is the least time for the first call to come: whoever started the daemon asks it whether it is there.
const firstCall = 10 * time.Second

func newIdle(after time.Duration) *idle {
	i := &idle{after: after, done: make(chan struct{}), since: time.Now()}
	if after > 0 {
		i.timer = time.AfterFunc(max(after, firstCall), i.expire)
	}
	return i
}

func (i *idle) begin() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return status.Error(codes.Unavailable, "BuildKit was idle and is about to end")
	}
	i.inFlight++
	return nil
}

func (i *idle) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.inFlight--
	i.since = time.Now()
	if i.inFlight == 0 && i.timer != nil {
		i.timer.Reset(i.after)
	}
}

func (i *idle) expire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	// A call may have come and gone between the timer's end and the lock; it has set the timer again.
	if i.closed || i.inFlight > 0 || time.Since(i.since) < i.after {
		return
	}
	i.closed = true
	close(i.done)
}

func (i *idle) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if err := i.begin(); err != nil {
		return nil, err
	}
	defer i.end()
	return handle(ctx, req)
}

func (i *idle) stream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	if err := i.begin(); err != nil {
		return err
	}
	defer i.end()
	return handle(srv, s)
}
