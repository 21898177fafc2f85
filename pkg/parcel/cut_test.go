package parcel

import (
	"bufio"
	"bytes"
	"math/rand/v2"
	"testing"

	"gotest.tools/v3/assert"
)

func random(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // the same numbers each time are wanted
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func chunksOf(b []byte) (sizes []int, found map[string]bool) {
	found = map[string]bool{}
	for len(b) > 0 {
		n := cut(b)
		sizes, found[string(b[:n])] = append(sizes, n), true
		b = b[n:]
	}
	return sizes, found
}

func TestCut(t *testing.T) {
	b := random(1, 64<<20)
	sizes, found := chunksOf(b)
	for _, n := range sizes[:len(sizes)-1] {
		assert.Assert(t, n > minChunk && n <= maxChunk, "%d", n)
	}
	mean := len(b) / len(sizes)
	assert.Assert(t, mean > avgChunk*3/4 && mean < avgChunk*3/2, "%d", mean)

	moved, _ := chunksOf(append([]byte("x"), b...))
	assert.Assert(t, len(moved) > 100)
	_, again := chunksOf(append([]byte("x"), b...))
	lost := 0
	for c := range found {
		if !again[c] {
			lost++
		}
	}
	assert.Assert(t, lost <= 3, "%d chunks are others after a byte was inserted", lost)
}

// TestCutStays pins where chunks end: another place makes all that is stored useless.
func TestCutStays(t *testing.T) {
	sizes, _ := chunksOf(random(2, 1<<20))
	assert.DeepEqual(t, sizes, []int{70455, 76527, 69448, 128576, 81953, 82771, 69623, 69252, 96972, 49819, 67270, 67796, 51231, 66883})
}

func FuzzReadBlock(f *testing.F) {
	p, err := pack([]Chunk{{Size: 3}}, []byte("abc"))
	assert.NilError(f, err)
	f.Add(append(p.header(), p.data...))
	f.Fuzz(func(_ *testing.T, b []byte) { readAll(b) })
}

func BenchmarkCut(b *testing.B) {
	data := random(1, 16<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		for rest := data; len(rest) > 0; {
			rest = rest[cut(rest):]
		}
	}
}

// readAll reads blocks until one is wrong.
func readAll(b []byte) {
	r := bufio.NewReader(bytes.NewReader(b))
	for {
		p, err := ReadBlock(r)
		if err != nil {
			return
		}
		if p.Each(func(Chunk, []byte) error { return nil }) != nil {
			return
		}
	}
}
