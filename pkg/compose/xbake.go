package compose

import (
	"encoding/csv"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// bakeExtension is the section of a build section that docker buildx bake reads:
// https://docs.docker.com/build/bake/compose-file/#extension-field-with-x-bake
const bakeExtension = "x-bake"

// bakeKeys are those that count in x-bake.
var bakeKeys = []string{
	"tags", "cache-from", "cache-to", "secret", "ssh", "platforms", "output", "pull", "no-cache", "no-cache-filter", "contexts",
}

// bake is an x-bake section that is being added to a service.
type bake struct {
	section
	dir string
	env types.Mapping
}

// addBake adds what the x-bake section of a service says to its build section. As in bake, lists are added to those of
// Compose, and switches stand over them. Paths are relative to the project directory, as all others.
func addBake(p *types.Project, s *Service, ext types.Extensions) []error {
	v := ext[bakeExtension]
	if v == nil {
		return nil
	}
	x := bake{dir: p.WorkingDir, env: p.Environment, section: section{
		name: "build." + bakeExtension,
		at:   func(path string) Position { return s.At("build." + bakeExtension + "." + path) },
	}}
	m, ok := v.(map[string]any)
	if !ok {
		x.fail("", "must be a mapping (of %s)", strings.Join(bakeKeys, ", "))
		return x.errs
	}
	b := &s.Build
	b.Tags = joined(b.Tags, x.list(m, "tags"))
	b.CacheFrom = joined(b.CacheFrom, x.list(m, "cache-from"))
	b.CacheTo = joined(b.CacheTo, x.list(m, "cache-to"))
	b.Platforms = joined(b.Platforms, x.list(m, "platforms"))
	b.NoCacheFilter = joined(b.NoCacheFilter, x.list(m, "no-cache-filter"))
	for _, text := range x.list(m, "secret") {
		b.Secrets = x.secret(b.Secrets, text)
	}
	for _, text := range x.list(m, "ssh") {
		b.SSH = x.ssh(b.SSH, text)
	}
	x.boolean(m, "pull", &b.Pull)
	x.boolean(m, "no-cache", &b.NoCache)
	x.contexts(b, m["contexts"])
	return x.errs
}

// unreadBake warns of what an x-bake section says to no effect.
func unreadBake(s Service, ext types.Extensions) []Warning {
	m, _ := ext[bakeExtension].(map[string]any)
	var out []Warning
	for _, key := range slices.Sorted(maps.Keys(m)) {
		message := ""
		switch {
		case !slices.Contains(bakeKeys, key):
			message = fmt.Sprintf("nobody reads x-bake.%s%s", key, didYouMean(key, bakeKeys))
		case key == "output":
			message = "x-bake.output is not used: --load, --push and --output say where images go"
		default:
			continue
		}
		out = append(out, Warning{Service: s.Name, Message: message, Position: s.At("build." + bakeExtension + "." + key)})
	}
	return out
}

// joined is a and what b adds to it.
func joined(a, b []string) []string {
	for _, v := range b {
		if !slices.Contains(a, v) {
			a = append(slices.Clone(a), v)
		}
	}
	return a
}

// list is a list of strings; bake takes words in one string as well.
func (x *bake) list(m map[string]any, key string) []string {
	switch v := m[key].(type) {
	case nil:
		return nil
	case string:
		return strings.Fields(v)
	case []any:
		var out []string
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				x.fail(key, "must be a list of strings")
			}
			out = append(out, text)
		}
		return out
	}
	x.fail(key, "must be a list of strings")
	return nil
}

// boolean sets a switch; one made of a variable is text here.
func (x *bake) boolean(m map[string]any, key string, to *bool) {
	switch v := m[key].(type) {
	case nil:
		return
	case bool:
		*to = v
		return
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			*to = b
			return
		}
	}
	x.fail(key, "must be true or false")
}

// secret adds a secret in the words of --secret: "id=token,env=TOKEN", "id=key,src=./key". One of an ID that is there
// replaces it.
func (x *bake) secret(list []Secret, text string) []Secret {
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		x.fail("secret", "%s: %v", text, err)
		return list
	}
	var s Secret
	kind := ""
	for _, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		switch strings.ToLower(key) {
		case "type":
			kind = value
		case "id":
			s.ID = value
		case "src", "source":
			s.File = value
		case "env":
			s.Environment = value
		default:
			x.fail("secret", "%s: unknown key %q%s", text, key, didYouMean(key, []string{"type", "id", "src", "env"}))
		}
	}
	switch {
	case s.ID == "":
		x.fail("secret", "%s: the id is missing", text)
		return list
	case kind == "env" && s.Environment == "":
		s.Environment, s.File = s.File, ""
	case kind != "" && kind != "env" && kind != "file":
		x.fail("secret", "%s: type must be file or env", text)
	}
	if s.File == "" && s.Environment == "" { // as --secret id=NAME
		if _, ok := x.env[s.ID]; ok && kind != "file" || kind == "env" {
			s.Environment = s.ID
		} else {
			s.File = s.ID
		}
	}
	if s.Environment != "" {
		s.File = ""
	} else {
		s.File = x.abs(s.File)
	}
	list = slices.DeleteFunc(slices.Clone(list), func(old Secret) bool { return old.ID == s.ID })
	return append(list, s)
}

// ssh adds an agent or keys in the words of --ssh: "default", "id=path,path".
func (x *bake) ssh(list []SSHKey, text string) []SSHKey {
	id, paths, ok := strings.Cut(text, "=")
	list = slices.DeleteFunc(slices.Clone(list), func(old SSHKey) bool { return old.ID == id })
	if !ok {
		return append(list, SSHKey{ID: id})
	}
	for path := range strings.SplitSeq(paths, ",") {
		list = append(list, SSHKey{ID: id, Path: x.abs(path)})
	}
	return list
}

// contexts adds named contexts; as in bake, those of additional_contexts stand over them.
func (x *bake) contexts(b *Build, v any) {
	if v == nil {
		return
	}
	m, ok := v.(map[string]any)
	if !ok {
		x.fail("contexts", "must be a mapping of names to contexts")
		return
	}
	all := maps.Clone(b.AdditionalContexts)
	if all == nil {
		all = map[string]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		text := x.text("contexts."+name, m[name])
		if target, ok := strings.CutPrefix(text, "target:"); ok {
			text = servicePrefix + target
		}
		if layout, ok := strings.CutPrefix(text, layoutPrefix); ok {
			text = layoutPrefix + x.abs(layout)
		}
		if !strings.HasPrefix(text, servicePrefix) && !isRemote(text) {
			text = x.abs(text)
		}
		if _, ok := all[name]; !ok {
			all[name] = text
		}
	}
	b.AdditionalContexts = all
}

// isRemote tells a context of BuildKit's from a folder, as compose-go does.
func isRemote(context string) bool {
	if strings.Contains(context, "://") {
		return true
	}
	return strings.HasPrefix(context, "github.com/") || strings.HasPrefix(context, "git@")
}

func (x *bake) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(x.dir, path)
}
