package compose

import (
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
	"gotest.tools/v3/assert"
)

// The published schema and the loader take and refuse the same sections.
func TestSchemaAgrees(t *testing.T) {
	f, err := os.Open("../../docs/x-catmandu.schema.json")
	assert.NilError(t, err)
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	assert.NilError(t, err)
	compiler := jsonschema.NewCompiler()
	assert.NilError(t, compiler.AddResource("x-catmandu.json", doc))
	whole, err := compiler.Compile("x-catmandu.json")
	assert.NilError(t, err)
	build, err := compiler.Compile("x-catmandu.json#/$defs/build")
	assert.NilError(t, err)
	// Below build, b is what is said of one service.
	const b = "{bench: {services: {web: "
	for text, want := range map[string]bool{
		"{}":                             true,
		"{targets: {prod: a, dev: b}}":   true,
		"{targets: {prod: {target: a}}}": true,
		"{targets: {prod: {target: a, dockerfile: b}}}":   true,
		"{targets: {prod: {}}}":                           true,
		"{target: {prod: a}}":                             false,
		"{targets: {production: a}}":                      false,
		"{targets: {prod: {stage: a}}}":                   false,
		"{targets: {prod: 1}}":                            false,
		"{targets: {prod: {target: [a]}}}":                false,
		"{targets: [prod]}":                               false,
		"[]":                                              false,
		"{targets: {prod: a}, cache: {}}":                 false,
		"{targets: {dev: {target: a, dockerfile: true}}}": false,

		"{cache: off}":                                 true,
		"{cache: auto}":                                true,
		"{cache: 'gha,timeout=5m'}":                    true,
		"{cache: 'registry=example.com/c,mode=min'}":   true,
		"{cache: s3=bucket}":                           true,
		"{cache: registry}":                            false,
		"{cache: 'gha,'}":                              false,
		"{cache: redis=x}":                             false,
		"{cache: true}":                                false,
		"{cache: [off]}":                               false,
		"{cache: {}}":                                  false,
		"{cache: {use: local=c, export: always}}":      true,
		"{cache: {export: ci, default-branch: trunk}}": true,
		"{cache: {use: inline, branch: ''}}":           true,
		"{cache: {use: 1}}":                            false,
		"{cache: {use: ''}}":                           false,
		"{cache: {export: sometimes}}":                 false,
		"{cache: {to: gha}}":                           false,

		"{bench: {}}":                                                   true,
		"{bench: []}":                                                   false,
		"{bench: {edits: {}}}":                                          false,
		"{bench: {scenarios: [warm, cold]}}":                            true,
		"{bench: {scenarios: []}}":                                      true,
		"{bench: {scenarios: warm}}":                                    false,
		"{bench: {scenarios: [1]}}":                                     false,
		"{bench: {scenarios: [Warm]}}":                                  false,
		"{bench: {min-effect: {wall: 10% 1s, size: 1%}}}":               true,
		"{bench: {min-effect: {wall: 500ms, size: 1.5MiB}}}":            true,
		"{bench: {min-effect: {wall: 1s 10%}}}":                         false,
		"{bench: {min-effect: {wall: 10}}}":                             false,
		"{bench: {min-effect: {wall: ''}}}":                             false,
		"{bench: {min-effect: {wall: 1MB}}}":                            false,
		"{bench: {min-effect: {memory: 1MB}}}":                          false,
		"{bench: {total: {budgets: {cold: 3m, dev.warm: 1s}}}}":         true,
		"{bench: {total: {budgets: {image: 1s}}}}":                      false,
		"{bench: {total: {budgets: {image: 1MB}}}}":                     false,
		"{bench: {total: {budgets: {stage.a: 1MB}}}}":                   false,
		"{bench: {total: {budgets: {cache.cold: 1%}}}}":                 false,
		"{bench: {total: {erratic: true}}}":                             false,
		"{bench: {epochs: {web/warm: a, web/image: b, total/cold: c}}}": true,
		"{bench: {epochs: {web: a}}}":                                   false,
		"{bench: {epochs: {web/warm: 1234567}}}":                        false,
		"{bench: {epochs: {web/warm: ''}}}":                             false,
		"{bench: {services: [web]}}":                                    false,

		b + "{}}}}":                true,
		b + "{erratic: true}}}}":   true,
		b + "{erratic: 'true'}}}}": false,
		b + "{total: {}}}}}":       false,
		b + "{edits: {source: a/b.go, deps: [a, b]}}}}}":                    true,
		b + "{edits: {own: {run: ./a}}}}}}":                                 true,
		b + "{edits: {own: {run: ''}}}}}}":                                  false,
		b + "{edits: {own: {}}}}}}":                                         false,
		b + "{edits: {own: {run: a, at: b}}}}}}":                            false,
		b + "{edits: {own: []}}}}}":                                         false,
		b + "{edits: {own: [1]}}}}}":                                        false,
		b + "{edits: {own: 1}}}}}":                                          false,
		b + "{edits: {own: null}}}}}":                                       false,
		b + "{edits: {own: ''}}}}}":                                         false,
		b + "{edits: {own: /a}}}}}":                                         false,
		b + "{edits: {own: ../a}}}}}":                                       false,
		b + "{edits: {cold: a}}}}}":                                         false,
		b + "{edits: {image: a}}}}}":                                        false,
		b + "{edits: {Own: a}}}}}":                                          false,
		b + "{edits: {imag: a}, budgets: {imag: 1s}}}}}":                    true,
		b + "{edits: {images: a}, budgets: {images: 1s}}}}}":                true,
		b + "{budgets: {cold: 90s, prod.warm: 1m30s, dev.source: 1.5h}}}}}": true,
		b + "{budgets: {image: 200MB, dev.image: 1.5 GiB, stage.a.b: 10kB, prod.stage.base: 5B}}}}}": true,
		b + "{budgets: {cache.source: 60%, dev.cache.deps: 99.5 %}}}}}":                              true,
		b + "{budgets: {cold: 90}}}}}":          false,
		b + "{budgets: {cold: 90MB}}}}}":        false,
		b + "{budgets: {cold: -90s}}}}}":        false,
		b + "{budgets: {image: 90s}}}}}":        false,
		b + "{budgets: {dev.image: 90s}}}}}":    false,
		b + "{budgets: {image: 90}}}}}":         false,
		b + "{budgets: {image: 90mb}}}}}":       false,
		b + "{budgets: {cache.source: 0.6}}}}}": false,
		b + "{budgets: {test.cold: 1s}}}}}":     false,
		b + "{budgets: {stage.: 1MB}}}}}":       false,
		b + "{budgets: {prod.: 1s}}}}}":         false,
		b + "{budgets: [cold]}}}}":              false,
	} {
		agree(t, whole, text, "x-catmandu: "+text+"\nservices: {web: {build: .}}", want)
		if rest, ok := strings.CutPrefix(text, b); ok {
			text = "{bench: " + strings.TrimSuffix(rest, "}}")
			agree(t, build, text, "services: {web: {build: {context: ., x-catmandu: "+text+"}}}", want)
		}
	}
	for text, want := range map[string]bool{"{cache: off}": true, "{cache: auto}": false, "{cache: {use: off}}": false, "{cache: gha}": false} {
		agree(t, build, text, "services: {web: {build: {context: ., x-catmandu: "+text+"}}}", want)
	}
}

func TestCacheConfig(t *testing.T) {
	p, err := load(t, project(t, map[string]string{"compose.yaml": `x-catmandu:
  cache:
    use: local=caches
    export: always
    branch: ${BRANCH-main}
services:
  web: {build: {context: ., x-catmandu: {cache: off}}}
  api: {build: .}
`}), Options{})
	assert.NilError(t, err)
	c := p.Config.Cache
	assert.Equal(t, c.Use+" "+c.Export+" "+c.Branch, "local=caches always main")
	assert.Equal(t, c.Position.Line, 2)
	assert.Assert(t, !p.Services[0].Config.CacheOff && p.Services[1].Config.CacheOff)
}

func agree(t *testing.T, schema *jsonschema.Schema, text, file string, want bool) {
	t.Helper()
	var section any
	assert.NilError(t, yaml.Unmarshal([]byte(text), &section), text)
	err := schema.Validate(section)
	assert.Equal(t, err == nil, want, "schema: %s: %v", text, err)
	_, err = load(t, project(t, map[string]string{"compose.yaml": file}), Options{})
	assert.Equal(t, err == nil, want, "loader: %s: %v", text, err)
}
