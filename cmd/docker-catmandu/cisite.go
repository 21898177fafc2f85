package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
	"github.com/docker-catmandu/docker-catmandu/pkg/workflow"
)

// gitLabFile is where GitLab begins to read.
const gitLabFile = ".gitlab-ci.yml"

// site is where a project is that a CI builds.
type site struct {
	// top is the top of the repository, dir the project directory, both without links. Without a repository they are the same.
	top, dir string
	branch   string
	unknown  []string
}

func newSite(ctx context.Context, dir string) *site {
	s := &site{top: dir, dir: dir, branch: "main"}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		s.top, s.dir = resolved, resolved
	}
	top, err := revision.Top(ctx, s.dir)
	if err != nil {
		s.unknown = append(s.unknown, fmt.Sprintf("%s; it is taken for the top of one", err))
		return s
	}
	s.top = top
	if branch, err := revision.DefaultBranch(ctx, s.dir); err == nil && branch != "" {
		s.branch = branch
	} else {
		s.unknown = append(s.unknown, "the default branch is not known: it is taken for "+s.branch)
	}
	return s
}

// hasForeign tells whether a file is at the top that was not written by ci init.
func (s *site) hasForeign(name string) bool {
	text, err := os.ReadFile(filepath.Join(s.top, name))
	return err == nil && !workflow.IsOurs(string(text))
}

// facts are those that the project gives a workflow.
func (s *site) facts(o *ciInitOptions, plan *targets.Plan, project *compose.Project) (*workflow.Facts, error) {
	dir, err := filepath.Rel(s.top, s.dir)
	if err != nil || dir != "." && !filepath.IsLocal(dir) {
		return nil, fmt.Errorf("%s is not below %s, the top of its repository", s.dir, s.top)
	}
	f := &workflow.Facts{
		Project: plan.Project, Dir: filepath.ToSlash(dir), Branch: s.branch, Targets: o.from.targets,
		Cache: project.Config.Cache.Use, Bench: o.bench, Variables: map[string]string{},
	}
	for _, t := range plan.Targets {
		f.Services = append(f.Services, serviceOf(t))
	}
	return f, s.selection(f, o.from.project, project)
}

// serviceOf is what a workflow has to know of a target. What others are only built from is never pushed.
func serviceOf(t targets.Target) workflow.Service {
	s := workflow.Service{Name: t.Service, Images: t.Build.Tags, CacheMounts: t.HasCacheMounts(), SSH: len(t.Build.SSH) > 0}
	if t.Image != "" {
		s.Images = t.Tags
	}
	if t.Linked {
		s.Images = nil
	}
	for _, secret := range t.Build.Secrets {
		if secret.Environment != "" {
			s.Secrets = append(s.Secrets, secret.Environment)
		} else {
			s.SecretFiles = append(s.SecretFiles, secret.File)
		}
	}
	return s
}

// selection says in variables and flags which files, profiles and name were chosen here, by flags or by variables.
func (s *site) selection(f *workflow.Facts, flags *projectFlags, project *compose.Project) error {
	set := func(name, separator string, values []string) error {
		var out []string
		for _, v := range values {
			rel, err := s.relative(v)
			if err != nil {
				return err
			}
			out = append(out, rel)
		}
		if len(out) > 0 {
			f.Variables[name] = strings.Join(out, separator)
		}
		return nil
	}
	if len(flags.files) > 0 || project.Environment["COMPOSE_FILE"] != "" {
		if err := set("COMPOSE_FILE", ":", project.Files); err != nil {
			return err
		}
	}
	if err := set("COMPOSE_ENV_FILES", ",", flags.environmentFiles()); err != nil {
		return err
	}
	if profiles := flags.profiles; len(profiles) > 0 {
		f.Variables["COMPOSE_PROFILES"] = strings.Join(profiles, ",")
	} else if profiles := os.Getenv("COMPOSE_PROFILES"); profiles != "" {
		f.Variables["COMPOSE_PROFILES"] = profiles
	}
	if flags.name != "" {
		f.Variables["COMPOSE_PROJECT_NAME"] = flags.name
	}
	if len(project.Files) > 0 && filepath.Dir(project.Files[0]) != project.Dir {
		f.Flags = []string{"--project-directory", "."}
	}
	return nil
}

// relative is the path of a file as a job sees it from the project directory.
func (s *site) relative(name string) (string, error) {
	if name == "-" {
		return "", usageError("--file -: a job has no such standard input")
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	if resolved, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(resolved, filepath.Base(path))
	}
	if !below(s.top, path) {
		return "", fmt.Errorf("%s is not below %s: a job has no such file", path, s.top)
	}
	rel, err := filepath.Rel(s.dir, path)
	return filepath.ToSlash(rel), err
}

func below(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// notes are what a job won't have of what the build takes here.
func (s *site) notes(ctx context.Context, plan *targets.Plan) []string {
	out := slices.Clone(s.unknown)
	paths := append(slices.Clone(plan.Files), filepath.Join(plan.Dir, ".env"))
	for _, t := range plan.Targets {
		paths = append(paths, t.Context, t.Dockerfile)
	}
	slices.Sort(paths)
	var inside []string
	for _, path := range slices.Compact(paths) {
		if !filepath.IsAbs(path) {
			continue
		}
		resolved, err := filepath.EvalSymlinks(path)
		switch {
		case err != nil: // such as an .env that is not there
		case resolved == s.top:
		case below(s.top, resolved):
			inside = append(inside, resolved)
		default:
			out = append(out, fmt.Sprintf("%s is not in the repository: a job doesn't have it", path))
		}
	}
	ignored, err := revision.Ignored(ctx, s.top, inside)
	if err != nil {
		return out
	}
	for _, path := range inside {
		if ignored[path] {
			out = append(out, fmt.Sprintf("%s is ignored by git: a job doesn't have it, nor what it sets", within(s.top, path)))
		}
	}
	return out
}

// askTime is how long the plugin's repository may take to say which commit its branch has.
const askTime = 10 * time.Second

// pinsOf are the versions that a job takes: those that this program is made of.
func pinsOf(ctx context.Context, a *app, plugin string) workflow.Pins {
	p := workflow.Pins{Plugin: plugin, Go: workflow.GoRelease(runtime.Version())}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, m := range info.Deps {
			switch m.Path {
			case "github.com/moby/buildkit":
				p.BuildKit = workflow.Release(m.Version)
			case "github.com/docker/cli":
				p.Docker = strings.TrimPrefix(workflow.Release(m.Version), "v")
			}
		}
	}
	if p.Plugin != "" {
		return p
	}
	from := version
	if _, known := workflow.RevisionOf(from); ok && !known && from == "dev" {
		from = info.Main.Version // of go install
	}
	var modified bool
	if p.Plugin, modified = workflow.RevisionOf(from); modified {
		fmt.Fprintln(a.err, "warning: this program was built with changes that no commit has: jobs install "+p.Plugin+" without them")
	}
	if p.Plugin == "" {
		p.Plugin = branchHead(ctx)
	}
	return p
}

// branchHead is the commit of the plugin's branch, or the branch itself where its repository doesn't say.
func branchHead(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	commit, err := revision.RemoteHead(ctx, workflow.Repository, workflow.Branch)
	if err != nil {
		return workflow.Branch
	}
	return commit
}
