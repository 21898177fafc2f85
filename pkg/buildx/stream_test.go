package buildx

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"gotest.tools/v3/assert"
)

// TestStream passes bytes on in pieces of all sizes, in both ways of reading.
func TestStream(t *testing.T) {
	want := make([]byte, 3*streamSize+12345)
	_, _ = rand.NewChaCha8([32]byte{}).Read(want)
	for name, read := range map[string]func(*stream) ([]byte, error){
		"all at once": func(s *stream) ([]byte, error) {
			var out bytes.Buffer
			_, err := s.WriteTo(&out)
			return out.Bytes(), err
		},
		"in pieces": func(s *stream) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{s}) },
	} {
		s := newStream()
		go func() {
			r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same numbers each time are wanted
			for rest := want; len(rest) > 0; {
				n := min(len(rest), r.IntN(1<<20))
				_, err := s.Write(rest[:n])
				assert.Check(t, err)
				rest = rest[n:]
			}
			assert.Check(t, s.Close())
		}()
		got, err := read(s)
		assert.NilError(t, err, name)
		assert.Assert(t, bytes.Equal(got, want), name)
		_, err = s.Write([]byte("more"))
		assert.ErrorIs(t, err, io.ErrClosedPipe)
	}
}

// TestStreamEnds has who waits learn that it is in vain.
func TestStreamEnds(t *testing.T) {
	why := errors.New("the process has ended")
	full := newStream()
	_, err := full.Write(make([]byte, streamSize))
	assert.NilError(t, err)
	blocked := make(chan error)
	go func() {
		_, err := full.Write([]byte("one more"))
		blocked <- err
	}()
	full.end(why)
	assert.ErrorIs(t, <-blocked, io.ErrClosedPipe)
	_, err = io.Copy(io.Discard, full)
	assert.ErrorIs(t, err, why)

	empty := newStream()
	go func() {
		_, err := empty.Read(make([]byte, 1))
		blocked <- err
	}()
	empty.end(why)
	assert.ErrorIs(t, <-blocked, why)
}
