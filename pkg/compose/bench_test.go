package compose

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkLoad loads projects of 3 and 200 services with an override.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{3, 200} {
		dir := b.TempDir()
		var base, over strings.Builder
		base.WriteString("services:\n")
		over.WriteString("services:\n")
		for i := range n {
			fmt.Fprintf(&base, "  s%d:\n    image: shop/s%d:${TAG:-latest}\n    build: {context: ./s%d, target: prod, args: {A: $$b}}\n    ports: ['80%d:80']\n    environment: [A=b, C=d]\n    healthcheck: {test: [CMD, 'true']}\n", i, i, i, i)
			fmt.Fprintf(&over, "  s%d:\n    build: {target: dev}\n", i)
		}
		for name, text := range map[string]string{"compose.yaml": base.String(), "compose.override.yaml": over.String()} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.Chdir(dir)
			for b.Loop() {
				if _, err := Load(context.Background(), Options{Environment: []string{}, Variants: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
