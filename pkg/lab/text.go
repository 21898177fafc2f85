package lab

import (
	"fmt"
	"strings"

	"github.com/docker/go-units"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

func ids(records []buildx.CacheRecord) []string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = r.ID
	}
	return out
}

func size(records []buildx.CacheRecord) string {
	var sum int64
	for _, r := range records {
		sum += r.Size
	}
	return units.HumanSize(float64(sum))
}

// some names the first of records, and tells how many there are.
func some(records []buildx.CacheRecord) string {
	const most, width = 3, 60
	var names []string
	for _, r := range records[:min(most, len(records))] {
		text := r.Description
		if runes := []rune(text); len(runes) > width {
			text = string(runes[:width-1]) + "…"
		}
		names = append(names, fmt.Sprintf("%s (%s, %s)", r.ID, text, units.HumanSize(float64(r.Size))))
	}
	s := strings.Join(names, ", ")
	if n := len(records) - most; n > 0 {
		s += fmt.Sprintf(" and %d more", n)
	}
	return s
}
