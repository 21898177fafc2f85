package parcel

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// PackOptions say what of a folder is known already.
type PackOptions struct {
	// Known are chunks that need not be sent.
	Known map[Digest]bool
	// Before is the folder as it was when it was read last on this machine: what is marked the same is not read again. Nil when
	// nothing is known.
	Before *Marked
	// Emit gets the blocks, always in the same order.
	Emit func(*Packed) error
}

// Contents is what a folder has.
type Contents struct {
	Marked
	// Skipped are what could not be kept: sockets, and files that somebody was writing to.
	Skipped []Name
	// Read is how many bytes were read, the others were known by their marks.
	Read int64
}

// Pack reads a folder. It waits until nobody restores it.
func Pack(ctx context.Context, dir string, o PackOptions) (*Contents, error) {
	release, err := lock(dir, false)
	if err != nil {
		return nil, err
	}
	defer release()
	s, err := walk(ctx, dir)
	if err != nil {
		return nil, err
	}
	p := &packer{scan: s, options: o, sent: map[Digest]bool{}, before: map[Name]int{}}
	if o.Before != nil {
		for i := range o.Before.Tree.Entries {
			p.before[o.Before.Tree.Entries[i].Path] = i
		}
	}
	if err := p.run(ctx); err != nil {
		return nil, err
	}
	return p.contents(), nil
}

// packer reads many files at once, and goes through what comes of them in the order of their names: so the blocks are always the
// same.
type packer struct {
	*scan
	options PackOptions
	before  map[Name]int
	sent    map[Digest]bool
	gone    map[Name]bool
	read    int64

	chunks []Chunk
	data   []byte
	blocks chan func() (*Packed, error)
}

// ahead bounds the files that are read but not gone through, and the chunks of each that wait.
const ahead, waiting = 64, 4

func (p *packer) run(ctx context.Context) error {
	eg, ctx := errgroup.WithContext(ctx)
	files := make(chan *reading, ahead)
	order := make(chan *fileAt, ahead)
	p.blocks = make(chan func() (*Packed, error), 2*runtime.GOMAXPROCS(0))
	for range runtime.GOMAXPROCS(0) {
		eg.Go(func() error {
			for r := range files {
				r.read(p.dir, r.entry, ctx.Done())
			}
			return nil
		})
	}
	eg.Go(func() error {
		defer close(files)
		defer close(order)
		return p.queue(ctx, files, order)
	})
	eg.Go(func() error {
		defer close(p.blocks)
		return p.collect(ctx, order)
	})
	eg.Go(func() error { return p.emit(ctx) })
	return eg.Wait()
}

// fileAt is a file that is being read, and which entry it is.
type fileAt struct {
	*reading
	index int
}

// queue has files read that are not known.
func (p *packer) queue(ctx context.Context, files chan<- *reading, order chan<- *fileAt) error {
	for i := range p.entries {
		e := &p.entries[i]
		if e.Kind != File {
			continue
		}
		if b, named := p.before[e.Path]; named && p.isSame(i, b) {
			e.Pieces = p.options.Before.Tree.Entries[b].Pieces
			continue
		}
		r := &reading{pieces: make(chan content, waiting), entry: *e}
		select {
		case order <- &fileAt{r, i}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		select {
		case files <- r:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// isSame tells whether a file was read already and all of it is known where it is sent to.
func (p *packer) isSame(i, b int) bool {
	was := &p.options.Before.Tree.Entries[b]
	if !same(&p.entries[i], p.marks[i], was, p.options.Before.Marks[b]) {
		return false
	}
	for _, piece := range was.Pieces {
		if !piece.IsHole() && !p.options.Known[piece.Chunk] {
			return false
		}
	}
	return true
}

// collect goes through what was read.
func (p *packer) collect(ctx context.Context, order <-chan *fileAt) error {
	p.gone = map[Name]bool{}
	for f := range order {
		for c := range f.pieces {
			p.read += c.Size
			if err := p.take(ctx, c); err != nil {
				return err
			}
		}
		switch {
		case f.err == nil:
			p.entries[f.index], p.marks[f.index] = f.entry, f.mark
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case vanished(f.err):
			e := &p.entries[f.index]
			p.gone[e.Path] = true
			if errors.Is(f.err, errChanging) {
				p.skipped = append(p.skipped, e.Path)
			}
		default:
			return unreadable(&p.entries[f.index], f.err)
		}
	}
	return p.close(ctx)
}

// maxChunks bounds the chunks of a block, for the many that are small.
const maxChunks = 4096

// take adds a chunk to the block, unless it is there already.
func (p *packer) take(ctx context.Context, c content) error {
	if p.options.Known[c.Chunk] || p.sent[c.Chunk] {
		return nil
	}
	p.sent[c.Chunk] = true
	if len(p.data)+len(c.data) > blockSize || len(p.chunks) == maxChunks {
		if err := p.close(ctx); err != nil {
			return err
		}
	}
	if p.data == nil {
		p.data = (*buffers.Get().(*[]byte))[:0]
	}
	p.chunks = append(p.chunks, Chunk{c.Chunk, len(c.data)})
	p.data = append(p.data, c.data...)
	return nil
}

// close has the block compressed.
func (p *packer) close(ctx context.Context) error {
	if len(p.chunks) == 0 {
		return nil
	}
	chunks, data := p.chunks, p.data
	p.chunks, p.data = nil, nil
	packed := sync.OnceValues(func() (*Packed, error) {
		defer buffers.Put(&data)
		return pack(chunks, data)
	})
	go func() { _, _ = packed() }()
	select {
	case p.blocks <- packed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *packer) emit(ctx context.Context) error {
	for packed := range p.blocks {
		b, err := packed()
		if err != nil {
			return err
		}
		if err := p.options.Emit(b); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// contents is what was found, without what went away.
func (p *packer) contents() *Contents {
	out := &Contents{Marked: Marked{Tree: &Tree{}}, Skipped: p.skipped, Read: p.read}
	for i, e := range p.entries {
		if !p.gone[e.Path] && !p.gone[e.Target] {
			out.Tree.Entries, out.Marks = append(out.Tree.Entries, e), append(out.Marks, p.marks[i])
		}
	}
	return out
}
