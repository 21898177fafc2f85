package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Libraries that push do so through pipes, where the end of a context is not always seen. These are plain requests.

// watch ends a context when something takes too long.
type watch struct {
	stall  time.Duration
	cancel context.CancelCauseFunc
}

// do calls f; only the time in it counts.
func (w *watch) do(f func()) {
	t := time.AfterFunc(w.stall, w.expire)
	defer t.Stop()
	f()
}

func (w *watch) expire() { w.cancel(fmt.Errorf("%w for %s", ErrNoAnswer, w.stall)) }

// Incoming is what a registry sends. Who reads it closes it.
type Incoming struct {
	body io.ReadCloser
	*watch
	ctx    context.Context
	header http.Header
	// Size is in bytes, -1 where it is not told.
	Size int64
}

// Read reads what comes; it is an error when nothing comes for too long.
func (i *Incoming) Read(b []byte) (n int, err error) {
	i.do(func() { n, err = i.body.Read(b) })
	if err != nil && !errors.Is(err, io.EOF) && i.ctx.Err() != nil {
		err = context.Cause(i.ctx)
	}
	return n, err
}

// Close ends the transfer, whether all of it was read or not.
func (i *Incoming) Close() error {
	i.cancel(nil)
	return i.body.Close()
}

// whole reads all of a short answer.
func (i *Incoming) whole() ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(i, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("an answer of more than %d MB", maxAnswer>>20)
	}
	return body, err
}

// outgoing is what is sent; each piece of it that goes is a sign of life.
type outgoing struct {
	io.Reader
	alive func()
}

func (o *outgoing) Read(b []byte) (int, error) {
	o.alive()
	return o.Reader.Read(b)
}
