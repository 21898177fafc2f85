package compose

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// extension is the key of our section in a Compose file; docs/x-catmandu.schema.json describes it.
const extension = "x-catmandu"

// Keys below x-catmandu, as the published schema has them.
var (
	configKeys = []string{"targets", "bench", "cache"}
	kindKeys   = []string{"prod", "dev"}
	stageKeys  = []string{"target", "dockerfile"}
)

// section reads one x-catmandu mapping; at tells the position of a path below it.
type section struct {
	at   func(path string) Position
	name string
	errs []error
}

// config reads the project's x-catmandu section.
func (r *reader) config(ext types.Extensions) (Config, error) {
	at := r.topPositions()
	s := section{name: extension, at: func(path string) Position { return Service{Positions: at}.At(path) }}
	m := s.mapping("", ext[extension], configKeys)
	c := Config{Targets: s.targets(m["targets"]), Bench: s.bench(m["bench"]), Cache: s.cache(m["cache"])}
	return c, errors.Join(s.errs...)
}

// serviceConfig reads the x-catmandu section of a service's build section.
func serviceConfig(s Service, declared types.ServiceConfig) (ServiceConfig, error) {
	if declared.Extensions[extension] != nil {
		return ServiceConfig{}, fmt.Errorf("%s: service %q: %s belongs below build", s.At(extension), s.Name, extension)
	}
	x := buildSection(s)
	m := x.mapping("", declared.Build.Extensions[extension], configKeys)
	c := ServiceConfig{Targets: x.targets(m["targets"]), CacheOff: x.cacheOff(m["cache"])}
	x.benchService("bench", x.mapping("bench", m["bench"], benchServiceKeys))
	return c, errors.Join(x.errs...)
}

// buildSection is that of a service's build section.
func buildSection(s Service) *section {
	return &section{
		name: "build." + extension,
		at:   func(path string) Position { return s.At("build." + extension + "." + path) },
	}
}

// ownBench is what a service says of its benchmarks itself, if it says something; set tells whether that is so of Erratic.
// What is wrong with it is said where the service is used.
func ownBench(s Service, declared types.ServiceConfig) (b BenchService, set, said bool) {
	m, _ := declared.Build.Extensions[extension].(map[string]any)
	own, said := m["bench"].(map[string]any)
	b, set = buildSection(s).benchService("bench", own)
	return b, set, said
}

// targets reads which stages kinds take.
func (s *section) targets(v any) map[string]Stage {
	kinds := s.mapping("targets", v, kindKeys)
	if len(kinds) == 0 {
		return nil
	}
	out := map[string]Stage{}
	for kind, v := range kinds {
		path := "targets." + kind
		stage := Stage{Position: s.at(path)}
		switch v := v.(type) {
		case string:
			stage.Target = v
		default:
			fields := s.mapping(path, v, stageKeys)
			stage.Target = s.text(path+".target", fields["target"])
			stage.Dockerfile = s.text(path+".dockerfile", fields["dockerfile"])
		}
		out[kind] = stage
	}
	return out
}

// mapping returns v as a mapping whose keys are all known.
func (s *section) mapping(path string, v any, known []string) map[string]any {
	if v == nil {
		return nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		s.fail(path, "must be a mapping (of %s)", strings.Join(known, ", "))
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(known, key) {
			s.fail(strings.TrimPrefix(path+"."+key, "."), "unknown key%s", didYouMean(key, known))
		}
	}
	return m
}

func (s *section) text(path string, v any) string {
	t, ok := v.(string)
	if v != nil && !ok {
		s.fail(path, "must be a string")
	}
	return t
}

func (s *section) fail(path, format string, args ...any) {
	name := strings.TrimSuffix(s.name+"."+path, ".")
	s.errs = append(s.errs, fmt.Errorf("%s: %s: %s", s.at(path), name, fmt.Sprintf(format, args...)))
}

// topPositions returns where the keys of the top-level x-catmandu section were declared last.
func (r *reader) topPositions() map[string]Position {
	out := map[string]Position{}
	for _, src := range r.ordered() {
		src.each(func(root *yaml.Node) {
			for i := 0; i+1 < len(root.Content); i += 2 {
				if root.Content[i].Value == extension {
					out[""] = Position{File: src.file, Line: root.Content[i].Line}
					note(out, src.file, "", root.Content[i+1], nil)
				}
			}
		})
	}
	return out
}
