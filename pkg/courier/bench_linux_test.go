package courier

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/depot"
)

// storeFiles is how many files the store of the benchmarks has: about 1 GB.
const storeFiles = 16_000

// newStore makes a folder like npm's: most of it archives, which don't get smaller, and an index of small texts.
func newStore(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	r := rand.New(rand.NewChaCha8([32]byte{1})) //nolint:gosec // the same numbers each time are wanted
	for i := range storeFiles {
		writeStore(b, dir, r, i)
	}
	return dir
}

func writeStore(b *testing.B, dir string, r *rand.Rand, i int) {
	b.Helper()
	n := 1 + r.IntN(30_000)
	if r.IntN(20) == 0 {
		n = r.IntN(2_000_000)
	}
	data := make([]byte, n)
	for j := 0; j+8 <= n; j += 8 {
		v := r.Uint64()
		for k := range 8 {
			data[j+k] = byte(v >> (8 * k))
		}
	}
	files := map[string][]byte{
		fmt.Sprintf("content-v2/sha512/%02x/%02x/%d", i%251, i%13, i): data,
		fmt.Sprintf("index-v5/%02x/%d", i%251, i): fmt.Appendf(nil,
			`{"key":"pacote:tarball:file:package-%d","integrity":"sha512-%x","time":%d,"size":%d,"metadata":{"url":"https://registry/package-%d.tgz"}}`, i, data[:min(n, 32)], i, n, i),
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		assert.NilError(b, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(b, os.WriteFile(path, text, 0o600))
		old := time.Now().Add(-time.Hour)
		assert.NilError(b, os.Chtimes(path, old, old))
	}
}

// changeStore replaces a hundredth of the packages by others.
func changeStore(b *testing.B, dir string, seed byte) {
	b.Helper()
	r := rand.New(rand.NewChaCha8([32]byte{2, seed})) //nolint:gosec // the same numbers each time are wanted
	for range storeFiles / 100 {
		writeStore(b, dir, r, r.IntN(storeFiles))
	}
}

func mustSave(b *testing.B, dir string, d *depot.Depot, m *Memory) *Saved {
	b.Helper()
	s, err := Save(b.Context(), helper(b, dir), d, key, m)
	assert.NilError(b, err)
	return s
}

// work is the time that processors worked for f, which is what counts where others are at work too.
func work(b *testing.B, f func()) {
	b.Helper()
	var before, after unix.Rusage
	assert.NilError(b, unix.Getrusage(unix.RUSAGE_SELF, &before))
	f()
	assert.NilError(b, unix.Getrusage(unix.RUSAGE_SELF, &after))
	spent := unix.TimevalToNsec(after.Utime) + unix.TimevalToNsec(after.Stime) - unix.TimevalToNsec(before.Utime) - unix.TimevalToNsec(before.Stime)
	b.ReportMetric(float64(spent)/1e9, "cpu-s")
}

// BenchmarkStore saves and restores a store of 1 GB, beside what an archive takes for that.
func BenchmarkStore(b *testing.B) {
	dir := newStore(b)
	m := &Memory{filepath.Join(b.TempDir(), "memory")}
	d := depot.Folder(b.TempDir())
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			var s *Saved
			work(b, func() { s = mustSave(b, dir, depot.Folder(b.TempDir()), nil) })
			b.ReportMetric(float64(s.Moved)/1e6, "MB-moved")
		}
	})
	first := mustSave(b, dir, d, m)
	b.Run("save-same", func(b *testing.B) {
		for b.Loop() {
			var s *Saved
			work(b, func() { s = mustSave(b, dir, d, m) })
			b.ReportMetric(float64(s.Moved)/1e6, "MB-moved")
		}
	})
	b.Run("save-same-elsewhere", func(b *testing.B) {
		for b.Loop() {
			var s *Saved
			work(b, func() { s = mustSave(b, dir, d, nil) })
			b.ReportMetric(float64(s.Moved)/1e6, "MB-moved")
		}
	})
	n := byte(0)
	b.Run("save-changed", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			n++
			changeStore(b, dir, n)
			b.StartTimer()
			var s *Saved
			work(b, func() { s = mustSave(b, dir, d, m) })
			b.ReportMetric(float64(s.Moved)/1e6, "MB-moved")
			b.ReportMetric(100*float64(s.Moved)/float64(first.Moved), "%-moved")
		}
	})
	p, err := d.Find(b.Context(), key)
	assert.NilError(b, err)
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			work(b, func() {
				_, err := Restore(b.Context(), helper(b, b.TempDir()), d, p, false, nil)
				assert.NilError(b, err)
			})
		}
	})
	archive := filepath.Join(b.TempDir(), "store.tar.zst")
	b.Run("tar-save", func(b *testing.B) {
		for b.Loop() {
			work(b, func() { assert.NilError(b, writeArchive(dir, archive)) })
			info, err := os.Stat(archive)
			assert.NilError(b, err)
			b.ReportMetric(float64(info.Size())/1e6, "MB-moved")
		}
	})
	b.Run("tar-restore", func(b *testing.B) {
		for b.Loop() {
			work(b, func() { assert.NilError(b, readArchive(archive, b.TempDir())) })
		}
	})
}

func writeArchive(dir, to string) (err error) {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := zstd.NewWriter(f)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	return errors.Join(w.AddFS(os.DirFS(dir)), w.Close(), z.Close())
}

func readArchive(from, dir string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		return err
	}
	defer z.Close()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := extract(r, h, filepath.Join(dir, h.Name)); err != nil { //nolint:gosec // written above
			return err
		}
	}
}

func extract(r io.Reader, h *tar.Header, path string) error {
	if h.Typeflag == tar.TypeDir {
		return os.MkdirAll(path, 0o755)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, fs.FileMode(h.Mode)) //nolint:gosec // twelve bits
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close(), os.Chtimes(path, h.ModTime, h.ModTime))
}
