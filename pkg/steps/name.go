package steps

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// isStep matches the names of vertices that come of a line of a Dockerfile, isFrom those that are an image; isStage takes the stage out.
var (
	isStep  = regexp.MustCompile(`^\[([^\]]+ )?\d+/\d+\] `)
	isFrom  = regexp.MustCompile(`^\[[^\]]+\] FROM `)
	isStage = regexp.MustCompile(`^\[(?:[^\] ]+/[^\] ]+ )?([^\] ]+) +\d+/\d+\] `)
)

// IsStep tells whether the name of a vertex comes of a line of a Dockerfile: "[deps 2/3] RUN …", "[linux/arm64 1/4] FROM …". All else in
// a progress stream is BuildKit's own work: contexts, [internal] things, imports and exports.
func IsStep(name string) bool { return isStep.MatchString(name) }

// IsFrom tells whether a vertex is an image, as its name has it.
func IsFrom(name string) bool { return isFrom.MatchString(name) }

// Bare is the name of a step without its stage and number.
func Bare(name string) string {
	if strings.HasPrefix(name, "[") {
		if _, rest, ok := strings.Cut(name, "] "); ok {
			return rest
		}
	}
	return name
}

// Alike is the name of a step without what may be another where BuildKit takes the results for one another: its stage and number,
// options such as the name of a stage to copy from, and how paths are written.
func Alike(name string) string {
	words := slices.DeleteFunc(strings.Fields(Bare(name)), func(w string) bool { return strings.HasPrefix(w, "--") })
	for i, w := range words {
		switch {
		case w == "ADD":
			words[i] = "COPY"
		case i > 0:
			words[i] = path.Clean(w)
		}
	}
	return strings.Join(words, " ")
}
