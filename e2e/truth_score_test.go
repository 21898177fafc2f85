//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// want is what a mutation must lead to.
type want struct {
	// nothing says that no step may run.
	nothing bool
	// kinds are those that the root of a cause may have.
	kinds []string
	// files are what a cause may name, with the ways in which they changed; none is any way. Where nil, mutate fills in
	// what differs on disk.
	files map[string]string
	// name is that of the arg or env.
	name string
}

var nothing = want{nothing: true}

// What a step is predicted to do, and what it did.
const (
	cached        = "cached"
	runs          = "runs"
	unpredictable = "unpredictable"
	unlisted      = "not listed"

	ran        = "ran"
	notReached = "not reached"
)

// score adds up how predictions compare with builds.
type score struct {
	observed bool // there are no predictions

	mu         sync.Mutex
	builds     int
	table      map[string]map[string]int // predicted → actual → steps
	right      int                       // steps that ran, with the right cause
	wrongFiles int                       // steps that ran, with a file that is not the one
	misses     []miss
	broken     []string // what must not happen whatever is predicted
	noEffect   []string // mutations after which nothing ran
}

// miss is a prediction that was not good, of a step or, where there is none, of a whole build.
type miss struct{ where, step, what string }

func (s *score) planFailed(where string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.misses = append(s.misses, miss{where: where, what: fmt.Sprintf("plan: %v", err)})
}

func (s *score) hadNoEffect(where string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noEffect = append(s.noEffect, where)
}

func (s *score) buildFailed(where string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = append(s.broken, fmt.Sprintf("%s: build: %v", where, err))
}

// compare scores one build. It tells whether any step ran.
func (s *score) compare(where string, predictions []prediction, seen *observation, w want) (anyRan bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.builds++
	listed, names := map[*vertex]bool{}, map[string]bool{}
	for _, g := range grouped(predictions, seen) {
		for _, v := range g.vertexes {
			listed[v] = true
		}
		for _, step := range g.steps {
			names[step.Name] = true // Of services that are built apart, one shows a step that it shares by the name of another.
		}
		if fromName.MatchString(g.steps[0].Name) && !slices.ContainsFunc(g.vertexes, (*vertex).downloaded) {
			continue
		}
		s.judge(where, g, w)
	}
	for _, v := range seen.vertexes {
		actual := actually([]*vertex{v})
		from := fromName.MatchString(v.names[0])
		if from {
			continue
		}
		anyRan = anyRan || actual == ran
		if !listed[v] && !s.observed && actual != notReached && !names[v.names[0]] {
			s.count(unlisted, actual)
			s.miss(where, v.names[0], "%s, but not in the plan", actual)
		}
		if actual == ran && w.nothing {
			s.broken = append(s.broken, fmt.Sprintf("%s: %s ran, but nothing should", where, v.names[0]))
		}
	}
	return anyRan
}

func (s *score) judge(where string, g *group, w want) {
	predicted, actual := g.predicted(), actually(g.vertexes)
	if actual == notReached && predicted == cached {
		actual = cached
	}
	s.count(predicted, actual)
	name := g.steps[0].Name
	switch {
	case actual == ran && predicted == cached:
		s.miss(where, name, "predicted cached, but ran")
	case actual == ran:
		s.judgeCause(where, g, w)
	case actual != predicted:
		s.miss(where, name, "predicted %s, but %s: %s", predicted, actual, g.steps[0].Cause.Text)
	}
}

// judgeCause looks at why a step that ran was predicted to run.
func (s *score) judgeCause(where string, g *group, w want) {
	good, files := true, true
	for _, step := range g.steps {
		problem, wrongFile := w.differs(step.Cause)
		if problem == "" {
			continue
		}
		good, files = false, files && !wrongFile
		s.miss(where, step.Name, "%s: %s (wanted %s)", problem, cmp.Or(step.Cause.Text, "no text"), w)
	}
	if good {
		s.right++
	}
	if !files {
		s.wrongFiles++
	}
}

// differs tells what is wrong with a cause, and whether it is a file that it names.
func (w want) differs(c cause) (problem string, wrongFile bool) {
	for _, f := range c.Files {
		changed, known := w.files[f.Path]
		if !known {
			return fmt.Sprintf("wrong file %q", f.Path), true
		}
		if f.Change == "renamed" {
			if _, known = w.files[f.From]; !known {
				return fmt.Sprintf("wrong old name %q", f.From), true
			}
		} else if changed != "" && !strings.Contains(changed, f.Change) {
			problem = fmt.Sprintf("change of %q is %q, not %q", f.Path, f.Change, changed)
		}
	}
	kind := c.Kind
	if c.RootKind != "" && (kind == "earlier" || kind == "unpredictable") {
		kind = c.RootKind
	}
	switch {
	case !slices.Contains(w.kinds, kind):
		return fmt.Sprintf("kind %q", kind), false
	case kind == "files" && len(c.Files) == 0:
		return "no file", false
	case w.name != "" && (kind == "arg" || kind == "env") && c.Name != w.name:
		return fmt.Sprintf("name %q", c.Name), false
	case c.Kind == "earlier" && c.Root == "" && kind == "files":
		return "no root", false
	}
	return problem, false
}

func (w want) String() string {
	if w.nothing {
		return "nothing to run"
	}
	text := strings.Join(w.kinds, " or ")
	if w.name != "" {
		text += " " + w.name
	}
	if slices.Contains(w.kinds, "files") {
		names := slices.Sorted(maps.Keys(w.files))
		if len(names) > 4 {
			names = append(names[:4], "…")
		}
		text += fmt.Sprintf(" %q", names)
	}
	return text
}

func (s *score) count(predicted, actual string) {
	if s.table == nil {
		s.table = map[string]map[string]int{}
	}
	if s.table[predicted] == nil {
		s.table[predicted] = map[string]int{}
	}
	s.table[predicted][actual]++
}

func (s *score) miss(where, step, format string, args ...any) {
	s.misses = append(s.misses, miss{where, step, fmt.Sprintf(format, args...)})
}
