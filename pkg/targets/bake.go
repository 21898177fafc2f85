package targets

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

// Bake is a bake file: what `docker buildx bake -f -` builds to the same images as the plan. It has the form that
// `docker compose build --print` gives it.
type Bake struct {
	Groups  map[string]BakeGroup  `json:"group"`
	Targets map[string]BakeTarget `json:"target"`
}

// BakeGroup names the targets of a group; the one called "default" is built when none is asked for.
type BakeGroup struct {
	Targets []string `json:"targets"`
}

// BakeTarget is one target of a bake file; bake's reference explains the fields.
type BakeTarget struct {
	Context          string            `json:"context,omitempty"`
	Contexts         map[string]string `json:"contexts,omitempty"`
	Dockerfile       string            `json:"dockerfile,omitempty"`
	DockerfileInline string            `json:"dockerfile-inline,omitempty"`
	Args             map[string]string `json:"args,omitempty"`
	Labels           map[string]string `json:"labels,omitempty"`
	Tags             []string          `json:"tags,omitempty"`
	CacheFrom        []string          `json:"cache-from,omitempty"`
	CacheTo          []string          `json:"cache-to,omitempty"`
	Target           string            `json:"target,omitempty"`
	Secrets          []string          `json:"secret,omitempty"`
	SSH              []string          `json:"ssh,omitempty"`
	Platforms        []string          `json:"platforms,omitempty"`
	Pull             bool              `json:"pull,omitempty"`
	NoCache          bool              `json:"no-cache,omitempty"`
	Network          string            `json:"network,omitempty"`
	NoCacheFilter    []string          `json:"no-cache-filter,omitempty"`
	ShmSize          string            `json:"shm-size,omitempty"`
	Ulimits          []string          `json:"ulimits,omitempty"`
	Entitlements     []string          `json:"entitlements,omitempty"`
	ExtraHosts       map[string]string `json:"extra-hosts,omitempty"`
	Outputs          []string          `json:"output,omitempty"`
	Attest           []string          `json:"attest,omitempty"`
}

// Bake returns the plan as a bake file.
func (p *Plan) Bake() Bake {
	names := p.bakeNames()
	out := Bake{Groups: map[string]BakeGroup{}, Targets: map[string]BakeTarget{}}
	group := BakeGroup{Targets: []string{}}
	for _, t := range p.Targets {
		out.Targets[names[t.Service]] = p.bakeTarget(t, names)
		if !t.Linked {
			group.Targets = append(group.Targets, names[t.Service])
		}
	}
	slices.Sort(group.Targets)
	out.Groups["default"] = group
	return out
}

// bakeNames gives every service a name that bake takes: without dots, and no two the same.
func (p *Plan) bakeNames() map[string]string {
	names, used := map[string]string{}, map[string]bool{}
	for _, t := range p.Targets {
		name := strings.ReplaceAll(t.Service, ".", "_")
		for used[name] {
			name += "_"
		}
		names[t.Service], used[name] = name, true
	}
	return names
}

func (p *Plan) bakeTarget(t Target, names map[string]string) BakeTarget {
	b := t.Build
	out := BakeTarget{
		Context: t.Context, Dockerfile: t.Dockerfile, DockerfileInline: escapeBake(b.DockerfileInline), Target: t.Stage,
		Args: escapeAll(b.Args), Labels: escapeAll(b.Labels), Tags: t.Tags, CacheFrom: asWritten(b.CacheFrom, t.CacheFrom), CacheTo: asWritten(b.CacheTo, t.CacheTo),
		Platforms: t.Platforms, Pull: b.Pull, NoCache: b.NoCache, NoCacheFilter: b.NoCacheFilter, Network: b.Network,
		Contexts: map[string]string{}, ExtraHosts: map[string]string{},
	}
	out.Labels["com.docker.compose.project"] = p.Project
	out.Labels["com.docker.compose.service"] = t.Service
	for name, path := range b.AdditionalContexts {
		if service, ok := strings.CutPrefix(path, "service:"); ok {
			path = "target:" + names[service]
		}
		out.Contexts[name] = path
	}
	for host, addresses := range b.ExtraHosts {
		out.ExtraHosts[host] = strings.Join(addresses, ",")
	}
	for _, s := range b.Secrets {
		if s.Environment != "" {
			out.Secrets = append(out.Secrets, "id="+s.ID+",type=env,env="+s.Environment)
		} else {
			out.Secrets = append(out.Secrets, "id="+s.ID+",type=file,src="+s.File)
		}
	}
	for i, k := range b.SSH {
		if i > 0 && k.Path != "" && b.SSH[i-1].ID == k.ID { // one agent of several keys
			out.SSH[len(out.SSH)-1] += "," + k.Path
		} else {
			out.SSH = append(out.SSH, strings.TrimSuffix(k.ID+"="+k.Path, "="))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Ulimits)) {
		l := b.Ulimits[name]
		out.Ulimits = append(out.Ulimits, name+"="+strconv.FormatInt(l.Soft, 10)+":"+strconv.FormatInt(l.Hard, 10))
	}
	if b.ShmSize > 0 {
		out.ShmSize = strconv.FormatInt(b.ShmSize, 10)
	}
	out.Entitlements = Entitlements(b)
	out.Attest = append(bakeAttest("provenance", b.Provenance), bakeAttest("sbom", b.SBOM)...)
	switch {
	case t.Linked:
	case len(t.Platforms) > 1:
		out.Outputs = []string{"type=image,push=false"}
	default:
		out.Outputs = []string{"type=docker"}
	}
	return out
}

// asWritten writes cache entries as the Compose file does where it names just an image: that is what docker compose
// prints, and bake takes both.
func asWritten(written, entries []string) []string {
	out := slices.Clone(entries)
	for i, e := range out {
		if ref := strings.TrimPrefix(e, "type=registry,ref="); slices.Contains(written, ref) {
			out[i] = ref
		}
	}
	return out
}

func bakeAttest(kind, value string) []string {
	switch value {
	case "":
		return nil
	case "true":
		return []string{"type=" + kind}
	case "false":
		return []string{"type=" + kind + ",disabled=true"}
	}
	return []string{"type=" + kind + "," + value}
}

// Entitlements are what a build asks to be granted: those it names, and security.insecure when it is privileged.
func Entitlements(b compose.Build) []string {
	out := slices.Clone(b.Entitlements)
	if b.Privileged && !slices.Contains(out, "security.insecure") {
		out = append(out, "security.insecure")
	}
	return out
}

// escapeBake keeps bake from reading "${" and "%{" as templates of its own.
func escapeBake(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(s)
}

func escapeAll(m map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		out[k] = escapeBake(v)
	}
	return out
}
