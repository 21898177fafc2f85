package compose

import (
	"os"
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
	schema, err := compiler.Compile("x-catmandu.json")
	assert.NilError(t, err)

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
	} {
		var section any
		assert.NilError(t, yaml.Unmarshal([]byte(text), &section))
		assert.Equal(t, schema.Validate(section) == nil, want, "schema: %s", text)
		dir := project(t, map[string]string{"compose.yaml": "x-catmandu: " + text + "\nservices: {web: {build: .}}"})
		_, err := load(t, dir, Options{})
		assert.Equal(t, err == nil, want, "loader: %s: %v", text, err)
	}
}
