// Package porter packs and unpacks a folder that only another process can see: what a cache mount has, beside which BuildKit has
// started a helper. Help is that process; Helper is how it is talked to, over its standard input and output.
//
// The helper never sees where things are kept, and is small: it imports nothing but the form in which they are.
package porter

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
)

// Helper is one that is to be talked to. It carries out one order.
type Helper struct {
	In  io.Writer
	Out io.Reader
	// Dir is the folder that it sees.
	Dir string
}

// Remembered is a folder as it was, so that what is the same is not read again: a tree and its marks, as a helper said them.
type Remembered struct{ Tree, Marks []byte }

// Packed is what a helper found.
type Packed struct {
	Remembered
	Content *parcel.Tree
	// Skipped are what could not be kept: sockets, and files that somebody was writing to.
	Skipped []parcel.Name
	// Read is how many bytes had to be read.
	Read int64
}

// Pack has a folder read. emit gets the blocks of chunks that are not known; each is its only as long as it runs.
func (h Helper) Pack(known map[parcel.Digest]bool, before Remembered, emit func(*parcel.Packed) error) (*Packed, error) {
	l := newLine(h.In, h.Out)
	err := errors.Join(l.sayJSON(frameOrder, order{Version: version, Do: doPack, Dir: h.Dir}), l.say(frameKnown, encodeDigests(known)))
	if before.Tree != nil {
		err = errors.Join(err, l.say(frameTree, before.Tree), l.say(frameMarks, before.Marks))
	}
	if err := unlessGone(errors.Join(err, l.say(frameGo, nil), l.flush())); err != nil {
		return nil, err
	}
	for {
		k, payload, err := l.hear()
		if err != nil {
			return nil, err
		}
		switch k {
		case frameBlock:
			b, err := parcel.ParseBlock(payload)
			if err == nil {
				err = emit(b)
			}
			if err != nil {
				return nil, err
			}
			spare.Put(&payload)
		case frameTree:
			return l.packed(payload)
		default:
			return nil, fmt.Errorf("%w: %q in place of a block", errNonsense, k)
		}
	}
}

// packed hears the rest.
func (l *line) packed(text []byte) (*Packed, error) {
	marks, err := l.expect(frameMarks)
	if err != nil {
		return nil, err
	}
	var said report
	if err := l.expectJSON(frameReport, &said); err != nil {
		return nil, err
	}
	tree, err := parcel.Decode(text)
	return &Packed{Remembered{text, marks}, tree, said.Skipped, said.Read}, err
}

// Unpack has a folder made what a tree is. feed sends the blocks, when the helper is ready for them. An error that is
// parcel.ErrNotEmpty says that the folder was left alone.
func (h Helper) Unpack(ctx context.Context, tree []byte, replace bool,
	feed func(ctx context.Context, send func(*parcel.Packed) error) error,
) (Remembered, error) {
	l := newLine(h.In, h.Out)
	err := errors.Join(l.sayJSON(frameOrder, order{Version: version, Do: doUnpack, Dir: h.Dir, Replace: replace}), l.say(frameTree, tree), l.flush())
	if err := unlessGone(err); err != nil {
		return Remembered{}, err
	}
	var said report
	if err := l.expectJSON(frameReport, &said); err != nil {
		return Remembered{}, err
	}
	if said.NotEmpty {
		return Remembered{}, parcel.ErrNotEmpty
	}
	marks, err := l.feed(ctx, feed)
	if err != nil {
		return Remembered{}, err
	}
	return Remembered{tree, marks}, l.expectJSON(frameReport, &said)
}

// answer is what the helper says at the end.
type answer struct {
	marks []byte
	err   error
}

// feed sends blocks, and returns what the helper says to them. It listens meanwhile: a helper that fails says why, and hears
// nothing any more.
func (l *line) feed(ctx context.Context, feed func(context.Context, func(*parcel.Packed) error) error) ([]byte, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	answers := make(chan answer, 1)
	go func() {
		marks, err := l.expect(frameMarks)
		answers <- answer{marks, err}
		if err != nil {
			stop(err)
		}
	}()
	err := feed(ctx, func(b *parcel.Packed) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return unlessGone(l.sayBlock(b))
	})
	if err == nil {
		err = unlessGone(errors.Join(l.say(frameEnd, nil), l.flush()))
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrGone) {
		return nil, err // the helper waits for more, until it is ended
	}
	a := <-answers
	if a.err != nil {
		return nil, a.err
	}
	return a.marks, err
}

// unlessGone takes an error of writing for the end of the helper: why it ended it says.
func unlessGone(err error) error {
	if err != nil {
		return ErrGone
	}
	return nil
}
