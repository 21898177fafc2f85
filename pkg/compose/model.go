package compose

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	interp "github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
)

// model is one set of files, loaded.
type model struct {
	name string
	// all are the services with a build section, whether a profile enables them or not.
	all []Service
	// broken are the errors of those of all that can't be built.
	broken map[string]error
	// services are those selected and what they are built from.
	services []Service
	profiles []string
	config   Config
	warnings []Warning

	project *types.Project
	reader  *reader
}

// load reads files.
func (f *found) load(ctx context.Context, files []string) (*model, error) {
	r := &reader{vars: &variables{}}
	defer r.close()
	details := types.ConfigDetails{WorkingDir: f.dir, Environment: f.env.Clone()}
	top := reference{dir: f.dir, env: f.env}
	for _, file := range files {
		text, err := f.text(file)
		if err != nil {
			return nil, err
		}
		pruned, err := r.read(file, text, top)
		if err != nil {
			return nil, err
		}
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: file, Content: pruned})
	}
	p, err := loader.LoadWithContext(ctx, details, f.options(r))
	if err != nil && err.Error() == "empty compose file" && r.pruned() {
		p, err = &types.Project{Name: cmp.Or(f.name, f.fallback), Environment: f.env}, nil // of networks and volumes, say
	}
	if err != nil {
		return nil, r.explain(err)
	}
	return f.translate(p, r)
}

func (f *found) text(file string) ([]byte, error) {
	if file == "-" {
		return f.stdin, nil
	}
	return os.ReadFile(file)
}

// options are those of Docker Compose but for what a build has no use for.
func (f *found) options(r *reader) func(*loader.Options) {
	return func(o *loader.Options) {
		o.SkipResolveEnvironment = true
		o.SkipResolveLabels = true
		o.SkipConsistencyCheck = true // check() does what concerns a build
		o.ResourceLoaders = []loader.ResourceLoader{r}
		o.Interpolate.Substitute = r.vars.substitute
		casts := maps.Clone(o.Interpolate.TypeCastMapping) // it is compose-go's own, for all loads
		maps.DeleteFunc(casts, isRuntime)
		o.Interpolate.TypeCastMapping = casts
		o.Profiles = f.profiles
		if f.name != "" {
			o.SetProjectName(f.name, true)
		} else {
			o.SetProjectName(f.fallback, false) // a name in the files goes before it
		}
	}
}

// isRuntime tells whether a path is of what pruning removes. compose-go tries every path of its type casts on every
// string, which is a good part of its time.
func isRuntime(path tree.Path, _ interp.Cast) bool {
	parts := path.Parts()
	return runtimeSections[parts[0]] || parts[0] == "services" && len(parts) > 2 && runtimeKeys[parts[2]]
}

// translate makes plain values of a loaded project.
func (f *found) translate(p *types.Project, r *reader) (*model, error) {
	m := &model{name: p.Name, broken: map[string]error{}, warnings: r.warnings, project: p, reader: r}
	if m.name == "" {
		return nil, fmt.Errorf("%s: the project has no name\nhint: --project-name or COMPOSE_PROJECT_NAME gives it one", f.dir)
	}
	var err error
	if m.config, err = r.config(p.Extensions); err != nil {
		return nil, err
	}
	for _, services := range []types.Services{p.Services, p.DisabledServices} {
		for name, s := range services {
			if s.Build == nil {
				continue
			}
			service := convert(p, s)
			service.Positions = r.positions(name)
			wrong := errors.Join(addBake(p, &service, s.Build.Extensions)...)
			if err := errors.Join(wrong, r.check(p, service), r.missing(service), f.applyPlatform(&service)); err != nil {
				m.broken[name] = err
			}
			m.all = append(m.all, service)
		}
	}
	m.profiles = profilesOf(p.DisabledServices)
	slices.SortFunc(m.all, func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
	return m, nil
}

// choose selects services, by default those of the active profiles. What is wrong with the others is no error.
func (m *model) choose(names []string) error {
	var err error
	if m.services, err = selectServices(m.project, m.all, names); err != nil {
		return err
	}
	var errs []error
	for i := range m.services {
		s := &m.services[i]
		declared := lookUp(m.project, s.Name)
		s.Config, err = serviceConfig(*s, declared)
		errs = append(errs, err, m.broken[s.Name])
		m.warnings = append(m.warnings, ignored(*s, declared)...)
	}
	errs = append(errs, m.mergeBench())
	for _, name := range m.reader.vars.unset {
		m.warnings = append(m.warnings, Warning{Message: fmt.Sprintf("variable %s is not set: a blank string is used", name)})
	}
	return errors.Join(errs...)
}

// usable returns the services of all that can be built.
func (m *model) usable() []Service {
	return slices.DeleteFunc(slices.Clone(m.all), func(s Service) bool { return m.broken[s.Name] != nil })
}

// lookUp returns a service whether a profile enables it or not; its Name is empty when there is none.
func lookUp(p *types.Project, name string) types.ServiceConfig {
	if s, ok := p.Services[name]; ok {
		return s
	}
	return p.DisabledServices[name]
}

// profilesOf returns the profiles of services that can be built.
func profilesOf(services types.Services) []string {
	var out []string
	for _, s := range services {
		if s.Build != nil {
			out = append(out, s.Profiles...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// missing returns the error of a required variable that the service's build uses and that has no value.
func (r *reader) missing(s Service) error {
	if len(r.vars.required) == 0 {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	err = r.vars.missing(string(text))
	if err == nil {
		return nil
	}
	name := strings.Fields(strings.TrimPrefix(err.Error(), "required variable "))[0]
	return fmt.Errorf("%s: service %q: %w", r.using(s.Name, name), s.Name, err)
}

// inPath and inProperty match the path of a setting, and the name of one below it, in errors of compose-go.
var (
	inPath     = regexp.MustCompile(`\bservices(?:\.([^\s:']+)|\[([^\]]+)\]([^\s:']*))?`)
	inProperty = regexp.MustCompile(`additional properties '([^']+)'`)
)

// explain gives an error of compose-go the file and line of the setting it speaks of.
func (r *reader) explain(err error) error {
	text := r.unshadow(err.Error())
	m := inPath.FindStringSubmatch(text)
	if m == nil {
		return errors.New(text)
	}
	path := strings.TrimPrefix(m[1]+m[2]+m[3], ".")
	if m := inProperty.FindStringSubmatch(text); m != nil {
		path = strings.TrimPrefix(path+"."+m[1], ".")
	}
	name, rest, _ := strings.Cut(path, ".")
	if missing := r.vars.missing(text); missing != nil {
		text = missing.Error()
	}
	at := Service{Positions: r.positions(name)}.At(strings.TrimRight(rest, "."))
	if at.File == "" {
		return errors.New(text)
	}
	text = strings.TrimPrefix(text, "validating "+at.File+": ")
	text = strings.TrimPrefix(text, "decoding failed due to the following error(s):\n\n")
	return fmt.Errorf("%s: %s", at, strings.Join(strings.Fields(text), " "))
}

// applyPlatform gives the service the platform that DOCKER_DEFAULT_PLATFORM asks for, as Docker Compose does.
func (f *found) applyPlatform(s *Service) error {
	platform := f.env["DOCKER_DEFAULT_PLATFORM"]
	if platform == "" || s.Platform != "" {
		return nil
	}
	if len(s.Build.Platforms) > 0 && !slices.Contains(s.Build.Platforms, platform) {
		return fmt.Errorf("%s: service %q: build.platforms does not include DOCKER_DEFAULT_PLATFORM %s",
			s.At("build.platforms"), s.Name, platform)
	}
	s.Platform = platform
	return nil
}
