package usage

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// lineal is a step as far as it is told of builds that no ledger has: its name, and the digests of the nearest steps that it is made of.
type lineal struct {
	name   string
	inputs []string
}

// lineages are of the steps of one build. What is in common to steps whose results BuildKit takes for one another is their instruction,
// and that of all below them. What files they take is no part of it, nor is the name of an image.
type lineages struct {
	steps map[string]lineal // by digest
	known map[string]string
}

func newLineages(steps map[string]lineal) *lineages {
	return &lineages{steps, map[string]string{}}
}

func (l *lineages) of(digest string) string {
	if known, ok := l.known[digest]; ok {
		return known
	}
	s := l.steps[digest]
	what, below := steps.Alike(s.name), ""
	if strings.HasPrefix(what, "FROM ") {
		what = "FROM"
	}
	if base := s.base(); base != "" {
		below = l.of(base)
	}
	sum := sha256.Sum256([]byte(what + "\x00" + below))
	l.known[digest] = hex.EncodeToString(sum[:])
	return l.known[digest]
}

// base is the step that another is built on, which BuildKit names first; empty where there is none, or it can't be told.
func (s *lineal) base() string {
	switch {
	case len(s.inputs) == 0,
		strings.HasPrefix(steps.Alike(s.name), "LINK "),           // BuildKit does not tell of what these are
		strings.Contains(s.name, "--from=") && len(s.inputs) == 1: // what it copies from, perhaps
		return ""
	}
	return s.inputs[0]
}

// lineagesOf are those of a stranger's build. A ledger does not have BuildKit's own work in it, but what that leads to.
func lineagesOf(all []StrangersStep) *lineages {
	byDigest, out := map[string]StrangersStep{}, map[string]lineal{}
	for _, s := range all {
		byDigest[s.Digest] = s
	}
	var nearest func(digests []string) []string
	nearest = func(digests []string) (found []string) {
		for _, d := range digests {
			if s := byDigest[d]; steps.IsStep(s.Name) {
				found = append(found, d)
			} else {
				found = append(found, nearest(s.Inputs)...)
			}
		}
		return found
	}
	for _, s := range all {
		out[s.Digest] = lineal{s.Name, nearest(s.Inputs)}
	}
	return newLineages(out)
}

// vertices are those of a build of a ledger, by digest.
type vertices struct {
	runs     map[string]*run
	lineages *lineages
}

// lineage is that of a run.
func (r *run) lineage() string {
	if r.build.lineages == nil {
		steps := map[string]lineal{}
		for digest, v := range r.build.runs {
			steps[digest] = lineal{v.Step.Name, v.Step.Inputs}
		}
		r.build.lineages = newLineages(steps)
	}
	return r.build.lineages.of(r.Step.Digest)
}
