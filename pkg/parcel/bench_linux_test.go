package parcel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

// BenchmarkPack packs 200 MB of files of which none gets smaller.
func BenchmarkPack(b *testing.B) {
	dir := b.TempDir()
	g := newGrower(b, 1, dir)
	data := make([]byte, 20_000)
	for i := range 10_000 {
		_, _ = g.source.Read(data)
		name := filepath.Join(dir, fmt.Sprint(i%97), fmt.Sprint(i))
		assert.NilError(b, os.MkdirAll(filepath.Dir(name), 0o755))
		assert.NilError(b, os.WriteFile(name, data, 0o600))
	}
	b.SetBytes(200e6)
	for b.Loop() {
		_, err := Pack(context.Background(), dir, PackOptions{Emit: func(*Packed) error { return nil }})
		assert.NilError(b, err)
	}
}
