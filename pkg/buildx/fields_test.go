package buildx

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/docker/buildx/build"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// fieldCase is a field of the build section, and what it adds to the request of a build.
type fieldCase struct {
	// yaml is what stands in the build section.
	yaml string
	// request is the part of the request that it sets; see requested.
	request string
}

// fields has a row for every field of the build section: TestEveryFieldIsRequested walks the schema of compose-spec, so
// that one it gains cannot be forgotten here, or in the table of docs/reference/fields.md.
var fields = map[string]fieldCase{
	"additional_contexts": {"additional_contexts: {a: ./a, i: docker-image://i, l: 'oci-layout://./l', o: service:other, t: 'target:other', u: 'https://example.com/u.git'}", "contexts a=$DIR/a i=docker-image://i l=oci-layout://$DIR/l o=target:other t=target:other u=https://example.com/u.git"},
	"args":                {"args: {A: '1', FROM_ENV: , UNSET: , ODD: '$${X} %{y}'}", "args A=1 FROM_ENV=env ODD=${X} %{y}"},
	"cache_from":          {"cache_from: [example.com/c, 'type=local,src=c']", "cache-from local{src=$DIR/c} registry{ref=example.com/c}"},
	"cache_to":            {"cache_to: ['type=local,dest=c,mode=max', type=inline]", "cache-to inline{} local{dest=$DIR/c,mode=max}"},
	"context":             {"context: ./sub", "context $DIR/sub\ndockerfile $DIR/sub/Dockerfile"},
	"dockerfile":          {"dockerfile: d/Dockerfile.x", "dockerfile $DIR/d/Dockerfile.x"},
	"dockerfile_inline":   {`dockerfile_inline: "FROM scratch\nLABEL a=$$b %{c}"`, `inline "FROM scratch\nLABEL a=$b %{c}"`},
	"entitlements":        {"entitlements: [network.host]", "allow [network.host]"},
	"extra_hosts":         {"extra_hosts: [a=10.0.0.1, 'b:::1', a=10.0.0.2, g=host-gateway]", "hosts [a=10.0.0.1 a=10.0.0.2 b=::1 g=host-gateway]"},
	"isolation":           {"isolation: hyperv", ""}, // a warning: TestLint
	"labels":              {"labels: {a: '$${b}', c: d}", "labels a=${b} c=d"},
	"network":             {"network: none", "network none"},
	"no_cache":            {"no_cache: true", "no-cache true"},
	"no_cache_filter":     {"no_cache_filter: [s]", "no-cache-filter [s]"},
	"platforms":           {"platforms: [linux/arm64, linux/amd64]", "platforms [linux/arm64 linux/amd64]"},
	"privileged":          {"privileged: true", "allow [security.insecure]"},
	"provenance":          {"provenance: mode=max", "attests provenance=mode=max"},
	"pull":                {"pull: true", "pull true"},
	"sbom":                {"sbom: true", "attests sbom="},
	"secrets":             {"secrets: [one, {source: two, target: renamed}]", "secrets one=$DIR/one.txt renamed=$TWO"},
	"shm_size":            {"shm_size: 64m", "shm-size 67108864"},
	"ssh":                 {"ssh: [default, k=./k]", "ssh default k=$DIR/k"},
	"tags":                {"tags: [example.com/t:1]", "tags [example.com/t:1 shop-web]"},
	"target":              {"target: s", "target s"},
	"ulimits":             {"ulimits: {nproc: 5, nofile: {soft: 1, hard: 2}}", "ulimits [nofile=1:2 nproc=5:5]"},
}

func TestEveryFieldIsRequested(t *testing.T) {
	assert.DeepEqual(t, slices.Sorted(maps.Keys(fields)), schemaFields(t))
	plain := request(t, "")
	for name, tc := range fields {
		t.Run(name, func(t *testing.T) {
			var added []string
			for _, line := range request(t, tc.yaml) {
				if !slices.Contains(plain, line) {
					added = append(added, line)
				}
			}
			assert.Equal(t, strings.Join(added, "\n"), tc.request)
		})
	}
}

func TestEveryFieldIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/fields.md")
	assert.NilError(t, err)
	rows := ""
	for row := range strings.Lines(string(page)) {
		if cells := strings.Split(row, "|"); len(cells) > 2 {
			rows += cells[1]
		}
	}
	for name := range fields {
		assert.Assert(t, strings.Contains(rows, "`"+name+"`"), "docs/reference/fields.md has no row for %s", name)
	}
}

// schemaFields are the fields of the build section in the schema of compose-spec.
func schemaFields(t *testing.T) []string {
	var spec struct {
		Defs map[string]struct {
			Properties map[string]struct {
				OneOf []struct{ Properties map[string]any }
			}
		} `json:"$defs"`
	}
	assert.NilError(t, json.Unmarshal([]byte(schema.Schema), &spec))
	found := map[string]bool{}
	for _, def := range spec.Defs {
		for _, form := range def.Properties["build"].OneOf {
			for key := range form.Properties {
				found[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// request is what buildx is asked for by a service with field in its build section, a line for each setting;
// $DIR is the project directory.
func request(t *testing.T, field string) []string {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	assert.NilError(t, err)
	context := "context: .\n      "
	if strings.HasPrefix(field, "context:") {
		context = ""
	}
	for name, text := range map[string]string{
		"compose.yaml": "name: shop\nservices:\n  other: {build: .}\n  web:\n    build:\n      " + context + field +
			"\nsecrets:\n  one: {file: one.txt}\n  two: {environment: TWO}\n",
		"Dockerfile": "FROM scratch AS s\nFROM s\n", "sub/Dockerfile": "FROM scratch", "one.txt": "1", "d/Dockerfile.x": "FROM scratch",
	} {
		assert.NilError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	p, err := compose.Load(t.Context(), compose.Options{Dir: dir, Files: []string{filepath.Join(dir, "compose.yaml")}, Environment: []string{"FROM_ENV=env", "TWO=2"}})
	assert.NilError(t, err)
	plan, err := targets.New(p, targets.Request{})
	assert.NilError(t, err)
	web := plan.Targets[slices.IndexFunc(plan.Targets, func(t targets.Target) bool { return t.Service == "web" })]
	o, err := options(plan, group{web, []string{"web"}}, nil)
	assert.NilError(t, err)
	lines := append(requested(o), sessioned(t, web.Build, p.Environment)...)
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], dir, "$DIR")
	}
	return lines
}

// requested writes what is set in a request of buildx.
func requested(o build.Options) []string {
	var platforms []string
	for _, p := range o.Platforms {
		platforms = append(platforms, p.OS+"/"+p.Architecture)
	}
	var limits []string
	if o.Ulimits != nil {
		for _, l := range o.Ulimits.GetList() {
			limits = append(limits, l.String())
		}
		slices.Sort(limits)
	}
	contexts, attests, labels := map[string]string{}, map[string]string{}, maps.Clone(o.Labels)
	for name, c := range o.Inputs.NamedContexts {
		contexts[name] = c.Path
	}
	for name, value := range o.Attests {
		attests[name] = *value
	}
	delete(labels, "com.docker.compose.project")
	delete(labels, "com.docker.compose.service")
	caches := map[string][]string{}
	for _, c := range o.CacheFrom {
		caches["cache-from"] = append(caches["cache-from"], c.Type+"{"+pairs(c.Attrs, ",")+"}")
	}
	for _, c := range o.CacheTo {
		caches["cache-to"] = append(caches["cache-to"], c.Type+"{"+pairs(c.Attrs, ",")+"}")
	}
	slices.Sort(caches["cache-from"])
	slices.Sort(caches["cache-to"])
	inline := ""
	if o.Inputs.DockerfileInline != "" {
		inline = fmt.Sprintf("%q", o.Inputs.DockerfileInline)
	}
	var out []string
	for _, s := range []struct {
		name  string
		value any
	}{
		{"allow", o.Allow},
		{"args", pairs(o.BuildArgs, " ")},
		{"attests", pairs(attests, " ")},
		{"cache-from", strings.Join(caches["cache-from"], " ")},
		{"cache-to", strings.Join(caches["cache-to"], " ")},
		{"context", o.Inputs.ContextPath},
		{"contexts", pairs(contexts, " ")},
		{"dockerfile", o.Inputs.DockerfilePath},
		{"hosts", o.ExtraHosts},
		{"inline", inline},
		{"labels", pairs(labels, " ")},
		{"network", o.NetworkMode},
		{"no-cache", o.NoCache},
		{"no-cache-filter", o.NoCacheFilter},
		{"platforms", platforms},
		{"pull", o.Pull},
		{"shm-size", o.ShmSize.Value()},
		{"tags", o.Tags},
		{"target", o.Target},
		{"ulimits", limits},
	} {
		text := fmt.Sprint(s.value)
		if !slices.Contains([]string{"", "[]", "false", "0"}, text) {
			out = append(out, s.name+" "+text)
		}
	}
	return out
}

// sessioned writes which secrets and keys a build's session has; a secret of a variable is there with its value.
func sessioned(t *testing.T, b compose.Build, env map[string]string) []string {
	var out []string
	store, err := secretStore(b.Secrets, env)
	assert.NilError(t, err)
	secrets := map[string]string{}
	for _, s := range b.Secrets {
		secrets[s.ID] = s.File
		if s.Environment != "" {
			value, err := store.GetSecret(context.Background(), s.ID)
			assert.NilError(t, err)
			assert.Equal(t, string(value), env[s.Environment])
			secrets[s.ID] = "$" + s.Environment
		}
	}
	if len(secrets) > 0 {
		out = append(out, "secrets "+pairs(secrets, " "))
	}
	var keys []string
	for _, k := range sshKeys(b.SSH) {
		keys = append(keys, strings.TrimSuffix(k.ID+"="+strings.Join(k.Paths, ","), "="))
	}
	if len(keys) > 0 {
		slices.Sort(keys)
		out = append(out, "ssh "+strings.Join(keys, " "))
	}
	return out
}

func pairs(m map[string]string, separator string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return strings.Join(out, separator)
}
