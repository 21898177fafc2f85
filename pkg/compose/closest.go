package compose

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
)

// Closest returns the one of known that word was probably meant to be, empty if none is near.
func Closest(word string, known []string) string {
	word = strings.ToLower(word)
	best, least := "", len(word)/3+2
	for _, k := range known {
		lower := strings.ToLower(k)
		d := levenshtein.Distance(word, lower, nil)
		if min(len(word), len(lower)) > 2 && (strings.HasPrefix(word, lower) || strings.HasPrefix(lower, word)) {
			d = 1 // "production" for "prod"
		}
		if d < least {
			best, least = k, d
		}
	}
	return best
}

// didYouMean ends a message about an unknown word: with the nearest known one, or with all of them.
func didYouMean(word string, known []string) string {
	if near := Closest(word, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(known) == 0 {
		return ""
	}
	return fmt.Sprintf(" (there is %s)", strings.Join(known, ", "))
}
