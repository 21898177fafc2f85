//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A project of five services in a git repository, and what is known of its steps without asking anybody.

// ciService is a service. Those of one group are the same build; those of one folder share a Dockerfile.
type ciService struct{ name, group, folder string }

var ciServices = []ciService{
	{"api", "api", "api"}, {"jobs", "api", "api"}, {"web", "web", "web"}, {"admin", "admin", "web"}, {"docs", "docs", "docs"},
}

const ciCompose = `name: shop
services:
  api: {build: &api {context: api}}
  jobs: {build: *api}
  web: {build: {context: web, args: {KIND: web}}}
  admin: {build: {context: web, args: {KIND: admin}}}
  docs: {build: {context: docs}}
`

// ciSteps are the stages of every Dockerfile; @ is its folder. A step that runs twice makes two results: all write what is
// never the same again. KIND makes steps of web and admin differ.
var ciSteps = []struct {
	stage, base string
	lines       []string
}{
	{"base", "busybox:1.37", []string{"WORKDIR /srv/@"}},
	{"deps", "base", []string{"COPY list @-list", "RUN cat /proc/sys/kernel/random/uuid >deps"}},
	{"development", "deps", []string{"COPY . .", "ARG KIND", "RUN cat /proc/sys/kernel/random/uuid >development-$KIND"}},
	{"build", "deps", []string{"COPY page built", "RUN cat /proc/sys/kernel/random/uuid >>built"}},
	{"production", "base", []string{"COPY --from=build /srv/@/built ./", "ARG KIND", "RUN cat /proc/sys/kernel/random/uuid >production-$KIND"}},
}

func ciDockerfile(folder string) string {
	var d strings.Builder
	for _, s := range ciSteps {
		fmt.Fprintf(&d, "FROM %s AS %s\n%s\n", s.base, s.stage, strings.Join(s.lines, "\n"))
	}
	return strings.ReplaceAll(d.String(), "@", folder)
}

// ciTree is what matters of a commit: versions of files, by path.
type ciTree map[string]int

func (t ciTree) write(dir string) error {
	files := map[string]string{"compose.yaml": ciCompose}
	for _, s := range ciServices {
		files[s.folder+"/Dockerfile"] = ciDockerfile(s.folder)
	}
	for path, version := range t {
		files[path] = fmt.Sprintf("%s %d\n", path, version)
	}
	for path, text := range files {
		if err := writeFile(filepath.Join(dir, path), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// ciStep is a step of a build: what it is called, and a key that says all that its result depends on.
type ciStep struct{ label, key string }

// steps are all of a service's build, in their order. Labels are of the folder and the line: web and admin share most of them.
func (t ciTree) steps(s ciService, target string) []ciStep {
	keys, done := map[string]string{}, map[string][]ciStep{}
	for _, stage := range ciSteps {
		key, all := keys[stage.base], slices.Clone(done[stage.base])
		for _, line := range stage.lines {
			line = strings.ReplaceAll(line, "@", s.folder)
			if s.folder == "web" {
				line = strings.ReplaceAll(line, "$KIND", s.name)
			}
			switch {
			case line == "ARG KIND":
				continue
			case strings.HasPrefix(line, "COPY --from=build"):
				key += " + " + keys["build"]
				all = append(slices.Clone(done["build"]), all...)
			case strings.HasPrefix(line, "COPY . "):
				key += fmt.Sprintf(" list %d page %d", t[s.folder+"/list"], t[s.folder+"/page"])
			case strings.HasPrefix(line, "COPY "):
				path := s.folder + "/" + strings.Fields(line)[1]
				key += fmt.Sprintf(" %s %d", path, t[path])
			}
			label := s.folder + ": " + line
			key += " | " + label
			all = append(all, ciStep{label, key})
		}
		keys[stage.stage], done[stage.stage] = key, all
	}
	return done[map[string]string{"prod": "production", "dev": "development"}[target]]
}

// ciScope is whose a cache is.
type ciScope struct{ group, target, branch string }

// ciCaches are the steps that each cache has, by their keys: those of the last build that wrote it.
type ciCaches map[ciScope][]string

// help are the caches that a build of a service could use: those of its Dockerfile, at both targets, of the branch and of the default
// branch.
func (c ciCaches) help(s ciService, branch string) [][]string {
	scopes := map[ciScope]bool{}
	for _, other := range ciServices {
		if other.folder != s.folder {
			continue
		}
		for _, target := range []string{"prod", "dev"} {
			scopes[ciScope{other.group, target, branch}] = true
			scopes[ciScope{other.group, target, ciDefaultBranch}] = true
		}
	}
	var out [][]string
	for scope := range scopes {
		out = append(out, c[scope])
	}
	return out
}

// having is how many of some caches have a step.
func having(caches [][]string, key string) (n int) {
	for _, keys := range caches {
		if slices.Contains(keys, key) {
			n++
		}
	}
	return n
}

// runs are the labels of the steps that a build has to run.
func (c ciCaches) runs(t ciTree, services []ciService, target, branch string) []string {
	labels := map[string]bool{}
	for _, s := range services {
		for _, step := range t.steps(s, target) {
			if having(c.help(s, branch), step.key) == 0 {
				labels[step.label] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(labels))
}

// mayLose tells of a step that BuildKit may not find although a cache has it (moby/buildkit#6418). Builds import all caches as one, and
// lose nothing. A fork can't write that one, and takes the one that the default branch has; on another branch than that the caches of this
// branch come to it, and of several that have a step BuildKit goes on from one of them. And of
// services that are built at once from one Dockerfile each reads the imported cache for itself: from what one of them found in it, the
// other one does not get to the steps that are its alone (solver/cachemanager.go, getIDFromDeps).
func (c ciCaches) mayLose(job ciJob, t ciTree, services []ciService, target, label string) bool {
	for _, s := range services {
		steps := t.steps(s, target)
		at := slices.IndexFunc(steps, func(step ciStep) bool { return step.label == label })
		several := func(step ciStep) bool { return having(c.help(s, job.branch), step.key) > 1 }
		parts := func(other ciService) bool {
			return other.folder == s.folder && other.group != s.group && !slices.Contains(t.steps(other, target), steps[max(at, 0)])
		}
		if at > 0 && (job.fork && job.branch != ciDefaultBranch && slices.ContainsFunc(steps[:at], several) || slices.ContainsFunc(services, parts)) {
			return true
		}
	}
	return false
}

// ciRepository is the repository that jobs clone, and a working tree in which people commit.
type ciRepository struct {
	origin, work string
	trees        map[string]ciTree
}

func newCIRepository(dir string, branches ...string) (*ciRepository, error) {
	r := &ciRepository{filepath.Join(dir, "origin.git"), filepath.Join(dir, "people"), map[string]ciTree{}}
	if err := git("", "init", "-q", "--bare", "-b", ciDefaultBranch, r.origin); err != nil {
		return nil, err
	}
	if err := git("", "init", "-q", "-b", ciDefaultBranch, r.work); err != nil {
		return nil, err
	}
	first := ciTree{}
	for _, s := range ciServices {
		first[s.folder+"/page"], first[s.folder+"/list"] = 1, 1
	}
	for _, branch := range branches {
		if err := r.commit(branch, maps.Clone(first)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// commit makes a tree the newest of a branch, and of the pull request from it.
func (r *ciRepository) commit(branch string, tree ciTree) error {
	args := []string{"checkout", "-q", branch}
	switch {
	case len(r.trees) == 0: // there is no commit yet
		args = []string{"symbolic-ref", "HEAD", "refs/heads/" + branch}
	case r.trees[branch] == nil:
		args = []string{"checkout", "-q", "-b", branch}
	}
	if err := git(r.work, args...); err != nil {
		return err
	}
	r.trees[branch] = tree
	if err := tree.write(r.work); err != nil {
		return err
	}
	if err := git(r.work, "add", "--all"); err != nil {
		return err
	}
	if err := git(r.work, "commit", "-q", "--allow-empty", "-m", "edit"); err != nil {
		return err
	}
	return git(r.work, "push", "-q", "--force", r.origin, branch, branch+":refs/pull/"+branch+"/merge")
}

// clone is what the checkout of a job leaves: one commit, and of a pull request no branch.
func (r *ciRepository) clone(j ciJob, dir string) error {
	if !j.pull && !j.fork {
		return git("", "clone", "-q", "--depth", "1", "--branch", j.branch, "file://"+r.origin, dir)
	}
	if err := git("", "init", "-q", dir); err != nil {
		return err
	}
	if err := git(dir, "fetch", "-q", "--depth", "1", "file://"+r.origin, "refs/pull/"+j.branch+"/merge"); err != nil {
		return err
	}
	return git(dir, "checkout", "-q", "--detach", "FETCH_HEAD")
}

func git(dir string, args ...string) error {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"GIT_AUTHOR_NAME=e2e", "GIT_AUTHOR_EMAIL=e2e@example.org", "GIT_COMMITTER_NAME=e2e", "GIT_COMMITTER_EMAIL=e2e@example.org",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "PATH=/usr/local/bin:/usr/bin:/bin",
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
