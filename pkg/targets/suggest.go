package targets

import (
	"fmt"
	"strings"
)

// closest is the one of choices that word was probably meant to be, empty if none is near.
func closest(word string, choices []string) string {
	best, least := "", len(word)/3+2
	for _, c := range choices {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is how many letters must be inserted, deleted or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("\nhint: did you mean %q?", name)
}

// has lists the stages there are, for the end of a message.
func has(names []string) string {
	if len(names) == 0 {
		return "it has no named stages"
	}
	return "it has " + strings.Join(names, ", ")
}

func noStage(src source, name string) error {
	return fmt.Errorf("%s has no stage %q (%s)%s", src.rel, name, has(src.Names()), didYouMean(closest(name, src.Names())))
}
