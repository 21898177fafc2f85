package depot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
)

// Hold keeps what is in the depot there until it is released: nobody removes packs while they are read or counted on.
func (d *Depot) Hold(ctx context.Context) (release func(), err error) { return d.hold(ctx) }

// Touch notes that a parcel was used.
func (d *Depot) Touch(p *Parcel) error { return d.touch(p) }

// TreeDigest is the same for equal trees.
func (p *Parcel) TreeDigest() string { return p.manifest.Layers[0].Digest.String() }

// Tree returns the tree of a parcel as it is stored, verified.
func (d *Depot) Tree(ctx context.Context, p *Parcel) ([]byte, error) {
	text, err := d.blob(ctx, p.manifest.Layers[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %s: tree: %w", d.Name, p.Name, err)
	}
	return text, nil
}

func (d *Depot) table(ctx context.Context, p *Parcel) (*table, error) {
	text, err := d.blob(ctx, p.manifest.Layers[1])
	if err == nil {
		var t *table
		if t, err = decodeTable(text); err == nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("%s: %s: %w", d.Name, p.Name, err)
}

// maxBlob bounds what is read as a whole, in bytes.
const maxBlob = 1 << 30

// blob reads a small blob and verifies it.
func (d *Depot) blob(ctx context.Context, desc ocispecs.Descriptor) ([]byte, error) {
	if desc.Size > maxBlob {
		return nil, fmt.Errorf("%w: it says that it has %d bytes", parcel.ErrDamaged, desc.Size)
	}
	r, err := d.open(ctx, desc)
	if err != nil {
		return nil, missing(err, desc.Digest)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, desc.Size+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", desc.Digest, err)
	}
	if int64(len(text)) != desc.Size || digest.FromBytes(text) != desc.Digest {
		return nil, fmt.Errorf("%w: %s has %d bytes of another content, and should have %d", parcel.ErrDamaged, desc.Digest, len(text), desc.Size)
	}
	return text, nil
}

// missing makes damage of a blob that is not there.
func missing(err error, dgst digest.Digest) error {
	if errors.Is(err, errNotFound) {
		return fmt.Errorf("%w: %s is missing", parcel.ErrDamaged, dgst)
	}
	return fmt.Errorf("%s: %w", dgst, err)
}

// packsAtOnce bounds the packs that are fetched or sent at a time.
const packsAtOnce = 4

// Blocks calls emit with the blocks of a parcel in which a chunk is that is wanted, several at once and in no order. The content
// of chunks is not verified yet.
func (d *Depot) Blocks(ctx context.Context, p *Parcel, wanted func(parcel.Digest) bool, emit func(*parcel.Packed) error) error {
	t, err := d.table(ctx, p)
	if err != nil {
		return err
	}
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(packsAtOnce)
	for _, pack := range t.Packs {
		if !slices.ContainsFunc(pack.Blocks, func(b block) bool { return b.has(wanted) }) {
			continue
		}
		eg.Go(func() error {
			if err := d.blocks(ctx, &pack, wanted, emit); err != nil {
				return fmt.Errorf("%s: %s: %w", d.Name, p.Name, err)
			}
			return nil
		})
	}
	return eg.Wait()
}

// blocks reads one pack.
func (d *Depot) blocks(ctx context.Context, pack *packed, wanted func(parcel.Digest) bool, emit func(*parcel.Packed) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	in, err := d.open(ctx, pack.descriptor())
	if err != nil {
		return missing(err, pack.Digest)
	}
	defer in.Close()
	r := bufio.NewReaderSize(in, 1<<16)
	for _, b := range pack.Blocks {
		if !b.has(wanted) {
			if _, err := r.Discard(int(b.Size)); err != nil {
				return torn(pack, err)
			}
			continue
		}
		got, err := parcel.ReadBlock(r)
		if err != nil {
			return torn(pack, err)
		}
		if err := emit(got); err != nil {
			return err
		}
	}
	return nil
}

// torn is of a pack that ends before it should, or that stops coming.
func torn(pack *packed, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %s ends too early", parcel.ErrDamaged, pack.Digest)
	}
	return fmt.Errorf("%s: %w", pack.Digest, err)
}

func (b *block) has(wanted func(parcel.Digest) bool) bool {
	return slices.ContainsFunc(b.Chunks, func(c parcel.Piece) bool { return wanted(c.Chunk) })
}
