//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ciBuilder is a BuildKit of its own that buildx knows by a name, as a job of a CI has one.
type ciBuilder struct {
	*world
	name string
}

// newCIBuilder makes it, and the instance in a home that has buildx.
func newCIBuilder(t testing.TB, r *runner, name string) *ciBuilder {
	t.Helper()
	dir, err := os.MkdirTemp("", "ci") //nolint:usetesting // t.TempDir has the name of the test in its path, too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	b := &ciBuilder{&world{dir: dir, bin: os.Getenv("E2E_BIN"), registry: os.Getenv("REGISTRY")}, name}
	t.Cleanup(func() {
		b.stop()
		_ = os.RemoveAll(dir)
	})
	shared, err := os.ReadFile(filepath.Join(os.Getenv("E2E_DIR"), "buildkitd.toml"))
	if err != nil {
		t.Fatal(err)
	}
	config := regexp.MustCompile(`(?m)^root = .*$`).ReplaceAllString(string(shared), fmt.Sprintf("root = %q", b.path("state")))
	config = strings.ReplaceAll(config, os.Getenv("BUILDKIT_ADDR"), b.address())
	write(t, b.path("buildkitd.toml"), config)
	if _, err := r.output(r.dir, "buildx", "create", "--name", name, "--driver", "remote", b.address()); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *ciBuilder) address() string { return "unix://" + b.path("own.sock") }

// renew starts it anew, with nothing in it.
func (b *ciBuilder) renew() error {
	b.stop()
	if len(b.daemons) > 0 {
		return errors.New("buildkitd does not end")
	}
	if err := os.RemoveAll(b.path("state")); err != nil {
		return err
	}
	program := "tools/buildkitd"
	if other := os.Getenv("CI_BUILDKITD"); other != "" {
		var err error
		if program, err = filepath.Rel(b.bin, other); err != nil {
			return err
		}
	}
	daemon, err := b.run(program, "--config", b.path("buildkitd.toml"))
	if err != nil {
		return err
	}
	return daemon.ready(listens(b.path("own.sock")))
}

// empty fails when the builder holds anything.
func (b *ciBuilder) empty() error {
	out, err := exec.Command(filepath.Join(b.bin, "tools/buildctl"), "--addr", b.address(), "du", "--format", "{{json .}}").Output()
	if err != nil {
		return err
	}
	if text := strings.TrimSpace(string(out)); text != "null" && text != "[]" {
		return fmt.Errorf("a new builder has %s", text)
	}
	return nil
}

// ciJob is what GitHub tells a job.
type ciJob struct {
	branch string
	// pull is a pull request of the branch to main, fork one of a branch of that name in another repository.
	pull, fork bool
}

func (j ciJob) String() string {
	switch {
	case j.fork:
		return "pull request of a fork's " + j.branch
	case j.pull:
		return "pull request of " + j.branch
	}
	return "push to " + j.branch
}

const ciDefaultBranch = "main"

// env are the variables of a job. The event is a file in dir.
func (j ciJob) env(dir string) ([]string, error) {
	head, pull := "acme/shop", ""
	vars := []string{
		"CI=true", "GITHUB_ACTIONS=true", "GITHUB_REPOSITORY=acme/shop", "GITHUB_SHA=0123456789012345678901234567890123456789",
		"GITHUB_RUN_ID=1", "GITHUB_EVENT_PATH=" + filepath.Join(dir, "event.json"), "GITHUB_STEP_SUMMARY=" + filepath.Join(dir, "summary.md"),
		"GITHUB_REF_TYPE=branch",
	}
	if j.fork {
		head = "eve/shop"
	}
	if j.pull || j.fork {
		vars = append(vars, "GITHUB_EVENT_NAME=pull_request", "GITHUB_REF=refs/pull/7/merge", "GITHUB_REF_NAME=7/merge",
			"GITHUB_HEAD_REF="+j.branch, "GITHUB_BASE_REF="+ciDefaultBranch)
		pull = fmt.Sprintf(`, "pull_request": {"head": {"repo": {"full_name": %q}}}`, head)
	} else {
		vars = append(vars, "GITHUB_EVENT_NAME=push", "GITHUB_REF=refs/heads/"+j.branch, "GITHUB_REF_NAME="+j.branch)
	}
	event := fmt.Sprintf(`{"repository": {"full_name": "acme/shop", "default_branch": %q}%s}`, ciDefaultBranch, pull)
	return vars, writeFile(filepath.Join(dir, "event.json"), []byte(event))
}

// tags are those of a repository in the registry, with the digests of their manifests.
func (b *ciBuilder) tags(repository string) (map[string]string, error) {
	base := "http://" + b.registry + "/v2/" + repository
	response, err := http.Get(base + "/tags/list")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return map[string]string{}, nil
	}
	var list struct{ Tags []string }
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return nil, err
	}
	digests := map[string]string{}
	for _, tag := range list.Tags {
		request, err := http.NewRequest(http.MethodHead, base+"/manifests/"+tag, nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Accept", ociManifest+", "+ociIndex)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		_ = response.Body.Close()
		if digests[tag] = response.Header.Get("Docker-Content-Digest"); digests[tag] == "" {
			return nil, fmt.Errorf("%s: %s", tag, response.Status)
		}
	}
	return digests, nil
}
