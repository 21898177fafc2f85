package targets

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

// New decides what a build of the project does. Its error tells of every service that cannot be built as asked.
func New(p *compose.Project, r Request) (*Plan, error) {
	pl := &planner{project: p, request: r, read: newReader(p.Dir)}
	if isKind(r.Target) {
		pl.kind = Kind(r.Target)
	}
	services := slices.Clone(p.Services)
	slices.SortFunc(services, func(a, b compose.Service) int { return cmp.Compare(a.Name, b.Name) })

	errs := pl.unknownServices(services)
	plan := &Plan{Project: p.Name, Dir: p.Dir, Files: append([]string{}, p.Files...), Kind: pl.kind, Targets: []Target{}}
	for _, s := range services {
		t, err := pl.target(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("service %q: %w", s.Name, err))
			continue
		}
		plan.Targets = append(plan.Targets, t)
	}
	if len(errs) == 0 {
		errs = append(errs, pl.nowhere())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	plan.Warnings = slices.Concat(p.Warnings, pl.warnings, lint(p, plan.Kind, plan.Targets))
	slices.SortStableFunc(plan.Warnings, func(a, b compose.Warning) int { return cmp.Compare(a.Service, b.Service) })
	if plan.Warnings == nil {
		plan.Warnings = []compose.Warning{}
	}
	return plan, nil
}

// planner is what the decisions of one plan share.
type planner struct {
	project  *compose.Project
	request  Request
	kind     Kind
	read     *reader
	warnings []compose.Warning
	// wanted counts the services that were asked for the stage of --target, found those that have it or may have it.
	wanted, found int
	// stages are the names of those that the services without it do have.
	stages []string
}

// target is the target of one service.
func (pl *planner) target(s compose.Service) (Target, error) {
	kind := pl.kindOf(s)
	settings := pl.settings(s, kind)
	c, err := pl.choose(s, settings, kind)
	if err != nil {
		return Target{}, err
	}
	on, err := platforms(settings)
	if err != nil {
		return Target{}, err
	}
	pl.warnings = append(pl.warnings, pl.unbased(s, kind)...)
	if c.warning != "" {
		pl.warnings = append(pl.warnings, compose.Warning{Service: s.Name, Message: c.warning, Position: settings.At("build.target")})
	}
	return Target{
		Service:    s.Name,
		Stage:      c.stage,
		Reason:     c.reason,
		Linked:     !s.Selected,
		Image:      settings.Image,
		Context:    c.source.context,
		Dockerfile: c.source.Path,
		Tags:       tags(pl.project.Name, settings, kind),
		Platforms:  on,
		CacheFrom:  caches(pl.project.Dir, settings.Build.CacheFrom),
		CacheTo:    caches(pl.project.Dir, settings.Build.CacheTo),
		Build:      clone(settings.Build),
	}, nil
}

// kindOf is the kind that a service is built for: its own of --target SERVICE=KIND, or the plan's.
func (pl *planner) kindOf(s compose.Service) Kind {
	if own := pl.request.Services[s.Name]; isKind(own) {
		return Kind(own)
	}
	return pl.kind
}

// settings is the service as the files that count for the kind declare it: for production without the override that
// nobody asked for, unless only that can build it.
func (pl *planner) settings(s compose.Service, k Kind) compose.Service {
	if k == Prod {
		if base, ok := compose.Find(pl.project.Base, s.Name); ok {
			return base
		}
	}
	return s
}

// unbased warns that production takes the settings of the automatic override, as nothing can be built without it.
func (pl *planner) unbased(s compose.Service, k Kind) []compose.Warning {
	err := cmp.Or(pl.project.BaseErrors[s.Name], pl.project.BaseErrors[""])
	if k != Prod || err == nil {
		return nil
	}
	return []compose.Warning{{Service: s.Name, Message: fmt.Sprintf("built with the settings of %s; without it: %v",
		filepath.Base(pl.project.Override), err)}}
}

// choose goes from what is said plainly to what must be guessed: the command line, x-catmandu, the rule.
func (pl *planner) choose(s, settings compose.Service, k Kind) (choice, error) {
	src, err := pl.read.source(settings)
	own, asked := pl.request.Services[s.Name]
	if asked && !isKind(own) {
		if err != nil {
			return choice{}, err
		}
		return explicit(src, own, "--target "+s.Name+"="+own)
	}
	if k != "" {
		if c, ok, err := pl.configured(s, settings, src, k); ok || err != nil {
			return c, err
		}
	}
	if err != nil {
		return choice{}, err
	}
	if k == "" && pl.request.Target != "" {
		if c, ok := pl.byStage(s, src); ok {
			return c, nil
		}
	}
	declared := settings.Build.Target
	if declared != "" && src.Unread == "" && src.Index(declared) < 0 {
		if !src.Foreign {
			return choice{}, fmt.Errorf("%s: %w", pl.place(settings), noStage(src, declared))
		}
		src.Dockerfile = &Dockerfile{Path: src.Path, Unread: "syntax of the Dockerfile"}
	}
	if k == "" {
		return pl.asCompose(settings, src), nil
	}
	return decide(pl.question(s, settings, src, k)), nil
}

// explicit is a stage that was asked for by name; empty is the last one.
func explicit(src source, stage, reason string) (choice, error) {
	if src.Unread != "" {
		return choice{source: src, stage: stage, reason: reason}, nil
	}
	if stage == "" {
		return choice{source: src, stage: src.lastTarget(), reason: reason}, nil
	}
	i := src.Index(stage)
	if i < 0 {
		return choice{}, noStage(src, stage)
	}
	return choice{source: src, stage: src.Stages[i].Name, reason: reason}, nil
}

// byStage is the stage of --target STAGE where the service has it.
func (pl *planner) byStage(s compose.Service, src source) (choice, bool) {
	wanted := pl.request.Target
	pl.wanted++
	if src.Unread != "" {
		pl.found++
		pl.warn(s, fmt.Sprintf("%s: whether it has a stage %q cannot be seen; building %s",
			src.Unread, wanted, src.shown(s.Build.Target)))
		return choice{}, false
	}
	if i := src.Index(wanted); i >= 0 {
		pl.found++
		return choice{source: src, stage: src.Stages[i].Name, reason: "--target " + wanted}, true
	}
	pl.stages = append(pl.stages, src.Names()...)
	pl.warn(s, fmt.Sprintf("no stage %q in %s; building %s", wanted, src.rel, src.shown(s.Build.Target)))
	return choice{}, false
}

// nowhere is the error of a --target STAGE that no service has.
func (pl *planner) nowhere() error {
	if pl.wanted == 0 || pl.found > 0 {
		return nil
	}
	slices.Sort(pl.stages)
	names := slices.Compact(pl.stages)
	there := "there are no named stages"
	if len(names) > 0 {
		there = "there are " + strings.Join(names, ", ")
	}
	wanted := pl.request.Target
	near := compose.Closest(wanted, append(slices.Clone(names), string(Prod), string(Dev)))
	return fmt.Errorf("no service has a stage %q (%s)%s", wanted, there, didYouMean(near))
}

// asCompose is what Docker Compose builds.
func (pl *planner) asCompose(s compose.Service, src source) choice {
	switch {
	case s.Build.Target == "": // named or not, it is the last one that BuildKit takes when it is told none
		return choice{source: src, reason: lastStage(src)}
	case src.Unread != "":
		return choice{source: src, stage: s.Build.Target, reason: "build.target in " + pl.place(s)}
	}
	i := src.Index(s.Build.Target)
	return choice{source: src, stage: src.Stages[i].Name, reason: "build.target in " + pl.place(s)}
}

// lastStage is the reason for building the last stage, with its name if it has one.
func lastStage(src source) string {
	if src.Unread == "" {
		if name := src.Stages[len(src.Stages)-1].Name; name != "" {
			return fmt.Sprintf("last stage, %q", name)
		}
	}
	return "last stage"
}

// place is where the service's target was declared.
func (pl *planner) place(s compose.Service) string {
	return place(pl.project.Dir, s.At("build.target"))
}

func (pl *planner) warn(s compose.Service, message string) {
	pl.warnings = append(pl.warnings, compose.Warning{Service: s.Name, Message: message, Position: s.At("build.target")})
}

// unknownServices are errors for those of --target SERVICE=STAGE that are not built.
func (pl *planner) unknownServices(services []compose.Service) []error {
	var names []string
	for _, s := range services {
		names = append(names, s.Name)
	}
	var errs []error
	for name := range pl.request.Services {
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("service %q: not among those to build (%s)%s",
				name, strings.Join(names, ", "), didYouMean(compose.Closest(name, names))))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errs
}
