package courier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/depot"
	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
	"github.com/docker-catmandu/docker-catmandu/pkg/porter"
)

// helper starts one beside a folder, as BuildKit would.
func helper(t testing.TB, dir string) porter.Helper {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := porter.Help(context.Background(), inR, outW)
		_ = inR.CloseWithError(errors.New("the process has ended"))
		_ = outW.Close()
		if err != nil {
			t.Log("helper:", err)
		}
	}()
	t.Cleanup(func() {
		_ = inW.Close()
		_ = outR.Close()
		<-done
	})
	return porter.Helper{In: inW, Out: outR, Dir: dir}
}

// fill writes files of random bytes.
func fill(t testing.TB, dir string, seed byte, files, size int) {
	t.Helper()
	r := rand.NewChaCha8([32]byte{seed})
	b := make([]byte, size)
	for i := range files {
		_, _ = r.Read(b)
		name := filepath.Join(dir, fmt.Sprintf("d%d/f%d", i%7, i))
		assert.NilError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		assert.NilError(t, os.WriteFile(name, b, 0o600))
		old := time.Now().Add(-time.Hour)
		assert.NilError(t, os.Chtimes(name, old, old))
	}
}

// treeOf is what a folder is, as text.
func treeOf(t testing.TB, dir string) string {
	t.Helper()
	c, err := parcel.Pack(context.Background(), dir, parcel.PackOptions{Emit: func(*parcel.Packed) error { return nil }})
	assert.NilError(t, err)
	return fmt.Sprint(c.Tree.Entries)
}

var key = depot.Key{Platform: "linux/amd64", Mount: "/npm"}

func TestThereAndBack(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	fill(t, from, 1, 100, 30_000)
	d := depot.Folder(t.TempDir())
	memory := &Memory{filepath.Join(t.TempDir(), "sub/memory")}

	s, err := Save(t.Context(), helper(t, from), d, key, memory)
	assert.NilError(t, err)
	assert.Equal(t, s.Parcel.Files, 100)
	assert.Equal(t, s.Read, int64(3_000_000))
	assert.Assert(t, s.Moved > 3_000_000)

	s, err = Save(t.Context(), helper(t, from), d, key, memory)
	assert.NilError(t, err)
	assert.Assert(t, s.Unchanged)
	assert.Equal(t, s.Read, int64(0))
	assert.Equal(t, s.Moved, int64(0))

	s, err = Save(t.Context(), helper(t, from), d, key, nil) // as somebody who remembers nothing
	assert.NilError(t, err)
	assert.Assert(t, s.Unchanged)
	assert.Equal(t, s.Read, int64(3_000_000))
	assert.Equal(t, s.Moved, int64(0))

	there := &Memory{filepath.Join(t.TempDir(), "memory")}
	r, err := Restore(t.Context(), helper(t, to), d, s.Parcel, false, there)
	assert.NilError(t, err)
	assert.Assert(t, !r.NotEmpty)
	assert.Equal(t, treeOf(t, to), treeOf(t, from))

	// What was restored is known.
	fill(t, to, 2, 1, 30_000)
	s, err = Save(t.Context(), helper(t, to), d, key, there)
	assert.NilError(t, err)
	assert.Equal(t, s.Read, int64(30_000))
	assert.Assert(t, s.Moved < 100_000)

	r, err = Restore(t.Context(), helper(t, to), d, s.Parcel, false, nil)
	assert.NilError(t, err)
	assert.Assert(t, r.NotEmpty)
	assert.Equal(t, r.Moved, int64(0))
	r, err = Restore(t.Context(), helper(t, from), d, s.Parcel, true, nil)
	assert.NilError(t, err)
	assert.Assert(t, !r.NotEmpty)
	assert.Equal(t, treeOf(t, to), treeOf(t, from))
}

func TestEmpty(t *testing.T) {
	d := depot.Folder(t.TempDir())
	s, err := Save(t.Context(), helper(t, t.TempDir()), d, key, nil)
	assert.NilError(t, err)
	assert.Assert(t, s.Parcel == nil)
	all, err := d.List(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(all), 0)
}

// TestBadMemory remembers nonsense.
func TestBadMemory(t *testing.T) {
	from := t.TempDir()
	fill(t, from, 1, 3, 1000)
	d := depot.Folder(t.TempDir())
	for _, text := range []string{"", "short", "\x00\x00\x00\x00\x00\x00\x00\x05treeX", "\xff\xff\xff\xff\xff\xff\xff\xff123"} {
		m := &Memory{filepath.Join(t.TempDir(), "memory")}
		assert.NilError(t, os.WriteFile(m.Path, []byte(text), 0o600))
		s, err := Save(t.Context(), helper(t, from), d, key, m)
		assert.NilError(t, err)
		assert.Equal(t, s.Read, int64(3000))
		s, err = Save(t.Context(), helper(t, from), d, key, m)
		assert.NilError(t, err)
		assert.Equal(t, s.Read, int64(0))
	}
	s, err := Save(t.Context(), helper(t, from), d, key, &Memory{filepath.Join(from, "d0/f0/no-folder")})
	assert.NilError(t, err)
	assert.Assert(t, s.Unchanged)
}

// TestFails has either side fail in the middle: an error, and nothing half done.
func TestFails(t *testing.T) {
	from := t.TempDir()
	fill(t, from, 1, 100, 100_000)
	d := depot.Folder(t.TempDir())
	s, err := Save(t.Context(), helper(t, from), d, key, nil)
	assert.NilError(t, err)

	t.Run("a pack is damaged", func(t *testing.T) {
		list, err := filepath.Glob(filepath.Join(d.Name, "blobs/sha256/*"))
		assert.NilError(t, err)
		for _, path := range list {
			b, err := os.ReadFile(path)
			assert.NilError(t, err)
			if len(b) < 1<<20 {
				continue
			}
			b[len(b)/2] ^= 1
			assert.NilError(t, os.WriteFile(path, b, 0o600))
			to := t.TempDir()
			_, err = Restore(t.Context(), helper(t, to), d, s.Parcel, false, nil)
			assert.ErrorIs(t, err, parcel.ErrDamaged)
			left, err := os.ReadDir(to)
			assert.NilError(t, err)
			assert.Equal(t, len(left), 0)
			b[len(b)/2] ^= 1
			assert.NilError(t, os.WriteFile(path, b, 0o600))
		}
	})
	t.Run("the helper is killed", func(t *testing.T) {
		for _, after := range []int64{0, 10, 100_000, 5_000_000} {
			h := helper(t, from)
			h.Out = io.LimitReader(h.Out, after)
			_, err := Save(t.Context(), h, depot.Folder(t.TempDir()), key, nil)
			assert.ErrorIs(t, err, porter.ErrGone)
		}
	})
	t.Run("the folder is not there", func(t *testing.T) {
		gone := filepath.Join(t.TempDir(), "gone")
		_, err := Save(t.Context(), helper(t, gone), d, key, nil)
		assert.ErrorContains(t, err, "no such file")
		_, err = Restore(t.Context(), helper(t, gone), d, s.Parcel, false, nil)
		assert.ErrorContains(t, err, "no such file")
	})
}
