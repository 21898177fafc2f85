package targets

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Run is a RUN of a Dockerfile.
type Run struct {
	Line int
	// Text is its command without flags, and of a here-document no more than its beginning.
	Text string
}

// addRun notes a RUN of the last stage.
func (d *Dockerfile) addRun(n *parser.Node) {
	if len(d.Stages) == 0 {
		return
	}
	s := &d.Stages[len(d.Stages)-1]
	s.Runs = append(s.Runs, Run{n.StartLine, strings.Join(nodeWords(n), " ")})
	s.CacheMounts = s.CacheMounts || slices.ContainsFunc(n.Flags, isCacheMount)
}

// Takes returns the indices of the stages that the build of a stage takes, itself among them, ascending; an empty
// name is the last. A stage that is given from outside, by an additional context of its name, takes none.
func (d *Dockerfile) Takes(stage string, given func(name string) bool) []int {
	last := len(d.Stages) - 1
	if stage != "" {
		last = d.Index(stage)
	}
	taken := make([]bool, len(d.Stages))
	// Stages take only earlier ones.
	for i := last; i >= 0; i-- {
		s := d.Stages[i]
		if i != last && !taken[i] {
			continue
		}
		taken[i] = s.Name == "" || !given(s.Name)
		if !taken[i] {
			continue
		}
		for _, from := range append(slices.Clone(s.Copies), s.On) {
			if from >= 0 {
				taken[from] = true
			}
		}
	}
	var out []int
	for i, t := range taken {
		if t {
			out = append(out, i)
		}
	}
	return out
}

// PlatformOf is the --platform that stage i runs on, empty for the one that is built for. A stage on another stage
// has the platform of that, whatever it says itself.
func (d *Dockerfile) PlatformOf(i int) string {
	for d.Stages[i].On >= 0 {
		i = d.Stages[i].On
	}
	return d.Stages[i].Platform
}
