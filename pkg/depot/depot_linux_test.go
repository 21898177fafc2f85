package depot

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
)

// depots are an empty one of each kind.
func depots(t *testing.T) map[string]*Depot {
	t.Helper()
	return map[string]*Depot{"folder": Folder(filepath.Join(t.TempDir(), "new", "folder")), "registry": newFakeRegistry(t).depot(t)}
}

// goods are a folder with files of random bytes, which don't get smaller.
type goods struct {
	dir  string
	rand *rand.ChaCha8
}

func newGoods(t *testing.T, seed byte, files int) *goods {
	t.Helper()
	c := &goods{t.TempDir(), rand.NewChaCha8([32]byte{seed})}
	for i := range files {
		c.write(t, fmt.Sprintf("file%d", i), 100_000)
	}
	return c
}

func (c *goods) write(t *testing.T, name string, size int) {
	t.Helper()
	b := make([]byte, size)
	_, _ = c.rand.Read(b)
	assert.NilError(t, os.WriteFile(filepath.Join(c.dir, name), b, 0o600))
}

// save saves a folder, and returns the parcel, nil if there was nothing to do, and how many bytes were written.
func save(ctx context.Context, d *Depot, k Key, dir string, now time.Time) (*Parcel, int64, error) {
	release, err := d.Hold(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer release()
	base, err := d.Find(ctx, k)
	if err != nil {
		return nil, 0, err
	}
	s, err := d.Save(ctx, k, base)
	if err != nil {
		return nil, 0, err
	}
	defer s.Close()
	found, err := parcel.Pack(ctx, dir, parcel.PackOptions{Known: s.Known(), Emit: s.Add})
	if err != nil {
		return nil, 0, err
	}
	text, err := found.Tree.Encode()
	if err != nil {
		return nil, 0, err
	}
	p, err := s.Commit(found.Tree, text, now)
	return p, s.Moved(), err
}

func mustSave(t *testing.T, d *Depot, k Key, dir string, now time.Time) (*Parcel, int64) {
	t.Helper()
	p, moved, err := save(t.Context(), d, k, dir, now)
	assert.NilError(t, err)
	return p, moved
}

// restored is what a parcel restores.
func restored(ctx context.Context, d *Depot, p *Parcel, dir string) error {
	text, err := d.Tree(ctx, p)
	if err != nil {
		return err
	}
	tree, err := parcel.Decode(text)
	if err != nil {
		return err
	}
	u, err := parcel.NewUnpacker(dir, tree, false)
	if err != nil {
		return err
	}
	defer u.Close()
	if err := d.Blocks(ctx, p, u.Wants, u.Add); err != nil {
		return err
	}
	_, err = u.Commit()
	return err
}

// sums are of the files of a folder.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	list, err := os.ReadDir(dir)
	assert.NilError(t, err)
	for _, e := range list {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		assert.NilError(t, err)
		out[e.Name()] = fmt.Sprintf("%x", sha256.Sum256(b))
	}
	return out
}

func mustRestore(t *testing.T, d *Depot, p *Parcel, want string) {
	t.Helper()
	dir := t.TempDir()
	assert.NilError(t, restored(t.Context(), d, p, dir))
	assert.DeepEqual(t, sums(t, dir), sums(t, want))
}

var day = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestSave(t *testing.T) {
	for name, d := range depots(t) {
		t.Run(name, func(t *testing.T) {
			c := newGoods(t, 1, 100) // 10 MB
			k := Key{Platform: "linux/amd64", Mount: "/npm", Locks: "one"}
			none, err := d.Find(t.Context(), k)
			assert.NilError(t, err)
			assert.Assert(t, none == nil)
			first, moved := mustSave(t, d, k, c.dir, day)
			assert.Assert(t, moved > 10_000_000 && moved < 10_200_000, "%d", moved)
			assert.Equal(t, first.Files, 100)
			assert.Equal(t, first.Bytes, int64(10_000_000))
			mustRestore(t, d, first, c.dir)

			same, moved := mustSave(t, d, k, c.dir, day.Add(time.Hour))
			assert.Assert(t, same == nil)
			assert.Equal(t, moved, int64(0))

			c.write(t, "file7", 100_000)
			second, moved := mustSave(t, d, k, c.dir, day.Add(2*time.Hour))
			assert.Assert(t, moved < 300_000, "%d bytes after a change of a hundredth", moved)
			mustRestore(t, d, second, c.dir)

			// Other lock files begin with what there is.
			other := k
			other.Locks = "two"
			near, err := d.Find(t.Context(), other)
			assert.NilError(t, err)
			assert.Equal(t, near.Name, k.Name())
			c.write(t, "more", 50_000)
			third, moved := mustSave(t, d, other, c.dir, day.Add(3*time.Hour))
			assert.Assert(t, moved < 200_000, "%d", moved)
			mustRestore(t, d, third, c.dir)

			// Another mount and another platform know nothing of it.
			for _, far := range []Key{{Platform: "linux/arm64", Mount: "/npm"}, {Platform: "linux/amd64", Mount: "/apt"}, {Platform: "linux/amd64", Mount: "/npm", Base: "1000:1000"}} {
				p, err := d.Find(t.Context(), far)
				assert.NilError(t, err)
				assert.Assert(t, p == nil)
			}
			all, err := d.List(t.Context())
			assert.NilError(t, err)
			assert.Assert(t, is.Len(all, 2))
			assert.NilError(t, d.Remove(t.Context(), all...))
			all, err = d.List(t.Context())
			assert.NilError(t, err)
			assert.Assert(t, is.Len(all, 0))
		})
	}
}

// TestSame saves the same into two places: all is the same.
func TestSame(t *testing.T) {
	c := newGoods(t, 1, 50)
	var found []digest.Digest
	for range 2 {
		for _, d := range depots(t) {
			p, _ := mustSave(t, d, Key{Platform: "linux/amd64", Mount: "/npm"}, c.dir, day)
			found = append(found, p.digest)
		}
	}
	assert.Equal(t, len(slices.Compact(found)), 1)
}

// TestLong saves a hundred times after changes: what is stored stays small, and packs few.
func TestLong(t *testing.T) {
	d := Folder(t.TempDir())
	c := newGoods(t, 1, 100)
	k := Key{Platform: "linux/amd64", Mount: "/npm"}
	first, _ := mustSave(t, d, k, c.dir, day)
	var p *Parcel
	var worst int64
	for i := range 100 {
		c.write(t, fmt.Sprintf("file%d", (i*7)%100), 100_000)
		var moved int64
		p, moved = mustSave(t, d, k, c.dir, day)
		worst = max(worst, moved)
	}
	mustRestore(t, d, p, c.dir)
	assert.Assert(t, p.Size < first.Size*3/2, "%d of %d", p.Size, first.Size)
	assert.Assert(t, len(p.manifest.Layers) < 90, "%d", len(p.manifest.Layers))
	assert.Assert(t, worst < first.Size*5/100, "%d", worst)
	assert.NilError(t, d.sweep())
	var onDisk int64
	list, err := os.ReadDir(filepath.Join(d.Name, "blobs/sha256"))
	assert.NilError(t, err)
	for _, e := range list {
		info, err := e.Info()
		assert.NilError(t, err)
		onDisk += info.Size()
	}
	assert.Assert(t, onDisk < first.Size*3/2, "%d", onDisk)
}

func TestTidy(t *testing.T) {
	chunk := func(n int) parcel.Digest { return sha256.Sum256([]byte{byte(n), byte(n >> 8)}) }
	const size = 100_000
	one := func(numbers ...int) packed {
		p := packed{Digest: digest.FromString(fmt.Sprint(numbers)), Size: maxPack}
		for _, n := range numbers {
			p.Blocks = append(p.Blocks, block{size, []parcel.Piece{{Chunk: chunk(n), Size: size}}})
		}
		return p
	}
	alive := func(numbers ...int) map[parcel.Digest]int64 {
		live := map[parcel.Digest]int64{}
		for _, n := range numbers {
			live[chunk(n)] = size
		}
		return live
	}
	var many []int
	for n := range 100 {
		many = append(many, 1000+n)
	}
	for name, test := range map[string]struct {
		packs []packed
		live  []int
		kept  int
		known []int // of the chunks up to 10
	}{
		"all alive":           {[]packed{one(0, 1, 2), one(3)}, []int{0, 1, 2, 3}, 2, []int{0, 1, 2, 3}},
		"one dead":            {[]packed{one(0, 1, 2), one(3)}, []int{0, 1, 2}, 1, []int{0, 1, 2}},
		"a third dead":        {[]packed{one(0, 1, 2)}, []int{0, 1}, 1, []int{0, 1, 2}},
		"more than a third":   {[]packed{one(0, 1, 2, 3), one(many...)}, append([]int{0, 1}, many...), 2, []int{2, 3}},
		"written again":       {[]packed{one(0, 1, 2, 3), one(0, 1)}, []int{0, 1}, 1, []int{0, 1}},
		"no more than 3 %":    {[]packed{one(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10), one(many...)}, append([]int{0, 1, 2, 3, 4, 5}, many...), 2, []int{3, 4, 5, 6, 7, 8, 9, 10}},
		"the worst one first": {[]packed{one(0, 1, 2, 3, 4), one(5, 6, 7, 8, 9), one(many...)}, append([]int{0, 1, 2, 7}, many...), 3, []int{2, 3, 4, 5, 6, 8, 9}},
	} {
		kept, known := tidy(test.packs, alive(test.live...))
		assert.Equal(t, len(kept), test.kept, name)
		var numbers []int
		for n := range 11 {
			if known[chunk(n)] {
				numbers = append(numbers, n)
			}
		}
		assert.DeepEqual(t, numbers, test.known)
	}

	var small []packed
	for n := range smallPacks + 1 {
		small = append(small, one(n))
		small[n].Size = size
	}
	_, known := tidy(small[:smallPacks], alive(many[:smallPacks]...))
	assert.Equal(t, len(known), 0)
	var all []int
	for n := range smallPacks + 1 {
		all = append(all, n)
	}
	_, known = tidy(append(small[:smallPacks:smallPacks], one(many...)), alive(append(all[:smallPacks:smallPacks], many...)...))
	assert.Equal(t, len(known), smallPacks+100)
	_, known = tidy(append(small, one(many...)), alive(append(all, many...)...))
	assert.Equal(t, len(known), smallPacks+1+100-2)
}

func TestSurplus(t *testing.T) {
	blob := func(name string, size int64) ocispecs.Descriptor {
		return ocispecs.Descriptor{Digest: digest.FromString(name), Size: size}
	}
	one := func(name string, blobs ...ocispecs.Descriptor) *Parcel {
		return &Parcel{Name: name, manifest: &ocispecs.Manifest{Config: blob("config of "+name, 1), Layers: blobs}}
	}
	shared := blob("shared", 50)
	all := []*Parcel{one("a", shared, blob("a", 10)), one("b", shared, blob("b", 10)), one("c", blob("c", 10))}
	for size, want := range map[int64]int{1000: 0, 83: 0, 82: 1, 72: 1, 71: 2, 10: 2, 0: 2} {
		assert.Equal(t, len(surplus(all, size)), want, "%d", size)
	}
	assert.Equal(t, Union(all), int64(83))
}

// TestTrim removes what was used longest ago: saved or restored.
func TestTrim(t *testing.T) {
	d := Folder(t.TempDir())
	var all []*Parcel
	for i := range 4 {
		c := newGoods(t, byte(i), 10)
		p, _ := mustSave(t, d, Key{Platform: "linux/amd64", Mount: fmt.Sprintf("/%d", i)}, c.dir, day)
		when := time.Now().Add(time.Duration(i-10) * time.Hour)
		assert.NilError(t, os.Chtimes(d.place.(*folder).blobPath(p.digest), when, when))
		all = append(all, p)
	}
	assert.NilError(t, d.Touch(all[1]))
	gone, err := d.Trim(t.Context(), 2_100_000)
	assert.NilError(t, err)
	assert.Equal(t, len(gone), 2)
	left, err := d.List(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, left[0].Mount, "/1")
	assert.Equal(t, left[1].Mount, "/3")
	list, err := os.ReadDir(filepath.Join(d.Name, "blobs/sha256"))
	assert.NilError(t, err)
	assert.Equal(t, len(list), 10) // of each its manifest, configuration, tree, table and pack
}

// TestAtOnce has many save the same and other mounts while others trim: what is named is whole.
func TestAtOnce(t *testing.T) {
	for name, d := range depots(t) {
		t.Run(name, func(t *testing.T) {
			var contents []*goods
			for i := range 4 {
				contents = append(contents, newGoods(t, byte(i), 20))
			}
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() {
					k := Key{Platform: "linux/amd64", Mount: fmt.Sprintf("/%d", i%2)}
					if _, _, err := save(t.Context(), d, k, contents[i%4].dir, day); err != nil {
						t.Error(err)
					}
					if name == "folder" && i%3 == 0 {
						if _, err := d.Trim(t.Context(), 1_000_000); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			left, err := d.List(t.Context())
			assert.NilError(t, err)
			assert.Assert(t, len(left) > 0)
			for _, p := range left {
				dir := t.TempDir()
				assert.NilError(t, restored(t.Context(), d, p, dir))
				is := slices.ContainsFunc(contents, func(c *goods) bool {
					return fmt.Sprint(sums(t, c.dir)) == fmt.Sprint(sums(t, dir))
				})
				assert.Assert(t, is, "a mixture was restored")
			}
		})
	}
}
