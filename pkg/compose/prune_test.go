package compose

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	"go.yaml.in/yaml/v4"
	"gotest.tools/v3/assert"
)

// A service setting that compose-spec gains must be said to matter to a build, or not to.
func TestEveryServiceKeyIsClassified(t *testing.T) {
	var spec struct {
		Defs map[string]struct {
			Properties map[string]any
		} `json:"$defs"`
		Properties map[string]any
	}
	assert.NilError(t, json.Unmarshal([]byte(schema.Schema), &spec))
	keys := 0
	for _, def := range []string{"service", "container_spec", "workload_spec"} {
		for key := range spec.Defs[def].Properties {
			keys++
			assert.Assert(t, runtimeKeys[key] != buildKeys[key], "%s must be in one of runtimeKeys and buildKeys", key)
		}
	}
	assert.Assert(t, keys > 80)
	read := []string{"include", "name", "secrets", "services", "version"}
	for key := range spec.Properties {
		assert.Assert(t, runtimeSections[key] != slices.Contains(read, key), key)
	}
}

// FuzzPrune: what pruning keeps of a file means the same as before.
func FuzzPrune(f *testing.F) {
	f.Add("services: {web: {build: {args: {A: , B: ~}}, ports: [1]}}")
	f.Add("x-a: &a {env_file: x, image: y}\nservices: {web: {<<: *a, environment: &e {K: v}, build: {context: ., args: *e}}}")
	f.Add("services:\n  web: &w\n    build: !reset null\n    image: !override 'no'\n  api: *w\n")
	f.Add("services: {a: {labels: &l [x: &m y, *m], build: {labels: *l}}}")
	f.Fuzz(func(t *testing.T, text string) {
		var before map[string]any
		if yaml.Unmarshal([]byte(text), &before) != nil || strings.Contains(text, "<<") && strings.Contains(text, "!") {
			return
		}
		var doc yaml.Node
		if yaml.Unmarshal([]byte(text), &doc) != nil {
			return
		}
		prune(&doc)
		out, err := yaml.Marshal(&doc)
		assert.NilError(t, err)
		var after map[string]any
		if err := yaml.Unmarshal(out, &after); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		services, _ := before["services"].(map[string]any)
		pruned, _ := after["services"].(map[string]any)
		for name, s := range services {
			s, ok := s.(map[string]any)
			if !ok {
				continue
			}
			got, _ := pruned[name].(map[string]any)
			for key, want := range s {
				if !runtimeKeys[key] {
					assert.DeepEqual(t, got[key], want)
				}
			}
		}
	})
}
