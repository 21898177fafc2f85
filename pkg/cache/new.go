package cache

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// planner is what the decisions for one plan share.
type planner struct {
	in       Surroundings
	plan     *targets.Plan
	family   family
	branches branches
	backend  backend
	settings *Settings
	// asked tells that this very build was asked to use the backend.
	asked bool
}

// New decides what the builds of a plan import and export.
func New(plan *targets.Plan, in Surroundings) *Settings {
	p := &planner{
		in: in, plan: plan, family: newFamily(plan, in), branches: branchesOf(in),
		settings: &Settings{Builds: []Build{}, Notes: []string{}},
	}
	p.choose()
	p.settings.joins = p.settings.Backend == Registry && minor(in.Builder.Version) >= oldestManifest
	p.settings.joinsAgain = p.branches.own != "" && p.branches.own == p.branches.main
	readable, writable := p.able()
	for _, m := range membersOf(Variant{in.Request, plan}) {
		p.settings.Builds = append(p.settings.Builds, p.build(m, readable, writable))
	}
	p.repair()
	p.refuse()
	return p.settings
}

// choose takes the backend that was asked for, or the CI's own.
func (p *planner) choose() {
	s, ci := p.settings, p.in.CI
	p.backend.builder = p.in.Builder
	take := func(c Choice, reason string) {
		p.backend.Choice, s.Backend, s.Place, s.Reason = c, c.Backend, c.Place, reason
	}
	none := func(reason string) { take(Choice{Backend: None}, reason) }
	use := p.in.Config.Use
	switch {
	case p.in.Flag.Backend == Off:
		none("--cache off")
	case p.in.Flag.Backend != "" && p.in.Flag.Backend != Auto:
		p.asked = true
		take(p.in.Flag, "--cache "+p.in.Flag.String())
	case use.Backend == Off:
		none("off in " + p.in.Config.At)
	case use.Backend != "" && use.Backend != Auto:
		take(use, "x-catmandu.cache in "+p.in.Config.At)
	case ci.Service:
		take(Choice{Backend: GHA}, "GitHub Actions, whose cache service is there")
	case ci.LoggedIn && ci.Repository != "":
		take(Choice{Backend: Registry, Place: ci.Repository}, ci.Name+", logged in to its registry "+ci.Host)
	case ci.NoService != "":
		none(ci.NoService)
	case ci.Name != "":
		none("a CI job, and no place for caches is known: --cache or x-catmandu.cache can name one")
	default:
		none("the builder keeps what it has built")
	}
}

// able tells whether automatic caches are read, and whether they are written. It notes what the builder can't do, once.
func (p *planner) able() (readable, writable bool) {
	s, ci := p.settings, p.in.CI
	if s.Backend == None {
		return false, false
	}
	if s.Backend == GHA && !ci.Service {
		s.NotExported = cmp.Or(ci.NoService, "GitHub's cache service is only there for jobs of GitHub Actions")
		if p.asked || ci.Name == GitHub {
			p.note("no cache is imported or exported: "+s.NotExported, "an action before this step can put both into the environment")
		}
		return false, false
	}
	imports, exports, hint := p.backend.unable()
	unwanted := p.unwanted()
	switch {
	case imports != "":
		p.note("no cache is imported or exported: "+imports, hint)
	case unwanted == "" && exports != "":
		p.note("no cache is exported: "+exports, hint)
	case unwanted != "" && unwanted == p.branches.unknown && p.branches.hint != "":
		p.note("no cache is exported: "+unwanted, p.branches.hint)
	}
	s.NotExported = cmp.Or(imports, unwanted, exports)
	return imports == "", s.NotExported == ""
}

// unwanted says why nothing should be exported, whatever the builder can do.
func (p *planner) unwanted() string {
	ci := p.in.CI
	switch {
	case ci.ReadsOnly() != "":
		return ci.ReadsOnly()
	case p.backend.Backend == GHA && ci.ReadOnly:
		return "the token of the cache service only reads"
	case p.in.Config.Export == Never && !p.asked:
		return "export: never in " + p.in.Config.At
	case p.branches.unknown != "" && p.backend.Backend != Inline:
		return p.branches.unknown
	case p.backend.Backend == Inline && !p.in.Pushes:
		return "an inline cache goes with a pushed image, and none is pushed"
	case p.asked || p.in.Config.Export == Always:
		return ""
	case ci.Name == "":
		return "the builder keeps what it has built, and no CI job needs it from here"
	case p.in.Builder.Keeps && p.in.Config.Use.Backend == "":
		return "the builder keeps what it has built from job to job"
	}
	return ""
}

// build decides for one build.
func (p *planner) build(m member, readable, writable bool) Build {
	own := p.family.scope(m)
	own.Branch = p.branches.own
	b := Build{Services: m.services, Scope: p.backend.named(own), Imports: []Entry{}, Exports: []Entry{}}
	for _, spec := range m.lead.CacheFrom {
		b.Imports = append(b.Imports, Entry{Spec: spec, Reason: "cache_from", Declared: true})
	}
	declared := p.declaredExports(m)
	b.Exports = append(b.Exports, declared...)
	off := slices.ContainsFunc(m.services, func(s string) bool { return slices.Contains(p.in.Config.Off, s) })
	switch {
	case off:
		b.NotExported = "off in build.x-catmandu"
		return b
	case readable && p.in.NoCache:
	case readable && p.backend.Backend == Inline:
		b.Imports = p.addImages(b.Imports, m)
	case readable:
		for _, l := range chain(own, p.family.kin(m), p.branches, p.backend.apartByBranch()) {
			b.Imports = append(b.Imports, Entry{Spec: p.backend.importOf(l.scope), Reason: l.why})
		}
	}
	switch platforms := strings.Count(own.Platform, ",") + 1; {
	case len(declared) > 0:
		b.NotExported = ""
	case !writable:
		b.NotExported = p.settings.NotExported
	case p.in.Builder.Nodes > 1 && platforms > 1:
		b.NotExported = fmt.Sprintf("%d platforms on %d nodes: each node would write over what another one wrote", platforms, p.in.Builder.Nodes)
		p.note("service \""+m.services[0]+"\": no cache is exported: "+b.NotExported, "build each platform by itself, with --platform, --push and --digest-file, and merge")
	default:
		b.Exports = append(b.Exports, Entry{Spec: p.backend.exportOf(own), Reason: p.why()})
	}
	return b
}

// declaredExports are those of all services of a build.
func (p *planner) declaredExports(m member) []Entry {
	var out []Entry
	for _, t := range p.plan.Targets {
		if !slices.Contains(m.services, t.Service) {
			continue
		}
		for _, spec := range t.CacheTo {
			if !slices.ContainsFunc(out, func(e Entry) bool { return e.Spec == spec }) {
				out = append(out, Entry{Spec: spec, Reason: "cache_to", Declared: true})
			}
		}
	}
	return out
}

// why says why something is exported.
func (p *planner) why() string {
	switch {
	case p.asked:
		return "asked for"
	case p.in.Config.Export == Always:
		return "export: always in " + p.in.Config.At
	case p.in.Builder.Keeps:
		return "for the other builders of the CI"
	}
	return "for the next job, whose builder is empty"
}

// addImages adds the images that have an inline cache.
func (p *planner) addImages(imports []Entry, m member) []Entry {
	for _, t := range p.plan.Targets {
		if !slices.Contains(m.services, t.Service) {
			continue
		}
		names := t.Tags
		if t.Image == "" {
			names = t.Build.Tags
		}
		for _, name := range names {
			e := Entry{Spec: spec{Registry, map[string]string{"ref": name}}.String(), Reason: "the image as it was pushed last"}
			if !slices.ContainsFunc(imports, func(known Entry) bool { return known.Spec == e.Spec }) {
				imports = append(imports, e)
			}
		}
	}
	return imports
}

func (p *planner) note(text, hint string) {
	p.settings.Notes = append(p.settings.Notes, text)
	if hint != "" {
		p.settings.Notes = append(p.settings.Notes, "hint: "+hint)
	}
}

// Automatic tells whether there is more to choose than what is declared: the builder and the repository matter then.
func (in Surroundings) Automatic() bool {
	p := &planner{in: in, settings: &Settings{}}
	p.choose()
	return p.settings.Backend != None
}
