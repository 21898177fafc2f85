package cache

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// CI is what a CI job says of itself.
type CI struct {
	// Name is GitHub, GitLab or another's; empty outside of a CI.
	Name string
	// Branch is what is built; of a pull request it is the branch that asks.
	Branch string
	// Base is the branch that a pull request goes to.
	Base string
	// Default is the repository's default branch.
	Default string
	// PullRequest tells that Branch is of one, Fork that it comes from another repository.
	PullRequest, Fork bool
	// Once is what is built only once, such as a tag or a merge queue; empty is a branch.
	Once string
	// Service tells that GitHub's cache service can be used; NoService says why not.
	Service   bool
	NoService string
	// ReadOnly tells that the token of the cache service allows no writing.
	ReadOnly bool
	// Repository is where the CI's own registry may have caches, if the job is logged in there; Host is that registry.
	Repository, Host string
	LoggedIn         bool
}

// ReadsOnly says why a job must not write what other jobs read, whoever asks for it; empty where it may.
func (c CI) ReadsOnly() string {
	if c.Fork {
		return "a pull request from a fork only reads"
	}
	return ""
}

// Names of CIs.
const (
	GitHub = "GitHub Actions"
	GitLab = "GitLab CI"
	Other  = "CI"
)

// JobOf reads what a CI tells its jobs: variables, and the file in which GitHub describes an event.
func JobOf(variable func(string) string, file func(string) ([]byte, error)) CI {
	switch {
	case variable("GITHUB_ACTIONS") == "true":
		return gitHubJob(variable, file)
	case variable("GITLAB_CI") != "":
		return gitLabJob(variable)
	case variable("CI") != "" && variable("CI") != "false" || variable("BUILD_ID") != "" && variable("JENKINS_URL") != "" || variable("TF_BUILD") != "":
		return otherJob(variable)
	}
	return CI{}
}

// event is the part of GitHub's event file that matters here.
type event struct {
	Repository struct {
		FullName      string `json:"full_name"`
		DefaultBranch string `json:"default_branch"`
	} `json:"repository"`
	PullRequest *struct {
		Head struct {
			Repo struct {
				FullName string `json:"full_name"`
			} `json:"repo"`
		} `json:"head"`
	} `json:"pull_request"`
	MergeGroup struct {
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
}

func gitHubJob(variable func(string) string, file func(string) ([]byte, error)) CI {
	c := CI{Name: GitHub, Branch: variable("GITHUB_REF_NAME")}
	var e event
	text, err := file(variable("GITHUB_EVENT_PATH"))
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	c.Default = e.Repository.DefaultBranch
	switch kind := variable("GITHUB_EVENT_NAME"); {
	case variable("GITHUB_HEAD_REF") != "": // of pull requests only
		c.PullRequest, c.Branch, c.Base = true, variable("GITHUB_HEAD_REF"), variable("GITHUB_BASE_REF")
		// What can't be told is not trusted. The repository of a pull request may be gone.
		c.Fork = err != nil || e.PullRequest == nil || e.PullRequest.Head.Repo.FullName != cmp.Or(e.Repository.FullName, variable("GITHUB_REPOSITORY"))
	case kind == "merge_group":
		c.Branch, c.Once, c.Base = "", "the branch of a merge queue", strings.TrimPrefix(e.MergeGroup.BaseRef, "refs/heads/")
	case variable("GITHUB_REF_TYPE") == "tag":
		c.Branch, c.Once = "", "a tag"
	}
	c.service(variable)
	return c
}

// service looks at what BuildKit needs of GitHub's cache service. A token that it can't read fails the build.
func (c *CI) service(variable func(string) string) {
	token := variable("ACTIONS_RUNTIME_TOKEN")
	switch {
	case token == "" || variable("ACTIONS_RESULTS_URL") == "" && variable("ACTIONS_CACHE_URL") == "":
		c.NoService = "ACTIONS_RUNTIME_TOKEN and ACTIONS_RESULTS_URL are not set: GitHub gives them to actions, and not to steps with run"
		return
	}
	var claims struct {
		AC string `json:"ac"`
	}
	var scopes []struct{ Permission int }
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
		if err == nil {
			err = json.Unmarshal(payload, &claims)
		}
		if err == nil {
			err = json.Unmarshal([]byte(claims.AC), &scopes)
		}
		c.Service = err == nil && len(scopes) > 0
	}
	if !c.Service {
		c.NoService = "ACTIONS_RUNTIME_TOKEN is no token of the cache service"
		return
	}
	c.ReadOnly = true
	for _, s := range scopes {
		c.ReadOnly = c.ReadOnly && s.Permission&2 == 0
	}
}

func gitLabJob(variable func(string) string) CI {
	c := CI{
		Name: GitLab, Branch: variable("CI_COMMIT_BRANCH"), Default: variable("CI_DEFAULT_BRANCH"),
		Host: variable("CI_REGISTRY"),
	}
	if image := variable("CI_REGISTRY_IMAGE"); image != "" && c.Host != "" {
		c.Repository = image + "/cache"
	}
	switch {
	case variable("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME") != "":
		c.PullRequest, c.Branch, c.Base = true, variable("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"), variable("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
		c.Fork = variable("CI_MERGE_REQUEST_SOURCE_PROJECT_ID") != variable("CI_MERGE_REQUEST_PROJECT_ID")
		if variable("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train" {
			c.Branch, c.Once = "", "a merge train"
		}
	case variable("CI_COMMIT_TAG") != "":
		c.Branch, c.Once = "", "a tag"
	}
	return c
}

// otherVariables are those in which CIs tell what they build, as far as they agree on nothing.
var otherVariables = []struct{ branch, base, tag string }{
	{"CHANGE_BRANCH", "CHANGE_TARGET", ""}, // Jenkins, of a change request
	{"BRANCH_NAME", "", "TAG_NAME"},
	{"BUILDKITE_BRANCH", "BUILDKITE_PULL_REQUEST_BASE_BRANCH", "BUILDKITE_TAG"},
	{"CIRCLE_BRANCH", "", "CIRCLE_TAG"},
	{"BITBUCKET_BRANCH", "BITBUCKET_PR_DESTINATION_BRANCH", "BITBUCKET_TAG"},
	{"DRONE_SOURCE_BRANCH", "DRONE_TARGET_BRANCH", "DRONE_TAG"},
	{"CI_COMMIT_SOURCE_BRANCH", "CI_COMMIT_TARGET_BRANCH", ""}, // Woodpecker, of a pull request
	{"CI_COMMIT_BRANCH", "", "CI_COMMIT_TAG"},
	{"SYSTEM_PULLREQUEST_SOURCEBRANCH", "SYSTEM_PULLREQUEST_TARGETBRANCH", ""}, // Azure, of a pull request
	{"BUILD_SOURCEBRANCH", "", ""},
}

func otherJob(variable func(string) string) CI {
	c := CI{Name: Other}
	for _, v := range otherVariables {
		value := func(name string) string {
			if name == "" {
				return ""
			}
			return strings.TrimPrefix(variable(name), "refs/heads/")
		}
		if value(v.tag) != "" {
			c.Branch, c.Once = "", "a tag"
			return c
		}
		if c.Branch = value(v.branch); c.Branch == "" {
			continue
		}
		if strings.HasPrefix(c.Branch, "refs/tags/") {
			c.Branch, c.Once = "", "a tag"
			return c
		}
		if base := value(v.base); base != "" && base != c.Branch {
			c.PullRequest, c.Base = true, base
		}
		return c
	}
	return c
}
