package session

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

const schemaFile = "../../docs/bench.schema.json"

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(schemaFile)
	assert.NilError(t, err)
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	assert.NilError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	assert.NilError(t, compiler.AddResource("bench.json", doc))
	compiled, err := compiler.Compile("bench.json")
	assert.NilError(t, err)
	return compiled
}

func written(t *testing.T, s *Session) []byte {
	t.Helper()
	var b bytes.Buffer
	assert.NilError(t, Write(&b, s))
	return b.Bytes()
}

// The published schema takes what is written, with all fields and with none, and refuses what is no session.
func TestSchema(t *testing.T) {
	compiled := schema(t)
	valid := func(text []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		assert.NilError(t, err)
		return compiled.Validate(v)
	}
	text := written(t, full())
	assert.NilError(t, valid(text))
	empty := &Session{ID: "A"}
	empty.Seal()
	assert.NilError(t, valid(written(t, empty)))
	assert.NilError(t, valid(bytes.Replace(text, []byte("{"), []byte(`{"later": 1, `), 1)))

	for _, change := range [][2]string{
		{`"catmandu.bench/v1"`, `"catmandu.bench/v2"`},
		{`"catmandu.bench/v1"`, `"catmandu.bench/v10"`},
		{`"version": "head"`, `"version": "main"`},
		{`"verdict": "slower"`, `"verdict": "slow"`},
		{`"values": [`, `"value": [`},
		{`"median": 12.5`, `"median": "12.5 s"`},
		{`"started": "2026`, `"started": "at 2026`},
		{`"outliers": [`, `"outliers": [0.5, `},
		{`"state": "ok"`, `"state": "fine"`},
		{`"after": [`, `"after": null, "x": [`},
	} {
		broken := strings.Replace(string(text), change[0], change[1], 1)
		assert.Assert(t, broken != string(text), change[0])
		assert.Assert(t, valid([]byte(broken)) != nil, change[1])
	}
}

// TestSchemaHasAll walks the types: each field that is written is described, with those required that are always there.
func TestSchemaHasAll(t *testing.T) {
	text, err := os.ReadFile(schemaFile)
	assert.NilError(t, err)
	var root object
	assert.NilError(t, json.Unmarshal(text, &root))
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type, o object, path string)
	field := func(f reflect.StructField, o object, path string) {
		name, omit, _ := strings.Cut(f.Tag.Get("json"), ",")
		property, ok := o.Properties[name]
		assert.Check(t, ok, "%s: no %s%s", schemaFile, path, name)
		required := strings.Contains(" "+strings.Join(o.Required, " ")+" ", " "+name+" ")
		assert.Check(t, required == (omit == ""), "%s: required of %s%s", schemaFile, path, name)
		typ := f.Type
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			if typ.Kind() == reflect.Slice && property.Items != nil {
				property = *property.Items
			}
			typ = typ.Elem()
		}
		if typ.Kind() == reflect.Struct && typ != reflect.TypeFor[time.Time]() && !seen[typ] {
			def, ok := root.Defs[strings.TrimPrefix(property.Ref, "#/$defs/")]
			assert.Check(t, ok, "%s: %s%s is no reference", schemaFile, path, name)
			seen[typ] = true
			walk(typ, def, path+name+".")
		}
	}
	walk = func(typ reflect.Type, o object, path string) {
		count := 0
		for _, f := range reflect.VisibleFields(typ) {
			if !f.Anonymous {
				count++
				field(f, o, path)
			}
		}
		assert.Check(t, count == len(o.Properties), "%s: %s has fields that are not written", schemaFile, path)
	}
	walk(reflect.TypeFor[Session](), root, "")
	assert.Equal(t, len(seen), len(root.Defs))
}

type object struct {
	Ref        string            `json:"$ref"`
	Items      *object           `json:"items"`
	Properties map[string]object `json:"properties"`
	Required   []string          `json:"required"`
	Defs       map[string]object `json:"$defs"`
}

// What other tests say of full, they say of every field.
func TestFullIsFull(t *testing.T) {
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		switch v.Kind() {
		case reflect.Pointer:
			if assert.Check(t, !v.IsNil(), path) {
				walk(v.Elem(), path)
			}
		case reflect.Slice:
			if assert.Check(t, v.Len() > 0, path) && v.Index(0).Kind() == reflect.Struct {
				walk(v.Index(0), path)
			}
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				assert.Check(t, !v.IsZero(), path)
				return
			}
			for i := range v.NumField() {
				walk(v.Field(i), path+"."+v.Type().Field(i).Name)
			}
		default:
			assert.Check(t, !v.IsZero(), path)
		}
	}
	walk(reflect.ValueOf(full()), "session")
}

// The golden file is the format: a change to it that is no addition needs another version.
func TestFormat(t *testing.T) {
	text := written(t, full())
	golden.Assert(t, string(text), "full.json")
	s, err := Read(bytes.NewReader(text))
	assert.NilError(t, err)
	assert.DeepEqual(t, s, full())
	assert.Assert(t, strings.Contains(string(text), "make && strip <a>"))

	empty := &Session{ID: "A", Compare: &Compare{}, Settings: Settings{Edits: map[string][]string{"api deps": nil}}, Series: []Series{{}}, Runs: []Run{{}}}
	empty.Seal()
	assert.Assert(t, !strings.Contains(string(written(t, empty)), "null"))
}
