package steps

import (
	"fmt"
	"testing"
)

// BenchmarkNew makes the graph of a Dockerfile that copies a folder of 10 000 files whose sums are known.
func BenchmarkNew(b *testing.B) {
	files := map[string]string{"Dockerfile": "FROM busybox\nCOPY src src\n"}
	for i := range 10_000 {
		files[fmt.Sprintf("src/%d/%d", i/100, i)] = fmt.Sprint(i)
	}
	p := newProject(b, files)
	p.store = b.TempDir()
	p.graph()
	for b.Loop() {
		p.graph()
	}
}
