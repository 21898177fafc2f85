package porter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
)

// Help is the helper: it carries out one order and ends. What goes wrong it says to who gave the order.
func Help(ctx context.Context, in io.Reader, out io.Writer) error {
	widen(in)
	widen(out)
	l := newLine(out, in)
	err := help(ctx, l)
	if err != nil {
		_ = l.sayJSON(frameError, refusal{err.Error(), errors.Is(err, parcel.ErrDamaged)})
	}
	return errors.Join(err, l.flush())
}

func help(ctx context.Context, l *line) error {
	var o order
	if err := l.expectJSON(frameOrder, &o); err != nil {
		return err
	}
	if o.Version != version {
		return fmt.Errorf("the helper is of another version (%d) than what it is asked by (%d)", version, o.Version)
	}
	if parcel.Supported != nil {
		return parcel.Supported
	}
	switch o.Do {
	case doPack:
		return helpPack(ctx, l, o)
	case doUnpack:
		return helpUnpack(l, o)
	}
	return fmt.Errorf("%w: to do %q", errNonsense, o.Do)
}

func helpPack(ctx context.Context, l *line, o order) error {
	options := parcel.PackOptions{Emit: l.sayBlock}
	var tree *parcel.Tree
	for {
		k, payload, err := l.hear()
		if err != nil {
			return err
		}
		switch k {
		case frameKnown:
			options.Known = decodeDigests(payload)
		case frameTree:
			tree, _ = parcel.Decode(payload) // all is read where it can't be understood
		case frameMarks:
			if tree != nil {
				if marks := decodeMarks(payload, len(tree.Entries)); marks != nil {
					options.Before = &parcel.Marked{Tree: tree, Marks: marks}
				}
			}
		}
		if k == frameGo {
			break
		}
	}
	found, err := parcel.Pack(ctx, o.Dir, options)
	if err != nil {
		return err
	}
	text, err := found.Tree.Encode()
	if err != nil {
		return err
	}
	return errors.Join(
		l.say(frameTree, text), l.say(frameMarks, encodeMarks(found.Marks)),
		l.sayJSON(frameReport, report{Skipped: found.Skipped, Read: found.Read}), l.flush())
}

func helpUnpack(l *line, o order) error {
	text, err := l.expect(frameTree)
	if err != nil {
		return err
	}
	tree, err := parcel.Decode(text)
	if err != nil {
		return err
	}
	u, err := parcel.NewUnpacker(o.Dir, tree, o.Replace)
	if errors.Is(err, parcel.ErrNotEmpty) {
		return errors.Join(l.sayJSON(frameReport, report{NotEmpty: true}), l.flush())
	}
	if err != nil {
		return err
	}
	defer u.Close()
	if err := errors.Join(l.sayJSON(frameReport, report{}), l.flush()); err != nil {
		return err
	}
	if err := receive(l, u); err != nil {
		return err
	}
	marked, err := u.Commit()
	if err != nil {
		return err
	}
	return errors.Join(l.say(frameMarks, encodeMarks(marked.Marks)), l.sayJSON(frameReport, report{}), l.flush())
}

// receive writes blocks as they come, several at once.
func receive(l *line, u *parcel.Unpacker) error {
	eg, ctx := errgroup.WithContext(context.Background())
	eg.SetLimit(runtime.GOMAXPROCS(0) + 1)
	for ctx.Err() == nil {
		k, payload, err := l.hear()
		if err != nil {
			return errors.Join(eg.Wait(), err)
		}
		if k == frameEnd {
			break
		}
		if k != frameBlock {
			return errors.Join(eg.Wait(), fmt.Errorf("%w: %q in place of a block", errNonsense, k))
		}
		eg.Go(func() error {
			defer spare.Put(&payload)
			b, err := parcel.ParseBlock(payload)
			if err != nil {
				return err
			}
			return u.Add(b)
		})
	}
	return eg.Wait()
}
