package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

// named are the files and folders that the user named, as absolute paths.
func (f *projectFlags) named() ([]string, error) {
	var out []string
	for _, name := range slices.Concat(f.composeFiles(), f.environmentFiles(), []string{f.dir}) {
		if name == "-" {
			return nil, usageError("--file -: standard input is not part of a revision")
		}
		if name == "" {
			continue
		}
		abs, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		out = append(out, abs)
	}
	return out, nil
}

// composeFiles are those that the user named.
func (f *projectFlags) composeFiles() []string {
	if len(f.files) > 0 {
		return f.files
	}
	files := os.Getenv("COMPOSE_FILE")
	if files == "" {
		return nil
	}
	return strings.Split(files, cmp.Or(os.Getenv("COMPOSE_PATH_SEPARATOR"), string(os.PathListSeparator)))
}

func (f *projectFlags) environmentFiles() []string {
	if len(f.envFiles) > 0 {
		return f.envFiles
	}
	return strings.FieldsFunc(os.Getenv("COMPOSE_ENV_FILES"), func(r rune) bool { return r == ',' })
}

// optionsIn are those of load, for a replica.
func (f *projectFlags) optionsIn(r *replica) (compose.Options, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return compose.Options{}, err
	}
	inside := func(names []string) []string {
		var out []string
		for _, name := range names {
			if !filepath.IsAbs(name) {
				name = filepath.Join(cwd, name)
			}
			out = append(out, r.path(name))
		}
		return out
	}
	o := compose.Options{
		Files: inside(f.composeFiles()), EnvFiles: inside(f.environmentFiles()), Name: f.name, Profiles: f.profiles, WorkingDir: r.path(cwd),
	}
	if f.dir != "" {
		o.Dir = inside([]string{f.dir})[0]
	}
	return o, nil
}

// repositoryDir is a folder in the repository of the project.
func (f *projectFlags) repositoryDir() (string, error) {
	if f.dir != "" {
		return filepath.Abs(f.dir)
	}
	if files := f.composeFiles(); len(files) > 0 {
		file, err := filepath.Abs(files[0])
		return filepath.Dir(file), err
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	return dir, nil
}
