package buildx

import (
	"io"
	"sync"
)

// stream is a pipe that holds some: neither end has to wait for the other at each word, as BuildKit's client would have them do.
type stream struct {
	mu      sync.Mutex
	changed *sync.Cond
	// held is what was written, of which the first done bytes were read.
	held []byte
	done int
	// err is what its ends are told; nil as long as it is open.
	err error
}

// streamSize is about how many bytes a stream holds.
const streamSize = 4 << 20

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// Write waits until there is room.
func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && len(s.held)-s.done >= streamSize {
		s.changed.Wait()
	}
	if s.err != nil {
		return 0, io.ErrClosedPipe
	}
	if s.done > streamSize/2 {
		s.held, s.done = s.held[:copy(s.held, s.held[s.done:])], 0
	}
	s.held = append(s.held, b...)
	s.changed.Broadcast()
	return len(b), nil
}

// take waits until there is something. What was written before the end is there to be read.
func (s *stream) take(f func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && len(s.held) == s.done {
		s.changed.Wait()
	}
	if len(s.held) == s.done {
		return s.err
	}
	f()
	s.changed.Broadcast()
	return nil
}

// Read reads what there is.
func (s *stream) Read(b []byte) (n int, err error) {
	err = s.take(func() {
		n = copy(b, s.held[s.done:])
		if s.done += n; s.done == len(s.held) {
			s.held, s.done = s.held[:0], 0
		}
	})
	return n, err
}

// WriteTo reads all, a lot at a time.
func (s *stream) WriteTo(w io.Writer) (total int64, err error) {
	var some, spare []byte
	for {
		err := s.take(func() {
			some = s.held[s.done:]
			s.held, spare = spare[:0], s.held
			s.done = 0
		})
		if err == io.EOF { //nolint:errorlint // as readers do
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := w.Write(some)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

// end ends a stream: err is for who reads when all is read, and who writes learns that it is closed.
func (s *stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.changed.Broadcast()
}

// Close is the end of what is written.
func (s *stream) Close() error {
	s.end(io.EOF)
	return nil
}
