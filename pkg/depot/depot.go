// Package depot is where the contents of cache mounts are kept: a folder, or a repository of a registry.
//
// Both hold the same: a manifest for each mount, as OCI has them, with a tree, a table of what its packs have, and packs of blocks.
// What is written comes before what leads to it, so that nobody finds half of something, and what is read is verified. The package
// knows of no builder, and nothing of what a mount is for.
package depot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
)

// Key says what mount a parcel is of.
type Key struct {
	// Platform is whose programs the mount is used by, "linux/amd64"; several of them in a list with commas.
	Platform string `json:"platform"`
	// Mount is the ID that BuildKit has for it.
	Mount string `json:"mount"`
	// Base tells what it is made on: an owner and permissions, or another stage. Empty is nothing.
	Base string `json:"base,omitempty"`
	// Locks is the digest of the lock files that its content comes of; empty where there are none.
	Locks string `json:"locks,omitempty"`
}

// prefix begins the names of all parcels of the same mount.
func (k Key) prefix() string { return namePrefix + short(k.Platform, k.Mount, k.Base) + "-" }

// Name is that of the parcel, which can be a tag.
func (k Key) Name() string {
	if k.Locks == "" {
		return k.prefix() + "none"
	}
	return k.prefix() + short(k.Locks)
}

const namePrefix = "mount-"

func short(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// Parcel is the stored content of a mount.
type Parcel struct {
	Name string `json:"name"`
	Key
	parcel.Sum
	// Size is what it takes where it is stored. What several parcels share counts for each of them.
	Size int64 `json:"size"`
	// Created is when it was saved last, Used when it was last saved or restored; a registry doesn't tell of the latter.
	Created time.Time `json:"createdAt"`
	Used    time.Time `json:"usedAt"`

	digest   digest.Digest
	manifest *ocispecs.Manifest
}

// place is a store of blobs and of named manifests.
type place interface {
	// get reads a manifest by its name; its error is errNotFound where there is none.
	get(ctx context.Context, name string) (text []byte, used time.Time, err error)
	// names are those of all manifests that begin so.
	names(ctx context.Context, prefix string) ([]string, error)
	// holds tells whether a blob is there, as far as that can be told without reading it.
	holds(ctx context.Context, d ocispecs.Descriptor) (bool, error)
	open(ctx context.Context, d ocispecs.Descriptor) (io.ReadCloser, error)
	// draft makes an empty file for a blob, and put stores it; the file is gone then.
	draft() (draft, error)
	put(ctx context.Context, d ocispecs.Descriptor, from draft) error
	// tag names a manifest whose blobs are all there.
	tag(ctx context.Context, name string, d ocispecs.Descriptor, text []byte) error
	remove(ctx context.Context, p *Parcel) error
	// touch notes that a manifest was used.
	touch(p *Parcel) error
	// hold keeps others from removing blobs until it is released, sweep removes those that nothing leads to.
	hold(ctx context.Context) (release func(), err error)
	sweep() error
}

var errNotFound = errors.New("not there")

// Depot is a folder or a repository with parcels.
type Depot struct {
	// Name is that of the folder or repository.
	Name string
	place
}

// Find returns the parcel of a key, or that of the same mount which was saved last; nil if there is none.
func (d *Depot) Find(ctx context.Context, k Key) (*Parcel, error) {
	p, err := d.load(ctx, k.Name())
	if err == nil || !errors.Is(err, errNotFound) {
		return p, err
	}
	all, err := d.list(ctx, k.prefix())
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return slices.MaxFunc(all, func(a, b *Parcel) int { return a.Created.Compare(b.Created) }), nil
}

// Answers tells why nothing can be asked for; that what is stored under a key is damaged is not why.
func (d *Depot) Answers(ctx context.Context, k Key) error {
	if _, err := d.Find(ctx, k); !errors.Is(err, parcel.ErrDamaged) && !errors.Is(err, errForeign) {
		return err
	}
	return nil
}

// List returns all parcels, those used last first.
func (d *Depot) List(ctx context.Context) ([]*Parcel, error) {
	all, err := d.list(ctx, namePrefix)
	slices.SortFunc(all, func(a, b *Parcel) int { return cmp.Or(b.Used.Compare(a.Used), cmp.Compare(a.Name, b.Name)) })
	return all, err
}

func (d *Depot) list(ctx context.Context, prefix string) ([]*Parcel, error) {
	names, err := d.names(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Name, err)
	}
	var out []*Parcel
	for _, name := range names {
		p, err := d.load(ctx, name)
		switch {
		case errors.Is(err, errNotFound), errors.Is(err, errForeign): // removed meanwhile, or somebody else's name
		case err != nil:
			return nil, err
		default:
			out = append(out, p)
		}
	}
	return out, nil
}

func (d *Depot) load(ctx context.Context, name string) (*Parcel, error) {
	text, used, err := d.get(ctx, name)
	if err == nil {
		var p *Parcel
		if p, err = parse(name, text); err == nil {
			p.Used = cmp.Or(used, p.Created)
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s: %s: %w", d.Name, name, err)
}

// Remove removes parcels, and what only they need.
func (d *Depot) Remove(ctx context.Context, all ...*Parcel) error {
	for _, p := range all {
		if err := d.remove(ctx, p); err != nil && !errors.Is(err, errNotFound) {
			return fmt.Errorf("%s: %s: %w", d.Name, p.Name, err)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return d.sweep()
}

// Sweep removes what no parcel needs any more, unless somebody is reading or writing.
func (d *Depot) Sweep() error { return d.sweep() }

// Trim removes the parcels that were used longest ago until all of them take no more than so many bytes, and returns them. One that
// was used last stays.
func (d *Depot) Trim(ctx context.Context, size int64) ([]*Parcel, error) {
	all, err := d.List(ctx)
	if err != nil {
		return nil, err
	}
	out := surplus(all, size)
	return out, d.Remove(ctx, out...)
}

// surplus are the last of a list that have to go.
func surplus(all []*Parcel, size int64) []*Parcel {
	seen := map[digest.Digest]bool{}
	var total int64
	for i, p := range all {
		for _, b := range p.blobs() {
			if !seen[b.Digest] {
				seen[b.Digest] = true
				total += b.Size
			}
		}
		if total > size && i > 0 {
			return all[i:]
		}
	}
	return nil
}

// Union is what parcels take together.
func Union(all []*Parcel) int64 {
	seen := map[digest.Digest]bool{}
	var total int64
	for _, p := range all {
		for _, b := range p.blobs() {
			if !seen[b.Digest] {
				seen[b.Digest] = true
				total += b.Size
			}
		}
	}
	return total
}
