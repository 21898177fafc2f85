package cache

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// destination names what an export writes over; empty is an export that writes over nothing.
func destination(s spec) string {
	switch s.kind {
	case Local:
		return "local " + filepath.Clean(s.attrs["dest"])
	case Registry:
		return "registry " + fullRef(s.attrs["ref"])
	case GHA:
		return "gha " + cmp.Or(s.attrs["scope"], "buildkit")
	case S3:
		return "s3 " + s.attrs["bucket"] + "/" + s.attrs["prefix"] + cmp.Or(s.attrs["name"], "buildkit")
	case Azblob:
		return "azblob " + s.attrs["account_url"] + "/" + s.attrs["container"] + "/" + s.attrs["prefix"] + cmp.Or(s.attrs["name"], "buildkit")
	}
	return ""
}

// fullRef is a reference as registries know it.
func fullRef(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref
	}
	return reference.TagNameOnly(named).String()
}

// apart is an export, and the import of what it writes, in a place for one build alone.
func apart(s spec, own Scope) (export, back spec) {
	name := strings.TrimPrefix(own.Slugs().Name(), marker+"."+own.Slugs().Project+".")
	back = spec{s.kind, map[string]string{}}
	for key, value := range s.attrs {
		if !onlyExports[key] && key != "reset" && key != "dest" {
			back.attrs[key] = value
		}
	}
	set := func(key, value string) (spec, spec) {
		back.attrs[key] = value
		return s.with(map[string]string{key: value}), back
	}
	switch s.kind {
	case Local:
		dir := filepath.Join(s.attrs["dest"], name)
		back.attrs["src"] = dir
		return s.with(map[string]string{"dest": dir}), back
	case Registry:
		ref := s.attrs["ref"]
		if named, err := reference.ParseNormalizedNamed(ref); err == nil && reference.IsNameOnly(named) {
			ref += ":latest"
		}
		at := strings.LastIndexByte(ref, ':')
		return set("ref", ref[:at+1]+slug(ref[at+1:]+"-"+strings.ReplaceAll(name, ".", "-"), 120))
	case GHA:
		return set("scope", cmp.Or(s.attrs["scope"], "buildkit")+"-"+name)
	}
	return set("name", cmp.Or(s.attrs["name"], "buildkit")+"-"+name)
}

// repair gives every build a place of its own where several builds are declared to export to one: each would replace what
// another one wrote, and in a folder they even fail.
func (p *planner) repair() {
	writers := map[string][]int{}
	for i, b := range p.settings.Builds {
		for _, e := range b.Exports {
			s, ok := parse(e.Spec)
			if d := destination(s); e.Declared && ok && d != "" && !slices.Contains(writers[d], i) {
				writers[d] = append(writers[d], i)
			}
		}
	}
	var told []string
	for i := range p.settings.Builds {
		b := &p.settings.Builds[i]
		for j, e := range b.Exports {
			s, ok := parse(e.Spec)
			d := destination(s)
			if !e.Declared || !ok || len(writers[d]) < 2 {
				continue
			}
			own := b.Scope
			own.Branch = ""
			export, back := apart(s, own)
			where := strings.TrimPrefix(d, string(s.kind)+" ")
			b.Exports[j] = Entry{
				Spec: export.String(), Declared: true,
				Reason: fmt.Sprintf("cache_to, set apart: %d builds export to %s", len(writers[d]), where),
			}
			b.Imports = slices.Insert(b.Imports, 0, Entry{Spec: back.String(), Reason: "what this build exports itself"})
			if !slices.Contains(told, d) {
				told = append(told, d)
				p.note(fmt.Sprintf("cache_to: %s all export to %s, where only the last one would be kept: each gets a place of its own there",
					p.list(writers[d]), where), "")
			}
		}
		b.Exports, b.Imports = unique(b.Exports), unique(b.Imports)
	}
}

// list names builds by their first services.
func (p *planner) list(builds []int) string {
	var names []string
	for _, i := range builds {
		names = append(names, p.settings.Builds[i].Services[0])
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// unique leaves out entries that are there already. BuildKit refuses a build that exports twice to one place.
func unique(entries []Entry) []Entry {
	out := entries[:0]
	for _, e := range entries {
		if !slices.ContainsFunc(out, func(known Entry) bool { return known.Spec == e.Spec }) {
			out = append(out, e)
		}
	}
	return out
}

// refuse drops automatic exports to a place that another build exports to.
func (p *planner) refuse() {
	writer := map[string]int{}
	for _, declared := range []bool{true, false} {
		for i := range p.settings.Builds {
			b := &p.settings.Builds[i]
			b.Exports = slices.DeleteFunc(b.Exports, func(e Entry) bool {
				s, ok := parse(e.Spec)
				d := destination(s)
				if !ok || d == "" || e.Declared != declared {
					return false
				}
				first, taken := writer[d]
				if !taken || declared {
					writer[d] = i
					return false
				}
				if first != i {
					b.NotExported = fmt.Sprintf("%s exports to that place", p.settings.Builds[first].Services[0])
				}
				return true
			})
		}
	}
}
