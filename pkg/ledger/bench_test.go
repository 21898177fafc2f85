package ledger

import (
	"fmt"
	"os"
	"testing"

	"gotest.tools/v3/assert"
)

// full returns a ledger of nearly the size at which it is compacted: builds of 40 steps of which each fourth has a new definition.
func full(b *testing.B) (*Ledger, []byte) {
	b.Helper()
	l := New(b.TempDir())
	var text []byte
	known := map[string]bool{}
	for i := 0; len(text) < maxSize-100_000; i++ {
		all := results(40, fmt.Sprint(i))
		for j := range all {
			if j%4 == 0 {
				all[j].Step.Text += fmt.Sprint(" in ", i)
			}
		}
		a, err := encode(build(fmt.Sprint(i), "b"), all)
		assert.NilError(b, err)
		text = append(text, a.without(known)...)
		for _, id := range a.ids {
			known[id] = true
		}
	}
	assert.NilError(b, os.WriteFile(l.path(), text, 0o600))
	return l, text
}

func BenchmarkAppend(b *testing.B) {
	l, text := full(b)
	all := results(40, "new")
	for b.Loop() {
		assert.NilError(b, l.Append(build("new", "b"), all))
		assert.NilError(b, os.Truncate(l.path(), int64(len(text))))
	}
}

func BenchmarkRead(b *testing.B) {
	l, _ := full(b)
	for b.Loop() {
		h, err := l.Read()
		assert.NilError(b, err)
		h.TookKey("")
	}
}

func BenchmarkCompact(b *testing.B) {
	l, text := full(b)
	for b.Loop() {
		assert.NilError(b, l.compact(text))
	}
}

func BenchmarkFiles(b *testing.B) {
	l := New(b.TempDir())
	all := taking(50_000, "a")
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			_ = os.RemoveAll(l.lists())
			assert.NilError(b, l.Append(build("one", "b"), all))
		}
	})
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			assert.NilError(b, l.Append(build("one", "b"), all))
		}
	})
	b.Run("read", func(b *testing.B) {
		r := read(b, l).Builds[0].Results[0]
		for b.Loop() {
			_, err := l.Files(r)
			assert.NilError(b, err)
		}
	})
}
