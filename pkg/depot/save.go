package depot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
)

// Saving is a parcel that is being written.
type Saving struct {
	depot *Depot
	key   Key
	// base is the parcel whose packs are used again, kept those packs; nil where there are none.
	base  *Parcel
	kept  []packed
	known map[parcel.Digest]bool
	// mends says that what is there can't be trusted.
	mends bool

	// ctx ends when a pack could not be stored; parent goes on.
	eg          *errgroup.Group
	ctx, parent context.Context
	current     *openPack
	fresh       []*openPack
	// size is that of all packs, old and new.
	size  int64
	moved atomic.Int64
}

// openPack is a pack that is being written.
type openPack struct {
	draft
	packed
}

// Save begins a parcel. base is what was saved of the same mount before, or nil: its packs are used again, as far as they are
// there and worth it.
func (d *Depot) Save(ctx context.Context, k Key, base *Parcel) (*Saving, error) {
	s := &Saving{depot: d, key: k, parent: ctx}
	s.eg, s.ctx = errgroup.WithContext(ctx)
	s.eg.SetLimit(packsAtOnce)
	if base == nil {
		return s, nil
	}
	whole, err := d.isWhole(ctx, base)
	if err != nil || !whole {
		return s, err
	}
	t, err := d.table(ctx, base)
	var text []byte
	if err == nil {
		text, err = d.Tree(ctx, base)
	}
	var tree *parcel.Tree
	if err == nil {
		tree, err = parcel.Decode(text)
	}
	if s.mends = errors.Is(err, parcel.ErrDamaged); s.mends { // all of it is written again
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.base = base
	s.kept, s.known = tidy(t.Packs, tree.Chunks())
	for _, p := range s.kept {
		s.size += p.Size
	}
	return s, nil
}

// isWhole tells whether all that a parcel is made of is there.
func (d *Depot) isWhole(ctx context.Context, p *Parcel) (bool, error) {
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(packsAtOnce)
	var lost atomic.Bool
	for _, b := range p.blobs() {
		eg.Go(func() error {
			ok, err := d.holds(ctx, b)
			if !ok {
				lost.Store(true)
			}
			return err
		})
	}
	err := eg.Wait()
	return !lost.Load(), err
}

// Base is the parcel that this one is built on, nil if on none.
func (s *Saving) Base() *Parcel { return s.base }

// Known are the chunks that need not be added.
func (s *Saving) Known() map[parcel.Digest]bool { return s.known }

// Moved is how many bytes were written or sent so far.
func (s *Saving) Moved() int64 { return s.moved.Load() }

// Add writes a block. Packs that are full are stored beside it.
func (s *Saving) Add(b *parcel.Packed) error {
	if s.ctx.Err() != nil {
		return s.eg.Wait()
	}
	if s.current == nil {
		d, err := s.depot.draft()
		if err != nil {
			return err
		}
		s.current = &openPack{draft: d}
	}
	n, err := b.WriteTo(s.current)
	if err != nil {
		return err
	}
	next := block{Size: n}
	for _, c := range b.Chunks {
		next.Chunks = append(next.Chunks, parcel.Piece{Chunk: c.Digest, Size: int64(c.Size)})
	}
	s.current.Size += n
	s.current.Blocks = append(s.current.Blocks, next)
	if s.current.Size >= min(max(s.size/8, minPack), maxPack) {
		return s.flush()
	}
	return nil
}

// flush stores the pack that is being written.
func (s *Saving) flush() error {
	if s.current == nil {
		return nil
	}
	p := s.current
	s.current = nil
	p.Digest = p.digest()
	s.size += p.Size
	s.fresh = append(s.fresh, p)
	s.eg.Go(func() error { return s.store(s.ctx, p.descriptor(), p.draft) })
	return nil
}

func (s *Saving) store(ctx context.Context, d ocispecs.Descriptor, from draft) error {
	if err := s.depot.put(ctx, d, from); err != nil {
		return fmt.Errorf("%s: %w", s.depot.Name, err)
	}
	s.moved.Add(d.Size)
	return nil
}

// storeText stores a small blob, unless it is there.
func (s *Saving) storeText(mediaType string, text []byte) (ocispecs.Descriptor, error) {
	d := describe(mediaType, text)
	if ok, err := s.depot.holds(s.parent, d); ok && !s.mends || err != nil {
		return d, err
	}
	f, err := s.depot.draft()
	if err != nil {
		return d, err
	}
	if _, err := f.Write(text); err != nil {
		return d, errors.Join(err, f.discard())
	}
	return d, s.store(s.parent, d, f)
}

// Commit stores what is left, and names it. It returns nil when all is as it was.
func (s *Saving) Commit(tree *parcel.Tree, text []byte, now time.Time) (*Parcel, error) {
	if err := s.flush(); err != nil {
		return nil, err
	}
	if s.base != nil && s.base.Name == s.key.Name() && s.base.TreeDigest() == describe(treeType, text).Digest.String() && len(s.fresh) == 0 {
		return nil, s.renew(now)
	}
	var layers []ocispecs.Descriptor
	t := s.combined(tree)
	for _, p := range t.Packs {
		layers = append(layers, p.descriptor())
	}
	list, err := t.encode()
	if err != nil {
		return nil, err
	}
	top, err := s.storeText(treeType, text)
	var second ocispecs.Descriptor
	if err == nil {
		second, err = s.storeText(tableType, list)
	}
	if err := errors.Join(s.eg.Wait(), err); err != nil {
		return nil, err
	}
	layers = append([]ocispecs.Descriptor{top, second}, layers...)
	return s.name(tree, layers, now)
}

// combined are the packs that the new tree needs.
func (s *Saving) combined(tree *parcel.Tree) *table {
	all := slices.Clone(s.kept)
	for _, p := range s.fresh {
		all = append(all, p.packed)
	}
	t := &table{Packs: []packed{}}
	for i, uses := range owned(all, tree.Chunks()) {
		if uses > 0 {
			t.Packs = append(t.Packs, all[i])
		}
	}
	return t
}

// name makes the parcel known.
func (s *Saving) name(tree *parcel.Tree, layers []ocispecs.Descriptor, now time.Time) (*Parcel, error) {
	conf, text, err := compose(s.key, tree.Sum(), layers, now)
	if err != nil {
		return nil, err
	}
	if _, err := s.storeText(configType, conf); err != nil {
		return nil, err
	}
	d := describe(ocispecs.MediaTypeImageManifest, text)
	if err := s.depot.tag(s.parent, s.key.Name(), d, text); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", s.depot.Name, s.key.Name(), err)
	}
	s.moved.Add(d.Size)
	p, err := parse(s.key.Name(), text)
	if err == nil {
		p.Used = now
	}
	return p, err
}

// stale is how old the note of the last use may be in a place that can't be told of uses.
const stale = 24 * time.Hour

// renew notes that what is stored is still right.
func (s *Saving) renew(now time.Time) error {
	if err := s.eg.Wait(); err != nil {
		return err
	}
	if err := s.depot.touch(s.base); err != nil || now.Sub(s.base.Used) < stale {
		return err
	}
	_, text, err := compose(s.key, s.base.Sum, s.base.manifest.Layers, now)
	if err != nil {
		return err
	}
	return s.depot.tag(s.parent, s.key.Name(), describe(ocispecs.MediaTypeImageManifest, text), text)
}

// Close removes what was written and not stored.
func (s *Saving) Close() error {
	err := s.eg.Wait()
	if s.current != nil {
		err = errors.Join(err, s.current.discard())
		s.current = nil
	}
	return err
}
