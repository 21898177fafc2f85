package compose

import (
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

// What a service says itself stands over what the project says of it, one by one.
func TestBench(t *testing.T) {
	p := mustLoad(t, map[string]string{
		"compose.yaml": `
x-catmandu:
  bench:
    scenarios: [warm, source]
    min-effect: {wall: 10% 1s, size: 1MB}
    services:
      api:
        edits: {source: src/main.ts, deps: package.json, regen: {run: ./gen.sh}}
        budgets: {source: 20s, image: 200MB, stage.base: 1.5GiB, cache.source: 60%, prod.cold: 1m30s}
      web: {erratic: true}
    total: {budgets: {cold: 180s}}
    epochs: {api/source: 9f31c2d, total/regen: main}
services:
  api:
    build:
      context: api
      x-catmandu:
        bench:
          edits: {deps: [package.json, package-lock.json], assets: img/logo.svg}
          budgets: {source: 500ms, assets: 2s, dev.stage.my.own: 1kB}
  web:
    build: {context: web, x-catmandu: {bench: {erratic: false}}}
`,
		"compose.override.yaml": "x-catmandu: {bench: {scenarios: [source, regen], services: {api: {budgets: {image: 100MB}}}}}\n",
	}, Options{Services: []string{"web"}})
	b := p.Config.Bench
	assert.DeepEqual(t, b.Scenarios, []string{"warm", "source", "regen"})
	line := b.Services["api"].Budgets[0].Position.Line
	b = placeless(b)
	assert.DeepEqual(t, b.MinEffect, MinEffect{Wall: &Effect{Ratio: 0.1, Least: 1}, Size: &Effect{Least: 1e6}})
	assert.DeepEqual(t, b.Services["api"], BenchService{
		Edits: map[string]BenchEdit{
			"source": {Paths: []string{"src/main.ts"}}, "regen": {Run: "./gen.sh"}, "assets": {Paths: []string{"img/logo.svg"}},
			"deps": {Paths: []string{"package.json", "package-lock.json"}},
		},
		Budgets: []BenchBudget{
			{Key: "assets", What: BudgetTime, Scenario: "assets", Limit: 2},
			{Key: "cache.source", What: BudgetCache, Scenario: "source", Limit: 0.6},
			{Key: "dev.stage.my.own", What: BudgetSize, Kind: "dev", Stage: "my.own", Limit: 1000},
			{Key: "image", What: BudgetSize, Limit: 100e6},
			{Key: "prod.cold", What: BudgetTime, Kind: "prod", Scenario: "cold", Limit: 90},
			{Key: "source", What: BudgetTime, Scenario: "source", Limit: 0.5},
			{Key: "stage.base", What: BudgetSize, Stage: "base", Limit: 1.5 * (1 << 30)},
		},
	})
	assert.Assert(t, !b.Services["web"].Erratic)
	assert.DeepEqual(t, b.Total, []BenchBudget{{Key: "cold", What: BudgetTime, Scenario: "cold", Limit: 180}})
	assert.DeepEqual(t, b.Epochs, map[string]string{"api/source": "9f31c2d", "total/regen": "main"})
	assert.Equal(t, b.Positions["epochs.api/source"].Line, 12)
	assert.Equal(t, line, 20)
}

// placeless is a copy without the positions of values.
func placeless(b Bench) Bench {
	b.MinEffect.Wall.Position, b.MinEffect.Size.Position = Position{}, Position{}
	for i := range b.Total {
		b.Total[i].Position = Position{}
	}
	for name, s := range b.Services {
		for scenario, e := range s.Edits {
			e.Position = Position{}
			s.Edits[scenario] = e
		}
		for i := range s.Budgets {
			s.Budgets[i].Position = Position{}
		}
		s.Position = Position{}
		b.Services[name] = s
	}
	return b
}

func TestBenchErrors(t *testing.T) {
	const services = "\nservices:\n  api: {build: .}\n  db: {image: db}\n  late: {build: ., profiles: [x], x-catmandu: {}}\n"
	for text, want := range map[string]string{
		"servces: {}":                                           `compose.yaml:3: x-catmandu.bench.servces: unknown key; did you mean "services"?`,
		"services: {apo: {}}":                                   `compose.yaml:3: x-catmandu.bench.services.apo: no such service: apo; did you mean "api"?`,
		"services: {db: {}}":                                    `compose.yaml:3: x-catmandu.bench.services.db: service "db" has no build section`,
		"services: {api: {edit: {}}}":                           `unknown key; did you mean "edits"?`,
		"services: {api: {edits: {cold: a}}}":                   "cold can't be edited (source, deps and scenarios of your own can)",
		"services: {api: {edits: {source: 1}}}":                 "must be a path within the build context, a list of paths, or {run: COMMAND}",
		"services: {api: {edits: {source: ../a}}}":              `"../a" must be a path within the build context, such as src/main.go`,
		"services: {api: {budgets: {colt: 1s}}}":                `compose.yaml:3: budget colt: unknown scenario "colt"; did you mean "cold"?`,
		"services: {api: {budgets: {cache.sourc: 1%}}}":         `unknown scenario "sourc"; did you mean "source"?`,
		"services: {api: {budgets: {imag: 1s}}}":                `unknown scenario "imag"; did you mean "image"?`,
		"services: {api: {budgets: {cold: 90}}}":                "compose.yaml:3: x-catmandu.bench.services.api.budgets.cold: must be a time, such as 90s or 1m30s",
		"services: {api: {budgets: {image: 90}}}":               "must be a size, such as 200MB",
		"services: {api: {budgets: {cache.warm: 90}}}":          "must be a share, such as 60%",
		"services: {api: {budgets: {qa.cold: 1s}}}":             "is no budget: there is [prod.|dev.]SCENARIO, image, stage.NAME and cache.SCENARIO",
		"total: {budgets: {image: 1MB}}":                        "the whole project has budgets for times only",
		"total: {budgets: {regen: 1s}}":                         `budget regen: unknown scenario "regen"`,
		"scenarios: [warm, wram]":                               `compose.yaml:3: x-catmandu.bench.scenarios.1: unknown scenario "wram"; did you mean "warm"?`,
		"min-effect: {wall: fast}":                              "must be a share, an amount or both, such as 10% 1s",
		"epochs: {api: x}":                                      "must be SERVICE/SCENARIO, SERVICE/image or total/SCENARIO",
		"epochs: {apo/cold: x}":                                 `x-catmandu.bench.epochs.apo/cold: no such service: apo; did you mean "api"?`,
		"epochs: {api/colt: x}":                                 `unknown scenario "colt"; did you mean "cold"?`,
		"epochs: {api/cold: 1234567}":                           `must be a revision as a string; quote one of digits only: "1234567"`,
		"epochs: {total/image: x}":                              `unknown scenario "image"`,
		"services: {late: {budgets: {cold: 1s}}}":               "",
		"services: {late: {edits: {x: a}}}\n    scenarios: [x]": "",
	} {
		_, err := load(t, project(t, map[string]string{"compose.yaml": "x-catmandu:\n  bench:\n    " + text + services}), Options{})
		if want == "" {
			assert.NilError(t, err)
			continue
		}
		assert.Assert(t, is.ErrorContains(err, want), text)
	}
}

// An own scenario is of the service that has an edit for it.
func TestBenchOwnScenarios(t *testing.T) {
	const head = "x-catmandu: {bench: {services: {api: {edits: {regen: a}}, web: {budgets: {regen: 1s}}}}}\n"
	_, err := load(t, project(t, map[string]string{"compose.yaml": head + "services: {api: {build: .}, web: {build: .}}"}), Options{})
	assert.Assert(t, is.ErrorContains(err, `budget regen: unknown scenario "regen"`))
	_, err = load(t, project(t, map[string]string{
		"compose.yaml": head + "services: {api: {build: .}, web: {build: {context: ., x-catmandu: {bench: {edits: {regen: b}}}}}}",
	}), Options{})
	assert.NilError(t, err)
}

// What only the override has is no error of the files without it.
func TestBenchOfTheOverride(t *testing.T) {
	p := mustLoad(t, map[string]string{
		"compose.yaml":          "x-catmandu: {bench: {services: {debug: {erratic: true}}}}\nservices: {api: {build: .}}",
		"compose.override.yaml": "services: {debug: {build: .}}",
	}, Options{Variants: true})
	assert.Equal(t, len(p.BaseErrors), 0)
	assert.Assert(t, p.Config.Bench.Services["debug"].Erratic)
}
