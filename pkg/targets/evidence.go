package targets

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

// configured is what x-catmandu says of a kind: the service's own section, then the project's where it fits.
func (pl *planner) configured(s, settings compose.Service, src source, k Kind) (choice, bool, error) {
	if stage, ok := s.Config.Targets[string(k)]; ok {
		at := place(pl.project.Dir, stage.Position)
		src, err := pl.replaced(settings, src, stage.Dockerfile)
		if err != nil {
			return choice{}, false, fmt.Errorf("%s: %w", at, err)
		}
		c, err := explicit(src, stage.Target, "x-catmandu in "+at)
		if err != nil {
			return choice{}, false, fmt.Errorf("%s: %w", at, err)
		}
		return c, true, nil
	}
	stage, ok := pl.project.Config.Targets[string(k)]
	if !ok {
		return choice{}, false, nil
	}
	src, err := pl.replaced(settings, src, stage.Dockerfile)
	if err != nil || src.Unread != "" {
		return choice{}, false, nil
	}
	c, err := explicit(src, stage.Target, "x-catmandu in "+place(pl.project.Dir, stage.Position))
	return c, err == nil, nil
}

// replaced is the service's source with another Dockerfile, or src itself when none is named.
func (pl *planner) replaced(settings compose.Service, src source, dockerfile string) (source, error) {
	if dockerfile == "" && src.Dockerfile != nil {
		return src, nil
	}
	if dockerfile != "" {
		settings.Build.Dockerfile, settings.Build.DockerfileInline = dockerfile, ""
	}
	return pl.read.source(settings)
}

// question collects what the rule needs to know of a service.
func (pl *planner) question(s, settings compose.Service, src source, k Kind) question {
	p := pl.project
	_, inBase := compose.Find(p.Base, s.Name)
	q := question{
		kind:     k,
		service:  s.Name,
		declared: settings.Build.Target,
		where:    pl.place(settings),
		source:   src,
		files:    pl.neighbours(s, settings, k),
		siblings: pl.read.siblings(src, k),
	}
	if p.Override != "" && k == Prod {
		q.overridden = !inBase
		if inBase && s.Build.Target != settings.Build.Target {
			q.override = s.Build.Target
		}
	}
	if p.Override != "" && k == Dev {
		q.overridden = s.Positions["build.target"].File == p.Override
	}
	for _, other := range p.Services {
		q.services = append(q.services, other.Name)
		if other.Name == s.Name {
			continue
		}
		o := pl.settings(other, k)
		if o.Build.Context == settings.Build.Context && o.Build.Dockerfile == settings.Build.Dockerfile {
			q.others = append(q.others, o.Build.Target)
		}
	}
	return q
}

// neighbours are the Compose files of step 0 that build the service in a way that could be carried out.
func (pl *planner) neighbours(s, settings compose.Service, k Kind) []neighbour {
	p := pl.project
	isNamed := func(want Kind) func(string) bool {
		return func(file string) bool { return fileKind(file) == want }
	}
	if slices.ContainsFunc(p.Files, isNamed(k)) || k == Dev && pl.overrideBuilds(s) {
		return nil
	}
	// Only files of the other kind are loaded: nothing may be put on top of those, and the plain file is a neighbour.
	onlyOther := !slices.ContainsFunc(p.Files, func(f string) bool { return fileKind(f) != k.other() })

	var found []neighbour
	for _, file := range sortedSiblings(p.Siblings) {
		plain := len(fileTokens(file.File)) == 0
		if fileKind(file.File) != k && !(plain && onlyOther) {
			continue
		}
		merged := file.Merged
		if onlyOther {
			merged = nil
		}
		if n, ok := pl.neighbour(file, merged, settings); ok {
			found = append(found, n)
		}
	}
	return found
}

// overrideBuilds tells that the automatic override chooses the stage or Dockerfile: then that is for development,
// and no other file knows better.
func (pl *planner) overrideBuilds(s compose.Service) bool {
	o := pl.project.Override
	return o != "" && (s.Positions["build.target"].File == o || s.Positions["build.dockerfile"].File == o)
}

// neighbour is how one Compose file builds the service: by itself where it names a build context, else on top of the
// project's files, else by itself in the project directory.
func (pl *planner) neighbour(file compose.Sibling, merged []compose.Service, settings compose.Service) (neighbour, bool) {
	alone, isAlone := compose.Find(file.Alone, settings.Name)
	onTop, isOnTop := compose.Find(merged, settings.Name)
	if isOnTop && sameBuild(onTop.Build, settings.Build) {
		isOnTop = false // it says nothing of the build
	}
	var tries []compose.Service
	if isAlone && namesContext(alone) {
		tries = append(tries, alone)
	}
	if isOnTop {
		tries = append(tries, onTop)
	}
	if _, named := alone.Positions["build.dockerfile"]; isAlone && (named || !isOnTop) {
		tries = append(tries, alone)
	}
	for _, try := range tries {
		src, err := pl.read.source(try)
		if err != nil {
			continue
		}
		n := neighbour{file: filepath.Base(file.File), target: try.Build.Target, source: src}
		if src.Unread != "" || n.target == "" {
			return n, true
		}
		if i := src.Index(n.target); i >= 0 {
			n.target = src.Stages[i].Name
			return n, true
		}
	}
	return neighbour{}, false
}

// namesContext tells whether a service's own file says where its build context is: otherwise the directory was filled in.
func namesContext(s compose.Service) bool {
	if _, ok := s.Positions["build.context"]; ok {
		return true
	}
	for path := range s.Positions {
		if strings.HasPrefix(path, "build.") {
			return false
		}
	}
	return true // "build: ./web"
}

func sameBuild(a, b compose.Build) bool {
	return a.Context == b.Context && a.Dockerfile == b.Dockerfile && a.Target == b.Target && a.DockerfileInline == b.DockerfileInline
}

// sortedSiblings puts the file first whose name says the least beside its kind; plain files come last.
func sortedSiblings(files []compose.Sibling) []compose.Sibling {
	words := func(s compose.Sibling) int {
		if n := len(fileTokens(s.File)); n > 0 {
			return n
		}
		return math.MaxInt
	}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b compose.Sibling) int {
		return cmp.Or(
			cmp.Compare(words(a), words(b)),
			cmp.Compare(len(a.File), len(b.File)),
			cmp.Compare(a.File, b.File),
		)
	})
	return files
}
