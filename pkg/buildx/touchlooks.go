package buildx

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/client"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// looks are what records can be found by that may look like a step: a probe holds hundreds of steps against thousands of
// records.
type looks struct {
	descriptions map[string]string // of the records that are known
	ids          map[string][]string
}

func newLooks() *looks { return &looks{map[string]string{}, map[string][]string{}} }

// add makes a record known. It stays so when it is gone.
func (l *looks) add(r *client.UsageInfo) {
	if known, ok := l.descriptions[r.ID]; ok && known == r.Description {
		return
	}
	l.descriptions[r.ID] = r.Description
	for _, look := range looksOf(r.Description) {
		l.ids[look] = append(l.ids[look], r.ID)
	}
}

// of are the records that looksLike may be true for, and some others.
func (l *looks) of(n *node) []string {
	var out []string
	for _, look := range n.looks() {
		out = append(out, l.ids[look]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// looksOf are all looks that a record of that description may be wanted for, looks those of which a result of the step must have one.
func looksOf(description string) []string {
	if isExec(description) {
		return []string{"exec " + afterLast(description, " ")}
	}
	out := []string{"step " + steps.Alike(description)}
	if image, ok := strings.CutPrefix(description, pulled); ok {
		out = append(out, "image "+afterLast(image, "@"))
	}
	if strings.HasPrefix(description, imported) {
		out = append(out, imported)
	}
	return out
}

func (n *node) looks() []string {
	switch source := n.op.GetSource(); {
	case n.op.GetExec() != nil:
		return []string{"exec " + afterLast(n.command(), " "), imported}
	case source != nil && n.isLocal():
		return nil
	case source != nil:
		return []string{"image " + afterLast(strings.TrimPrefix(source.Identifier, imageScheme), "@")}
	}
	return []string{"step " + steps.Alike(n.name)}
}

// afterLast is what comes after the last mark, or all where there is none.
func afterLast(s, mark string) string { return s[strings.LastIndex(s, mark)+1:] }
