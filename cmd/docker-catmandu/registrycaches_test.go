package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/cache"
	"github.com/docker-catmandu/docker-catmandu/pkg/refs"
	"github.com/docker-catmandu/docker-catmandu/pkg/registry"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// onBranch makes the working directory a repository with a branch checked out.
func onBranch(t *testing.T, branch string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git program in PATH")
	}
	for _, name := range branchVariables {
		t.Setenv(name, "")
	}
	out, err := exec.Command("git", "init", "-q", "-b", branch).CombinedOutput()
	assert.NilError(t, err, string(out))
}

const registryProject = `
services:
  web:
    image: example.com/shop/web:1
    build:
      context: .
      target: dev
      cache_from: ["type=registry,ref=example.com/shop/cache:base", "example.com/shop/pinned@sha256:0000000000000000000000000000000000000000000000000000000000000000"]
      cache_to: ["type=registry,ref=example.com/shop/cache:web-${BRANCH},mode=max", "type=inline", "type=local,dest=x"]
`

func plansOf(t *testing.T) []*targets.Plan {
	t.Helper()
	a := &app{err: t.Output()}
	plans, err := a.currentPlans(context.Background(), &planFlags{project: &projectFlags{}})
	assert.NilError(t, err)
	return plans
}

func TestWhatPlansNameInRegistries(t *testing.T) {
	inProject(t, map[string]string{"compose.yaml": registryProject, "Dockerfile": "FROM scratch AS dev\nFROM scratch AS prod"})
	onBranch(t, "feature/X")
	t.Setenv("BRANCH", "feature-x")
	c, err := newRegistryCaches(t.Context(), plansOf(t), nil, nil)
	assert.NilError(t, err)
	assert.DeepEqual(t, c.Exports, map[string]string{"example.com/shop/cache:web-feature-x": "web"})
	assert.DeepEqual(t, c.Named, map[string]string{
		"example.com/shop/cache:base":                               "service web imports it",
		"example.com/shop/pinned@sha256:" + strings.Repeat("0", 64): "service web imports it",
		"example.com/shop/web:1":                                    "service web has the image",
	})
	assert.DeepEqual(t, c.Scopes, []refs.Scope{{Repository: "example.com/shop/cache", Prefix: "web-", Service: "web"}})
	assert.DeepEqual(t, c.repositories(), []string{"example.com/shop/cache"})
	assert.Equal(t, len(c.unknown), 0)

	// a word that is there on another branch as well is not the branch
	notes := []refs.Note{{Ref: "example.com/shop/cache:web-feature-x", Branch: "main"}}
	c, err = newRegistryCaches(t.Context(), plansOf(t), notes, nil)
	assert.NilError(t, err)
	assert.Equal(t, len(c.Scopes), 0)

	t.Setenv("BRANCH", "something-else")
	c, err = newRegistryCaches(t.Context(), plansOf(t), nil, nil)
	assert.NilError(t, err)
	assert.Equal(t, len(c.Scopes), 0)
	assert.DeepEqual(t, c.unknown, []string{
		"which tags of example.com/shop/cache are of branches: those that are exported to do not have the current one (feature/X) in them",
	})
}

// A branch that is called as a stage or kind of the plan is not found in a tag: it may be that.
func TestBranchesThatAreStages(t *testing.T) {
	inProject(t, map[string]string{"compose.yaml": registryProject, "Dockerfile": "FROM scratch AS dev\nFROM scratch AS prod"})
	onBranch(t, "dev")
	t.Setenv("BRANCH", "dev")
	c, err := newRegistryCaches(t.Context(), plansOf(t), nil, nil)
	assert.NilError(t, err)
	for _, s := range c.Scopes {
		t.Errorf("%+v", s)
	}
}

func TestExportsAreNoted(t *testing.T) {
	inProject(t, map[string]string{"compose.yaml": registryProject, "Dockerfile": "FROM scratch AS dev\nFROM scratch AS prod"})
	onBranch(t, "feature/X")
	t.Setenv("BRANCH", "feature-x")
	noted := func() []refs.Note {
		cache, err := cacheDir()
		assert.NilError(t, err)
		notes, err := readNotes(projectDir(cache, plansOf(t)[0]))
		assert.NilError(t, err)
		return notes
	}
	build := func(failed string) {
		f := &fakeBuilder{result: &buildx.Result{Targets: []buildx.TargetResult{{Service: "web", Error: failed}}}}
		_, _, err := runCommand(t, f, "build")
		assert.NilError(t, err)
	}
	build("it failed")
	assert.Equal(t, len(noted()), 0)
	t.Setenv("CATMANDU_LEDGER", "off")
	build("")
	assert.Equal(t, len(noted()), 0)
	t.Setenv("CATMANDU_LEDGER", "")
	before := time.Now()
	build("")
	build("")
	notes := noted()
	assert.Equal(t, len(notes), 1)
	assert.Assert(t, !notes[0].Exported.Before(before.Add(-time.Second)))
	notes[0].Exported = time.Time{}
	assert.DeepEqual(t, notes[0], refs.Note{Ref: "example.com/shop/cache:web-feature-x", Service: "web", Branch: "feature/X"})

	// where no branch is checked out, a CI says which it is
	out, err := exec.Command("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "x").CombinedOutput()
	assert.NilError(t, err, string(out))
	out, err = exec.Command("git", "checkout", "-q", "--detach").CombinedOutput()
	assert.NilError(t, err, string(out))
	t.Setenv("CI_COMMIT_BRANCH", "ci")
	build("")
	assert.Equal(t, noted()[0].Branch, "ci")
}

// Builds that end at the same time lose no note, and a file that is broken is begun anew.
func TestNotesOfManyBuilds(t *testing.T) {
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(dir+"/"+refsFile, []byte("[{"), 0o600))
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			assert.Check(t, changeNotes(dir, func(notes []refs.Note) []refs.Note {
				return append(notes, refs.Note{Ref: fmt.Sprint(i), Exported: time.Unix(int64(i), 0)})
			}))
		})
	}
	all.Wait()
	notes, err := readNotes(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(notes), 20)
	assert.Equal(t, notes[0].Ref, "19") // the newest, of which some would be left
}

func TestPruneRegistryUsage(t *testing.T) {
	inProject(t, shop)
	for _, args := range [][]string{
		{"--registry", "--all"},
		{"--registry", "--everything"},
		{"--registry", "--stage", "a"},
		{"--registry", "--images"},
		{"--registry", "--older-than", "-1s"},
		{"--registry", "--keep", "-1"},
		{"--registry", "--cache-ref", "example.com/a:b"},
		{"--cache-ref", "example.com/a:b-*"},
		{"--keep", "2"},
	} {
		_, _, err := runCommand(t, &fakeBuilder{}, append([]string{"prune"}, args...)...)
		assert.Equal(t, exitStatus(t.Output(), err), statusUsage, "%v: %v", args, err)
	}
}

// registryCachesOf are those of the project in the working directory, of which nothing is noted.
func registryCachesOf(t *testing.T, args ...string) *registryCaches {
	t.Helper()
	a := &app{err: t.Output(), registries: func(string) (registry.Hosts, error) { return nil, nil }}
	from := &planFlags{project: &projectFlags{}, targets: args}
	plans, err := a.currentPlans(t.Context(), from)
	assert.NilError(t, err)
	c, err := a.registryCaches(t.Context(), from, plans, "", nil)
	assert.NilError(t, err)
	return c
}

// A machine on which nothing was built knows the names of automatic caches, at all targets and on the usual platforms.
func TestAutomaticCachesWithoutNotes(t *testing.T) {
	inProject(t, map[string]string{
		"compose.yaml": "name: shop\nx-catmandu: {cache: {use: registry=example.com/shop/cache, export: always}}\n" +
			"services: {web: {build: {context: ., args: {A: b}}}, api: {build: {context: .}}, jobs: {build: {context: ., platforms: [linux/s390x]}}}",
		"Dockerfile": "FROM scratch AS dev\nFROM scratch AS prod\n",
	})
	onBranch(t, "feature/X")
	c := registryCachesOf(t, "web=dev")
	assert.Equal(t, len(c.unknown), 0)
	assert.DeepEqual(t, c.repositories(), []string{"example.com/shop/cache"})
	prefixes := map[string]string{}
	for _, s := range c.Scopes {
		assert.Equal(t, s.Repository, "example.com/shop/cache")
		assert.Equal(t, s.Slug("feature/X"), cache.BranchSlug("feature/X"))
		prefixes[s.Prefix] = s.Service
	}
	want := map[string]string{}
	for _, service := range []string{"api", "web", "jobs"} {
		for _, target := range []string{"default", "prod", "dev"} {
			for _, platform := range []string{"linux-amd64", "linux-arm64", "linux-s390x"} {
				if (service == "jobs") == (platform == "linux-s390x") && (service != "web" || target == "dev") {
					for _, kind := range []string{"cache", "joint"} {
						want[kind+".shop."+service+"."+target+"."+platform+"."] = service
					}
				}
			}
		}
	}
	assert.DeepEqual(t, prefixes, want)

	// what builds export to here, and import, is used
	branch := cache.BranchSlug("feature/X")
	ref := "example.com/shop/cache:cache.shop.api.prod.linux-arm64." + branch
	assert.Equal(t, c.Exports[ref], "api")
	assert.Assert(t, c.Named[ref] != "")
}

// Of a branch that is gone the cache goes, of one that is there it stays, be its name changed or cut; what is no cache's name stays.
func TestAutomaticCachesOfBranches(t *testing.T) {
	inProject(t, map[string]string{
		"compose.yaml": "name: shop\nx-catmandu: {cache: registry=example.com/shop/cache}\nservices: {web: {build: {context: .}}}",
		"Dockerfile":   "FROM scratch\n",
	})
	onBranch(t, "main")
	c := registryCachesOf(t)
	c.Branches = []string{"main", "Feature/Ä", "1.x"}
	c.Now = time.Now()
	contents := &registry.Contents{Name: "example.com/shop/cache", Whole: true, Tags: map[string]string{}, Manifests: map[string]*registry.Manifest{}}
	c.Repositories = []*registry.Contents{contents}
	states := map[string]string{}
	add := func(tag, state string) {
		states[contents.Name+":"+tag] = state
		contents.Tags[tag] = "sha256:" + tag
		contents.Manifests["sha256:"+tag] = &registry.Manifest{Digest: "sha256:" + tag, Cache: true, Created: c.Now.Add(-time.Hour)}
	}
	at := func(branch string) string {
		s := cache.Scope{Project: "shop", Service: "web", Target: "prod", Platform: "linux/amd64", Branch: branch}
		return s.Name()
	}
	add(at("main"), refs.Used)
	add(at("Feature/Ä"), refs.Kept)
	add(at("1.x"), refs.Kept)
	add(at("Other/Ö"), refs.Expired)
	add(at("gone"), refs.Expired)
	got := map[string]string{}
	contents.Tags["cache.shop.db.prod.linux-amd64.gone"], contents.Tags["v1"] = contents.Tags[at("gone")], contents.Tags[at("gone")]
	for _, r := range refs.New(c.Question, refs.Selection{}).Refs {
		got[r.Ref] = r.State
	}
	// what is not of this project reaches the manifest of a branch that is gone
	states[contents.Name+":"+at("gone")] = refs.Kept
	assert.DeepEqual(t, got, states)
}

// Caches that are elsewhere are not looked for.
func TestNoAutomaticCachesInRegistries(t *testing.T) {
	for _, use := range []string{"off", "local=caches", "auto", "inline"} {
		inProject(t, map[string]string{
			"compose.yaml": "x-catmandu: {cache: {use: " + use + ", export: always}}\nservices: {web: {build: {context: .}}}", "Dockerfile": "FROM scratch\n",
		})
		onBranch(t, "main")
		c := registryCachesOf(t)
		assert.Equal(t, len(c.Scopes)+len(c.Exports)+len(c.repositories())+len(c.unknown), 0, use)
	}
}
