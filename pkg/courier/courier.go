// Package courier carries the contents of cache mounts between helpers beside them and a depot.
package courier

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/depot"
	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
	"github.com/docker-catmandu/docker-catmandu/pkg/porter"
)

// Saved is what came of saving a mount.
type Saved struct {
	// Parcel is nil when the mount is empty.
	Parcel *depot.Parcel
	// Unchanged says that it was stored as it is already.
	Unchanged bool
	// Moved is how many bytes were stored, Read how many the helper had to read.
	Moved, Read int64
	// Skipped are what could not be kept: sockets, and files that somebody was writing to.
	Skipped []parcel.Name
}

// Save stores what a helper sees. memory is of the same mount in the same builder; nil remembers nothing.
func Save(ctx context.Context, h porter.Helper, d *depot.Depot, k depot.Key, memory *Memory) (*Saved, error) {
	release, err := d.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	base, err := d.Find(ctx, k)
	if err != nil {
		return nil, err
	}
	s, err := d.Save(ctx, k, base)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }() // what matters of it Commit has said
	found, err := h.Pack(s.Known(), memory.load(), s.Add)
	if err != nil {
		return nil, err
	}
	out := &Saved{Read: found.Read, Skipped: found.Skipped}
	if found.Content.IsEmpty() {
		return out, nil
	}
	out.Parcel, err = s.Commit(found.Content, found.Tree, time.Now())
	if err != nil {
		return nil, err
	}
	if out.Parcel == nil {
		out.Parcel, out.Unchanged = s.Base(), true
	}
	out.Moved = s.Moved()
	memory.store(found.Remembered)
	return out, nil
}

// Restored is what came of restoring a mount.
type Restored struct {
	// NotEmpty says that it was left alone: something is in it.
	NotEmpty bool
	// Moved is how many bytes were sent to the helper.
	Moved int64
}

// Restore has a helper make a mount what a parcel is.
func Restore(ctx context.Context, h porter.Helper, d *depot.Depot, p *depot.Parcel, replace bool, memory *Memory) (*Restored, error) {
	release, err := d.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	text, err := d.Tree(ctx, p)
	if err != nil {
		return nil, err
	}
	tree, err := parcel.Decode(text)
	if err != nil {
		return nil, err
	}
	chunks := tree.Chunks()
	wanted := func(d parcel.Digest) bool { _, ok := chunks[d]; return ok }
	var moved atomic.Int64
	now, err := h.Unpack(ctx, text, replace, func(ctx context.Context, send func(*parcel.Packed) error) error {
		return d.Blocks(ctx, p, wanted, func(b *parcel.Packed) error {
			moved.Add(int64(b.Len()))
			return send(b)
		})
	})
	if errors.Is(err, parcel.ErrNotEmpty) {
		return &Restored{NotEmpty: true}, nil
	}
	if err != nil {
		return nil, err
	}
	memory.store(now)
	return &Restored{Moved: moved.Load()}, d.Touch(p)
}
