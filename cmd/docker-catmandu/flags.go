package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// projectFlags say which Compose project is meant, as the flags of docker compose do.
type projectFlags struct {
	files, profiles, envFiles []string
	name, dir                 string
}

func (f *projectFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.files, "file", "f", nil, "Compose configuration files")
	flags.StringVarP(&f.name, "project-name", "p", "", "Project name")
	flags.StringVar(&f.dir, "project-directory", "", "Alternate working directory (default: the folder of the first Compose file)")
	flags.StringArrayVar(&f.profiles, "profile", nil, "Profiles to enable")
	flags.StringArrayVar(&f.envFiles, "env-file", nil, "Alternate environment files")
}

// load reads the project. It takes what docker compose takes from variables when a flag is not given.
func (f *projectFlags) load(ctx context.Context, services []string, variants bool) (*compose.Project, error) {
	envFiles := f.envFiles
	if len(envFiles) == 0 {
		envFiles = strings.FieldsFunc(os.Getenv("COMPOSE_ENV_FILES"), func(r rune) bool { return r == ',' })
	}
	return compose.Load(ctx, compose.Options{
		Files: f.files, Dir: f.dir, Name: f.name, Profiles: f.profiles, EnvFiles: envFiles,
		Services: services, Variants: variants,
	})
}

// planFlags say what is built of a project, and with which settings in place of the files'.
type planFlags struct {
	project                                      *projectFlags
	targets, args, platforms, cacheFrom, cacheTo []string
	noCache, pull                                bool
}

// addTargets adds those that say what the current targets are.
func (f *planFlags) addTargets(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.targets, "target", nil, "SERVICE=STAGE: a stage that counts as the current target of a service")
	flags.StringArrayVar(&f.args, "build-arg", nil, "Set build-time variables, NAME=VALUE or NAME")
	flags.StringArrayVar(&f.platforms, "platform", nil, "Target platforms, in place of those in the files")
}

func (f *planFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.targets, "target", nil, "Stage to build: prod, dev, or the name of a stage; SERVICE=STAGE for one service")
	flags.StringArrayVar(&f.args, "build-arg", nil, "Set build-time variables, NAME=VALUE or NAME")
	flags.StringArrayVar(&f.platforms, "platform", nil, "Target platforms, in place of those in the files")
	flags.StringArrayVar(&f.cacheFrom, "cache-from", nil, "Cache imports, in place of those in the files")
	flags.StringArrayVar(&f.cacheTo, "cache-to", nil, "Cache exports, in place of those in the files")
	flags.BoolVar(&f.noCache, "no-cache", false, "Do not use the build cache")
	flags.BoolVar(&f.pull, "pull", false, "Always look for newer base images")
}

// plan loads the project and decides what a build of services does.
func (f *planFlags) plan(ctx context.Context, services []string) (*targets.Plan, *compose.Project, error) {
	request, err := parseTargets(f.targets)
	if err != nil {
		return nil, nil, err
	}
	project, err := f.project.load(ctx, services, request.NeedsVariants())
	if err != nil {
		return nil, nil, err
	}
	plan, err := targets.New(project, request)
	if err != nil {
		return nil, nil, err
	}
	overrides, err := f.overrides(project.Environment)
	if err != nil {
		return nil, nil, err
	}
	plan.Override(overrides)
	return plan, project, nil
}

const sourceDateEpoch = "SOURCE_DATE_EPOCH"

func (f *planFlags) overrides(environment map[string]string) (targets.Overrides, error) {
	o := targets.Overrides{NoCache: f.noCache, Pull: f.pull, CacheFrom: f.cacheFrom, CacheTo: f.cacheTo, Args: map[string]string{}}
	for _, arg := range f.args {
		name, value, given := strings.Cut(arg, "=")
		if name == "" {
			return o, usageError("--build-arg %s: the name is missing", arg)
		}
		if !given { // as docker compose build: the value of the environment or of .env, or none
			if value, given = environment[name]; !given {
				continue
			}
		}
		o.Args[name] = value
	}
	// As docker buildx bake does: https://reproducible-builds.org/docs/source-date-epoch/
	if _, given := o.Args[sourceDateEpoch]; !given && os.Getenv(sourceDateEpoch) != "" {
		o.Args[sourceDateEpoch] = os.Getenv(sourceDateEpoch)
	}
	for _, list := range f.platforms {
		o.Platforms = append(o.Platforms, strings.Split(list, ",")...)
	}
	var err error
	o.Dir, err = os.Getwd()
	return o, err
}

// parseTargets reads the values of --target.
func parseTargets(values []string) (targets.Request, error) {
	r := targets.Request{Services: map[string]string{}}
	for _, v := range values {
		service, stage, ok := strings.Cut(v, "=")
		switch {
		case ok && (service == "" || stage == ""):
			return r, usageError("--target %s: must be SERVICE=STAGE", v)
		case ok:
			r.Services[service] = stage
		case v == "":
			return r, usageError("--target: must be prod, dev or the name of a stage")
		case r.Target != "" && r.Target != v:
			return r, usageError("--target %s and --target %s exclude each other\nhint: --target SERVICE=STAGE sets one service apart", r.Target, v)
		default:
			r.Target = v
		}
	}
	return r, nil
}

// warn prints the plan's warnings, and that there is nothing to build: no error, as in docker compose.
func (a *app) warn(plan *targets.Plan, project *compose.Project) {
	cwd, _ := os.Getwd()
	for _, w := range plan.Warnings {
		text := w.Message
		if w.Service != "" {
			text = fmt.Sprintf("service %q: %s", w.Service, text)
		}
		if w.Position.File != "" {
			w.Position.File = within(cwd, w.Position.File)
			text = w.Position.String() + ": " + text
		}
		_, _ = fmt.Fprintf(a.err, "warning: %s\n", text)
	}
	if len(plan.Targets) > 0 {
		return
	}
	_, _ = fmt.Fprintf(a.err, "warning: project %q: nothing to build\n", project.Name)
	if len(project.Profiles) > 0 {
		_, _ = fmt.Fprintf(a.err, "hint: --profile enables services of %s\n", strings.Join(project.Profiles, ", "))
	}
}
