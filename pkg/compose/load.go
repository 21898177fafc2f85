package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
)

// Options say which files make the project, in the words of docker compose's own flags.
type Options struct {
	Files    []string // --file; "-" is standard input
	Dir      string   // --project-directory
	Name     string   // --project-name
	Profiles []string // --profile
	EnvFiles []string // --env-file
	// Services to build; empty selects all of the active profiles.
	Services []string
	// Variants also reads the project without its override and the Compose files beside it: what tells a
	// production build from a development one.
	Variants bool
	// Environment is "NAME=value"; nil is the process's.
	Environment []string
	// WorkingDir stands for the process's where files are looked for that nobody named.
	WorkingDir string
}

// ErrNoFile says that there is no Compose file in the working directory or above it.
var ErrNoFile = errors.New("no Compose file found")

// WarmUp does in the background what takes the longest of a first Load and is the same for all: compiling the
// schema of Compose files. A program that will load calls it as early as it can.
func WarmUp() { go func() { _ = schema.Validate(map[string]any{}) }() }

// Load reads the project that o names. It finds, merges and interpolates files as Docker Compose v5 does.
func Load(ctx context.Context, o Options) (*Project, error) {
	defer quiet()()
	found, err := find(o)
	if err != nil {
		return nil, err
	}
	var base *model
	var baseErr error
	var siblings []Sibling
	var wg sync.WaitGroup
	if o.Variants {
		wg.Go(func() { siblings = found.siblings(ctx) })
		if found.override != "" {
			wg.Go(func() { base, baseErr = found.load(ctx, without(found.files, found.override)) })
		}
	}
	main, err := found.load(ctx, found.files)
	wg.Wait()
	if err != nil {
		return nil, err
	}
	if err := main.choose(o.Services); err != nil {
		return nil, err
	}
	p := &Project{
		Name: main.name, Dir: found.dir, Files: found.files, Override: found.override,
		Services: main.services, Profiles: main.profiles, Config: main.config,
		Environment: found.env, Warnings: append(found.warnings, main.warnings...),
	}
	switch {
	case baseErr != nil:
		p.BaseErrors = map[string]error{"": baseErr}
	case base != nil:
		p.Base, p.BaseErrors = p.known(base.usable()), base.broken
	}
	for _, s := range siblings {
		s.Alone, s.Merged = p.known(s.Alone), p.known(s.Merged)
		if len(s.Alone)+len(s.Merged) > 0 {
			p.Siblings = append(p.Siblings, s)
		}
	}
	return p, nil
}

// known returns those of services that the project has.
func (p *Project) known(services []Service) []Service {
	return slices.DeleteFunc(services, func(s Service) bool {
		_, ok := slices.BinarySearchFunc(p.Services, s.Name, func(s Service, name string) int { return strings.Compare(s.Name, name) })
		return !ok
	})
}

func without(files []string, file string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(f string) bool { return f == file })
}

// quiet keeps compose-go's log lines from standard error until the returned function is called: what matters of
// them comes as errors and warnings.
func quiet() func() {
	log := logrus.StandardLogger()
	old := log.Out
	log.SetOutput(io.Discard)
	return func() { log.SetOutput(old) }
}

// found is a set of Compose files and what they are read with.
type found struct {
	files    []string
	dir      string
	override string
	name     string // as asked for; empty leaves it to the files
	fallback string // the name when nobody gives one
	profiles []string
	env      types.Mapping
	stdin    []byte
	warnings []Warning
}

// find looks for files and environment in the order of docker compose (pkg/compose/loader.go of v5).
func find(o Options) (*found, error) {
	environ := o.Environment
	if environ == nil {
		environ = os.Environ()
	}
	po, err := cli.NewProjectOptions(o.Files,
		cli.WithWorkingDirectory(o.Dir),
		cli.WithEnv(environ),
		withPWD,
		o.enter,
		cli.WithEnvFiles(o.EnvFiles...),
		cli.WithDotEnv,
		o.absolute,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		o.leave,
		// The files may lie in another folder, with a .env of its own.
		cli.WithEnvFiles(o.EnvFiles...),
		cli.WithDotEnv,
		cli.WithName(o.Name),
	)
	if err != nil {
		return nil, err
	}
	if len(po.ConfigPaths) == 0 {
		return nil, fmt.Errorf("%w in the current directory or above it\nhint: name one with --file", ErrNoFile)
	}
	f := &found{env: po.Environment, name: o.Name, profiles: o.Profiles}
	if f.dir, err = po.GetWorkingDir(); err != nil {
		return nil, err
	}
	for _, file := range po.ConfigPaths {
		if file != "-" {
			if file, err = filepath.Abs(file); err != nil {
				return nil, err
			}
		} else if f.stdin, err = io.ReadAll(os.Stdin); err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
		f.files = append(f.files, file)
	}
	// COMPOSE_FILE may come from the environment or from .env: either is the user's own choice.
	if _, chosen := po.Environment["COMPOSE_FILE"]; len(o.Files) == 0 && !chosen {
		if len(f.files) == 2 {
			f.override = f.files[1]
		}
		f.warnings = append(f.warnings, ambiguous(f.files[0])...)
	}
	if f.name == "" {
		f.name = po.Environment["COMPOSE_PROJECT_NAME"]
	}
	f.fallback = loader.NormalizeProjectName(filepath.Base(f.dir))
	if len(f.profiles) == 0 {
		for _, p := range strings.Split(po.Environment["COMPOSE_PROFILES"], ",") {
			f.profiles = append(f.profiles, strings.TrimSpace(p))
		}
	}
	return f, nil
}

// enter and leave make compose-go take Options.WorkingDir for the process's until it knows the files: from there on their
// folder counts.
func (o Options) enter(po *cli.ProjectOptions) error {
	if o.WorkingDir != "" && o.Dir == "" && len(o.Files) == 0 {
		po.WorkingDir = o.WorkingDir
	}
	return nil
}

func (o Options) leave(po *cli.ProjectOptions) error {
	if po.WorkingDir == o.WorkingDir && o.Dir == "" && len(po.ConfigPaths) > 0 {
		po.WorkingDir = ""
	}
	return nil
}

// absolute makes the files that a .env names relative to Options.WorkingDir.
func (o Options) absolute(po *cli.ProjectOptions) error {
	files, named := po.Environment["COMPOSE_FILE"]
	if o.WorkingDir == "" || len(o.Files) > 0 || !named {
		return nil
	}
	separator := cmp.Or(po.Environment["COMPOSE_PATH_SEPARATOR"], string(os.PathListSeparator))
	parts := strings.Split(files, separator)
	for i, file := range parts {
		if file != "-" && !filepath.IsAbs(file) {
			parts[i] = filepath.Join(o.WorkingDir, file)
		}
	}
	po.Environment["COMPOSE_FILE"] = strings.Join(parts, separator)
	return nil
}

func withPWD(o *cli.ProjectOptions) error {
	if _, ok := o.Environment["PWD"]; ok {
		return nil
	}
	pwd, err := os.Getwd()
	if err == nil {
		o.Environment["PWD"] = pwd
	}
	return err
}
