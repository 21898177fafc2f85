//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestCIBranches is what a CI does: jobs for two branches, each with a clone and a builder of its own, and one registry for all caches.
// A cache is only ever written by builds of its service, target and branch; and exactly those steps run whose results were in none of
// the caches that could have had them, as far as BuildKit can find them (mayLose). CI_BUILDS is the number of jobs, CI_SEED
// chooses them; CI_BUILDKITD is another buildkitd to use, of which nothing is forgiven.
func TestCIBranches(t *testing.T) {
	jobs := ciNumber(t, "CI_BUILDS", 12)
	seed := uint64(ciNumber(t, "CI_SEED", 1))
	c := newCIWorld(t, rand.New(rand.NewPCG(seed, 7)))
	cached, ran, lost := 0, 0, 0
	for n := range jobs {
		services, target := c.choose()
		job := c.nextJob(t)
		labels := c.caches.runs(c.tree, services, target, job.branch)
		what := fmt.Sprintf("seed %d, job %d: %s of %s, %s", seed, n, target, c.names(services), job)
		before, err := c.builder.tags(ciRepositoryName)
		check(t, err)
		seen := c.build(t, what, job, services, target)
		after, err := c.builder.tags(ciRepositoryName)
		check(t, err)
		lost += c.checkRan(t, what, c.ran(seen, services), labels, job, services, target)
		c.checkWritten(t, what, job, services, target, before, after)
		ran += len(labels)
		for _, s := range services {
			cached += len(c.tree.steps(s, target))
		}
		c.remember(job, services, target)
		if t.Failed() {
			t.FailNow() // what follows depends on it
		}
		t.Logf("%s: %d steps had to run", what, len(labels))
	}
	t.Logf("%d jobs wrote %d caches; %d of %d steps had to run, and %d more did that BuildKit lost", jobs, len(c.caches), ran,
		cached, lost)
	if len(c.caches) < min(jobs, 8) || ran == 0 || ran > cached/2 {
		t.Errorf("of %d steps in %d caches %d ran: that proves little", cached, len(c.caches), ran)
	}
}

func ciNumber(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: must be a number from 1", name, text)
	}
	return n
}

const ciRepositoryName = "ci/caches"

// ciWorld is a repository, a registry, and what is known of the caches there.
type ciWorld struct {
	*runner
	builder *ciBuilder
	origin  *ciRepository
	random  *rand.Rand
	caches  ciCaches
	tree    ciTree            // of the job that is next
	slugs   map[string]string // branches, by what they are called in tags
	number  int
}

var ciBranches = []string{ciDefaultBranch, "feature/login"}

func newCIWorld(t *testing.T, random *rand.Rand) *ciWorld {
	t.Helper()
	dir := t.TempDir()
	c := &ciWorld{runner: &runner{dir: dir}, random: random, caches: ciCaches{}, slugs: map[string]string{}}
	check(t, c.start())
	c.env = withoutCI(c.env)
	c.builder = newCIBuilder(t, c.runner, "job")
	origin, err := newCIRepository(dir, ciBranches...)
	check(t, err)
	c.origin = origin
	return c
}

// choose takes a target, and all services or some.
func (c *ciWorld) choose() (services []ciService, target string) {
	target = []string{"prod", "dev"}[c.random.IntN(2)]
	for c.random.IntN(3) == 0 {
		for _, s := range ciServices {
			if c.random.IntN(2) == 0 {
				services = append(services, s)
			}
		}
		if len(services) > 0 {
			return services, target
		}
	}
	return ciServices, target
}

func (c *ciWorld) names(services []ciService) string {
	var names []string
	for _, s := range services {
		names = append(names, s.name)
	}
	return strings.Join(names, ", ")
}

// nextJob lets people edit, and takes a job for what they made.
func (c *ciWorld) nextJob(t *testing.T) ciJob {
	t.Helper()
	j := ciJob{branch: ciBranches[c.random.IntN(len(ciBranches))]}
	tree := maps.Clone(c.origin.trees[j.branch])
	switch c.random.IntN(5) {
	case 0: // nothing new
	case 1:
		tree = maps.Clone(c.origin.trees[ciDefaultBranch]) // as if merged, or reset
	default:
		paths := slices.Sorted(maps.Keys(tree))
		for range 1 + c.random.IntN(3) {
			tree[paths[c.random.IntN(len(paths))]] = 1 + c.random.IntN(4) // some were there before
		}
	}
	if j.branch != ciDefaultBranch {
		j.pull = c.random.IntN(2) == 0
	}
	j.fork = c.random.IntN(6) == 0
	c.tree = tree
	if !j.fork {
		check(t, c.origin.commit(j.branch, tree))
	}
	return j
}

// build does what a job does: a clone, an empty builder, a home without any files, and a build.
func (c *ciWorld) build(t *testing.T, what string, job ciJob, services []ciService, target string) *observation {
	t.Helper()
	c.number++
	dir := filepath.Join(c.dir, fmt.Sprint("job", c.number))
	clone := filepath.Join(dir, "shop")
	check(t, c.origin.clone(job, clone))
	if job.fork {
		check(t, c.tree.write(clone)) // what they committed over there
	}
	check(t, c.builder.renew())
	check(t, c.builder.empty())
	vars, err := job.env(dir)
	check(t, err)
	args := []string{
		"catmandu", "build", "--target", target, "--cache", "registry=" + c.builder.registry + "/" + ciRepositoryName,
		"--progress", "rawjson", "--output", "type=cacheonly",
	}
	if len(services) < len(ciServices) {
		for _, s := range services {
			args = append(args, s.name)
		}
	}
	cmd := exec.Command(filepath.Join(c.bin, "tools/docker"), args...)
	cmd.Dir = clone
	cmd.Env = append(append(slices.Clone(c.env), "BUILDX_BUILDER=job", "CATMANDU_CACHE_DIR="+filepath.Join(dir, "cache")), vars...)
	var progress bytes.Buffer
	cmd.Stderr = &progress
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, unJSON(progress.Bytes()))
	}
	if text := unJSON(progress.Bytes()); strings.Contains(text, "warning:") {
		t.Errorf("%s: %s", what, text)
	}
	seen, err := observe(progress.Bytes(), len(services) > 1)
	check(t, err)
	return seen
}

// ran are the labels of the steps that ran.
func (c *ciWorld) ran(seen *observation, services []ciService) []string {
	labels := map[string]bool{}
	for _, v := range seen.vertexes {
		line := stepName.ReplaceAllString(v.names[0], "")
		if v.cached || !v.ran || strings.HasPrefix(line, "FROM ") {
			continue
		}
		name := cmp.Or(v.service, services[0].name)
		s := ciServices[slices.IndexFunc(ciServices, func(s ciService) bool { return s.name == name })]
		labels[s.folder+": "+line] = true
	}
	return slices.Sorted(maps.Keys(labels))
}

// checkRan compares what ran with what had to, and returns how many steps ran that BuildKit lost.
func (c *ciWorld) checkRan(t *testing.T, what string, got, want []string, job ciJob, services []ciService, target string) (lost int) {
	t.Helper()
	for _, label := range want {
		if !slices.Contains(got, label) {
			t.Errorf("%s: %s did not run, and no cache had it", what, label)
		}
	}
	for _, label := range got {
		switch {
		case slices.Contains(want, label):
		case os.Getenv("CI_BUILDKITD") == "" && c.caches.mayLose(job, c.tree, services, target, label):
			lost++
		default:
			t.Errorf("%s: %s ran, and a cache had it", what, label)
		}
	}
	return lost
}

// remember notes what a job exported.
func (c *ciWorld) remember(job ciJob, services []ciService, target string) {
	if job.fork {
		return
	}
	for _, s := range services {
		var keys []string
		for _, step := range c.tree.steps(s, target) {
			keys = append(keys, step.key)
		}
		c.caches[ciScope{s.group, target, job.branch}] = keys
	}
}

// ciTag is that of a cache, or of several joined ones.
var ciTag = regexp.MustCompile(`^(cache|joint)\.shop\.(\w+)\.(prod|dev)\.linux-\w+\.([\w-]+)$`)

// checkWritten sees that a job wrote its caches, and none of another's.
func (c *ciWorld) checkWritten(t *testing.T, what string, job ciJob, services []ciService, target string, before, after map[string]string) {
	t.Helper()
	var mine []string
	for tag, digest := range after {
		m := ciTag.FindStringSubmatch(tag)
		if m == nil {
			t.Fatalf("%s: no cache is called %s", what, tag)
		}
		group, kind, slug := m[2], m[3], m[4]
		of := slices.IndexFunc(services, func(s ciService) bool { return s.group == group })
		if before[tag] != digest {
			if c.slugs[slug] == "" && !slices.Contains(slices.Collect(maps.Values(c.slugs)), job.branch) {
				c.slugs[slug] = job.branch
			}
			if job.fork || of < 0 || kind != target || c.slugs[slug] != job.branch {
				t.Errorf("%s: wrote %s, which is not its own", what, tag)
			}
		}
		if m[1] == "cache" && of >= 0 && kind == target && c.slugs[slug] == job.branch {
			mine = append(mine, group)
		}
	}
	for tag := range before {
		if after[tag] == "" {
			t.Errorf("%s: %s is gone", what, tag)
		}
	}
	for _, s := range services {
		if !job.fork && !slices.Contains(mine, s.group) {
			t.Errorf("%s: nothing was exported of %s: %v", what, s.name, slices.Sorted(maps.Keys(after)))
		}
	}
}
