package compose

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Bench is what x-catmandu says of benchmarks.
type Bench struct {
	// Scenarios run when none is asked for; nil leaves it to the program.
	Scenarios []string
	MinEffect MinEffect
	// Services has those that the project's section or their own say something of, by name.
	Services map[string]BenchService
	// Total are the budgets of building the whole project.
	Total []BenchBudget
	// Epochs are the revisions of accepted changes by "SERVICE/SCENARIO"; the service may be Total, the scenario ImageBudget.
	Epochs map[string]string
	// Positions tells where a setting was declared, by its path below bench ("epochs.api/source").
	Positions map[string]Position
}

// BenchService is what x-catmandu says of benchmarks of a service.
type BenchService struct {
	// Edits are by scenario: source, deps or one of the project's own.
	Edits map[string]BenchEdit
	// Budgets are sorted by their keys.
	Budgets []BenchBudget
	// Erratic tells that the numbers are shown and never judged.
	Erratic  bool
	Position Position
}

// BenchEdit is how a scenario edits the build context of a service: files, or a command.
type BenchEdit struct {
	// Paths are within the build context, with slashes.
	Paths []string
	// Run is a shell command, run in a copy of the build context.
	Run      string
	Position Position
}

// BenchBudget is a bound that the project sets itself.
type BenchBudget struct {
	// Key is as written: "prod.cold".
	Key string
	// What is BudgetTime, BudgetSize or BudgetCache.
	What string
	// Kind is prod or dev; empty is either.
	Kind string
	// Scenario is of a time or a cache, Stage of a size; a size without one is of the image.
	Scenario, Stage string
	// Limit is in seconds or bytes, at most; of a cache it is a share of 1, at least.
	Limit    float64
	Position Position
}

// What a budget bounds.
const (
	BudgetTime  = "time"
	BudgetSize  = "size"
	BudgetCache = "cache"
)

// MinEffect are differences that count, by metric; nil leaves one to the program.
type MinEffect struct{ Wall, CPU, Size *Effect }

// Effect is a difference that counts when it is more than both.
type Effect struct {
	// Ratio is a share of 1 of what was before.
	Ratio float64
	// Least is in seconds or bytes.
	Least    float64
	Position Position
}

// Words of benchmarks that stand for something in keys.
const (
	Total       = "total"
	ImageBudget = "image"
)

// BenchScenarios are those that there are in every project.
var BenchScenarios = []string{"warm", "source", "deps", "cold", "cold-builder", "ci"}

// Keys of the section, as the published schema has them.
var (
	benchKeys        = []string{"scenarios", "min-effect", "services", "total", "epochs"}
	benchServiceKeys = []string{"edits", "budgets", "erratic"}
	effectKeys       = []string{"wall", "cpu", "size"}
)

// reserved can't be the names of a project's own scenarios.
var reserved = []string{"warm", "cold", "cold-builder", "ci", ImageBudget, "stage", "cache", "prod", "dev", Total}

// bench reads the bench mapping of a project.
func (s *section) bench(v any) Bench {
	m := s.mapping("bench", v, benchKeys)
	b := Bench{Services: map[string]BenchService{}}
	for i, text := range s.texts("bench.scenarios", m["scenarios"]) {
		if !isScenario.MatchString(text) {
			s.fail(fmt.Sprintf("bench.scenarios.%d", i), "%q is no scenario%s", text, didYouMean(text, BenchScenarios))
		}
		b.Scenarios = joined(b.Scenarios, []string{text})
	}
	effects := s.mapping("bench.min-effect", m["min-effect"], effectKeys)
	b.MinEffect = MinEffect{
		Wall: s.effect("bench.min-effect.wall", effects["wall"], seconds, "10% 1s"),
		CPU:  s.effect("bench.min-effect.cpu", effects["cpu"], seconds, "5% 0.5s"),
		Size: s.effect("bench.min-effect.size", effects["size"], bytesOf, "1% 1MB"),
	}
	for name, v := range s.anyMapping("bench.services", m["services"], "services") {
		path := "bench.services." + name
		b.Services[name], _ = s.benchService(path, s.mapping(path, v, benchServiceKeys))
	}
	total := s.mapping("bench.total", m["total"], []string{"budgets"})
	b.Total = s.budgets("bench.total.budgets", total["budgets"])
	for _, t := range b.Total {
		if t.What != BudgetTime {
			s.fail("bench.total.budgets."+t.Key, "the whole project has budgets for times only: [prod.|dev.]SCENARIO")
		}
	}
	b.Epochs = s.epochs("bench.epochs", m["epochs"])
	return b
}

// benchService reads what is said of a service; set tells whether erratic was.
func (s *section) benchService(path string, m map[string]any) (b BenchService, set bool) {
	b.Position = s.at(path)
	b.Budgets = s.budgets(path+".budgets", m["budgets"])
	b.Erratic, set = m["erratic"].(bool)
	if m["erratic"] != nil && !set {
		s.fail(path+".erratic", "must be true or false")
	}
	edits := s.anyMapping(path+".edits", m["edits"], "scenarios")
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		at := path + ".edits." + name
		switch {
		case slices.Contains(reserved, name):
			s.fail(at, "%s can't be edited (source, deps and scenarios of your own can)", name)
		case !isScenario.MatchString(name):
			s.fail(at, "the name of a scenario has lower-case letters, digits, - and _")
		}
		if b.Edits == nil {
			b.Edits = map[string]BenchEdit{}
		}
		b.Edits[name] = s.edit(at, edits[name])
	}
	return b, set
}

// edit is a path, a list of paths, or {run: COMMAND}.
func (s *section) edit(path string, v any) BenchEdit {
	e := BenchEdit{Position: s.at(path)}
	switch v := v.(type) {
	case string:
		e.Paths = []string{v}
	case []any:
		e.Paths = joined(nil, s.texts(path, v))
		if len(v) == 0 {
			s.fail(path, "must have a path in it")
		}
	case map[string]any:
		e.Run = s.text(path+".run", s.mapping(path, v, []string{"run"})["run"])
		if strings.TrimSpace(e.Run) == "" {
			s.fail(path, "must have a command to run: {run: ./change.sh}")
		}
	default:
		s.fail(path, "must be a path within the build context, a list of paths, or {run: COMMAND}")
	}
	for _, p := range e.Paths {
		if !filepath.IsLocal(filepath.FromSlash(p)) || filepath.IsAbs(p) {
			s.fail(path, "%q must be a path within the build context, such as src/main.go", p)
		}
	}
	return e
}

// budgets reads bounds, sorted by their keys.
func (s *section) budgets(path string, v any) []BenchBudget {
	m := s.anyMapping(path, v, "budgets")
	var out []BenchBudget
	for _, key := range slices.Sorted(maps.Keys(m)) {
		at := path + "." + key
		parts := isBudget.FindStringSubmatch(key)
		if parts == nil {
			s.fail(at, "is no budget: there is [prod.|dev.]SCENARIO, image, stage.NAME and cache.SCENARIO")
			continue
		}
		b := BenchBudget{Key: key, Kind: parts[1], Stage: parts[3], Scenario: parts[4] + parts[5], Position: s.at(at)}
		read, example := seconds, "90s or 1m30s"
		switch {
		case parts[2] != "" || b.Stage != "":
			b.What, read, example = BudgetSize, bytesOf, "200MB"
		case parts[4] != "":
			b.What, read, example = BudgetCache, share, "60%"
		default:
			b.What = BudgetTime
		}
		text, _ := m[key].(string)
		var ok bool
		if b.Limit, ok = read(text); !ok {
			s.fail(at, "must be a %s, such as %s", map[string]string{BudgetTime: "time", BudgetSize: "size", BudgetCache: "share"}[b.What], example)
		}
		out = append(out, b)
	}
	return out
}

// effect reads "10% 1s"; either part may be left out.
func (s *section) effect(path string, v any, read func(string) (float64, bool), example string) *Effect {
	if v == nil {
		return nil
	}
	text, _ := v.(string)
	parts := strings.Fields(text)
	e := &Effect{Position: s.at(path)}
	ok := len(parts) == 1 || len(parts) == 2
	if ok {
		var is bool
		if e.Ratio, is = share(parts[0]); is {
			parts = parts[1:]
		}
		if len(parts) > 0 {
			e.Least, ok = read(parts[0])
			ok = ok && len(parts) == 1
		}
	}
	if !ok {
		s.fail(path, "must be a share, an amount or both, such as %s", example)
	}
	return e
}

// epochs reads revisions by "SERVICE/SCENARIO".
func (s *section) epochs(path string, v any) map[string]string {
	m := s.anyMapping(path, v, "epochs")
	out := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		at := path + "." + key
		service, scenario, ok := strings.Cut(key, "/")
		if !ok || service == "" || !isScenario.MatchString(scenario) {
			s.fail(at, "must be SERVICE/SCENARIO, SERVICE/%s or %s/SCENARIO", ImageBudget, Total)
		}
		text, ok := m[key].(string)
		if !ok || strings.TrimSpace(text) == "" {
			s.fail(at, "must be a revision as a string; quote one of digits only: \"1234567\"")
		}
		out[key] = text
	}
	return out
}

// anyMapping returns v as a mapping of names.
func (s *section) anyMapping(path string, v any, of string) map[string]any {
	m, ok := v.(map[string]any)
	if v != nil && !ok {
		s.fail(path, "must be a mapping (of %s)", of)
	}
	return m
}

// texts returns v as a list of strings.
func (s *section) texts(path string, v any) []string {
	list, ok := v.([]any)
	if v != nil && !ok {
		s.fail(path, "must be a list of strings")
	}
	var out []string
	for _, item := range list {
		text, ok := item.(string)
		if !ok {
			s.fail(path, "must be a list of strings")
		}
		out = append(out, text)
	}
	return out
}
