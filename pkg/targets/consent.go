package targets

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Ask is something that a build does beyond its project, and so only when it is allowed.
type Ask struct {
	// Allow is what grants it, in the words of docker buildx bake: "network.host", "fs.read=/etc/key".
	Allow string
	// What says it in words, with the setting it comes from.
	What string
	// Services are those that ask for it, by name.
	Services []string
}

// What --allow takes, beside names of entitlements.
const (
	networkHost      = "network.host"
	securityInsecure = "security.insecure"
	device           = "device"
	fsRead           = "fs.read"
	fsWrite          = "fs.write"
	fsBoth           = "fs"
)

// CheckAllow returns an error for a value of --allow that grants nothing there is.
func CheckAllow(values []string) error {
	known := []string{networkHost, securityInsecure, device, fsBoth + "=PATH", fsRead + "=PATH", fsWrite + "=PATH"}
	for _, v := range values {
		key, path, hasValue := strings.Cut(v, "=")
		switch key {
		case networkHost, securityInsecure:
			if !hasValue {
				continue
			}
		case device:
			continue
		case fsRead, fsWrite, fsBoth:
			if path != "" {
				continue
			}
		}
		return fmt.Errorf("--allow %s: must be one of %s", v, strings.Join(known, ", "))
	}
	return nil
}

// Asks returns what the plan does beyond its project and allowed does not grant, sorted. Paths in allowed are absolute,
// or "*". Within the project are its folder, those of its Compose files, and the Git working trees of these: a Compose
// file in deploy/ with "context: .." is an everyday one.
func (p *Plan) Asks(allowed []string) []Ask {
	a := &asker{byAllow: map[string]*Ask{}, allowed: allowed, real: map[string]string{}}
	for _, dir := range append([]string{p.Dir}, dirs(p.Files)...) {
		a.inside = append(a.inside, a.resolve(dir), workTree(a.resolve(dir)))
	}
	for _, t := range p.Targets {
		a.target(p.Dir, t)
	}
	out := []Ask{}
	for _, allow := range slices.Sorted(maps.Keys(a.byAllow)) {
		out = append(out, *a.byAllow[allow])
	}
	return out
}

func dirs(files []string) []string {
	var out []string
	for _, f := range files {
		if filepath.IsAbs(f) { // standard input is not
			out = append(out, filepath.Dir(f))
		}
	}
	return out
}

// workTree is the root of the Git working tree that dir is in, or dir.
func workTree(dir string) string {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			return d
		}
		if d == filepath.Dir(d) {
			return dir
		}
	}
}

type asker struct {
	allowed, inside []string
	byAllow         map[string]*Ask
	// real are paths without symbolic links, by path.
	real map[string]string
}

func (a *asker) target(dir string, t Target) {
	b := t.Build
	for _, e := range Entitlements(b) {
		a.entitlement(t, e)
	}
	if b.Network == "host" && !slices.Contains(b.Entitlements, networkHost) {
		a.ask(t, networkHost, "build.network: the network of the builder's machine")
	}
	a.read(t, t.Context, "build.context")
	if b.DockerfileInline == "" {
		a.read(t, t.Dockerfile, "build.dockerfile")
	}
	for _, name := range slices.Sorted(maps.Keys(b.AdditionalContexts)) {
		path := b.AdditionalContexts[name]
		if layout, ok := strings.CutPrefix(path, "oci-layout://"); ok { // of an image in it
			path, _, _ = strings.Cut(layout, "@")
			path, _, _ = strings.Cut(path, ":")
		}
		a.read(t, path, "build.additional_contexts."+name)
	}
	for _, s := range b.Secrets {
		a.read(t, s.File, "secret "+s.ID)
	}
	for _, k := range b.SSH {
		a.read(t, k.Path, "ssh key "+k.ID)
	}
	// Folders of the command line were named by the user, who need not be asked.
	a.caches(t, fsRead, "src", "build.cache_from", t.CacheFrom, caches(dir, b.CacheFrom))
	a.caches(t, fsWrite, "dest", "build.cache_to", t.CacheTo, caches(dir, b.CacheTo))
}

func (a *asker) entitlement(t Target, name string) {
	what := "build.entitlements: " + name
	switch {
	case name == networkHost:
		what = "build.entitlements: the network of the builder's machine"
	case name == securityInsecure && t.Build.Privileged:
		what = "build.privileged: steps that can change the builder's machine"
	case name == securityInsecure:
		what = "build.entitlements: steps that can change the builder's machine"
	}
	a.ask(t, name, what)
}

func (a *asker) caches(t Target, allow, key, setting string, used, written []string) {
	for _, entry := range used {
		fields, ok := cacheFields(entry)
		if ok && slices.Contains(written, entry) && cacheValue(fields, "type") == "local" {
			a.file(t, allow, cacheValue(fields, key), setting)
		}
	}
}

func (a *asker) read(t Target, path, setting string) { a.file(t, fsRead, path, setting) }

// file asks for a path that is not in the project; what is no absolute path is a URL, or nothing.
func (a *asker) file(t Target, allow, path, setting string) {
	if !filepath.IsAbs(path) {
		return
	}
	resolved := a.resolve(path)
	if slices.ContainsFunc(a.inside, func(dir string) bool { return isWithin(dir, resolved) }) {
		return
	}
	doing := "reads"
	if allow == fsWrite {
		doing = "writes"
	}
	a.ask(t, allow+"="+resolved, fmt.Sprintf("%s %s %s, which is outside of the project", setting, doing, resolved))
}

func (a *asker) ask(t Target, allow, what string) {
	if slices.ContainsFunc(a.allowed, func(given string) bool { return a.grants(given, allow) }) {
		return
	}
	if known := a.byAllow[allow]; known == nil {
		a.byAllow[allow] = &Ask{Allow: allow, What: what, Services: []string{t.Service}}
	} else if !slices.Contains(known.Services, t.Service) {
		known.Services = append(known.Services, t.Service)
	}
}

// grants tells whether a value of --allow is enough for what is asked.
func (a *asker) grants(given, asked string) bool {
	key, path, _ := strings.Cut(given, "=")
	askedKey, askedPath, _ := strings.Cut(asked, "=")
	switch {
	case given == asked, given == device && askedKey == device:
		return true
	case key == fsBoth && (askedKey == fsRead || askedKey == fsWrite), key == askedKey && strings.HasPrefix(key, fsBoth+"."):
		return path == "*" || isWithin(a.resolve(path), askedPath)
	}
	return false
}

// resolve follows symbolic links: a link in the project does not make part of it what it points to. Of a path that
// is not there yet, its folders are followed.
func (a *asker) resolve(path string) string {
	if known, ok := a.real[path]; ok {
		return known
	}
	out, err := filepath.EvalSymlinks(path)
	if err != nil {
		out = filepath.Clean(path)
		if parent := filepath.Dir(out); parent != out {
			out = filepath.Join(a.resolve(parent), filepath.Base(out))
		}
	}
	a.real[path] = out
	return out
}

func isWithin(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// Granting returns the flags that allow all of asks.
func Granting(asks []Ask) string {
	var flags []string
	for _, a := range asks {
		flag := "--allow " + a.Allow
		if strings.ContainsAny(a.Allow, " '\"$*") {
			flag = "--allow '" + strings.ReplaceAll(a.Allow, "'", `'\''`) + "'"
		}
		flags = append(flags, flag)
	}
	return strings.Join(flags, " ")
}
