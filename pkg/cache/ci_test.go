package cache

import (
	"encoding/base64"
	"errors"
	"testing"

	"gotest.tools/v3/assert"
)

// token is one of GitHub's for jobs, as far as it matters here.
func token(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig"
}

var (
	writes = token(`{"ac":"[{\"Scope\":\"refs/heads/x\",\"Permission\":3},{\"Scope\":\"refs/heads/main\",\"Permission\":1}]"}`)
	reads  = token(`{"ac":"[{\"Scope\":\"refs/heads/main\",\"Permission\":1}]"}`)
)

const (
	own  = `{"repository":{"full_name":"acme/shop","default_branch":"main"},"pull_request":{"head":{"repo":{"full_name":"acme/shop"}}}}`
	fork = `{"repository":{"full_name":"acme/shop","default_branch":"main"},"pull_request":{"head":{"repo":{"full_name":"eve/shop"}}}}`
	gone = `{"repository":{"full_name":"acme/shop","default_branch":"main"},"pull_request":{"head":{"repo":null}}}`
	push = `{"repository":{"full_name":"acme/shop","default_branch":"main"}}`
)

func TestJobOf(t *testing.T) {
	gitHub := func(more map[string]string) map[string]string {
		vars := map[string]string{
			"GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_REPOSITORY": "acme/shop", "GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "x",
			"ACTIONS_RUNTIME_TOKEN": writes, "ACTIONS_RESULTS_URL": "https://results", "GITHUB_EVENT_NAME": "push",
		}
		for k, v := range more {
			vars[k] = v
		}
		return vars
	}
	pull := map[string]string{"GITHUB_HEAD_REF": "x", "GITHUB_BASE_REF": "v2", "GITHUB_REF_NAME": "7/merge", "GITHUB_EVENT_NAME": "pull_request"}
	unset := "ACTIONS_RUNTIME_TOKEN and ACTIONS_RESULTS_URL are not set: GitHub gives them to actions, and not to steps with run"
	for _, tc := range []struct {
		name  string
		vars  map[string]string
		event string
		want  CI
	}{
		{"no CI", map[string]string{}, "", CI{}},
		{"CI=false", map[string]string{"CI": "false"}, "", CI{}},
		{"push", gitHub(nil), push, CI{Name: GitHub, Branch: "x", Default: "main", Service: true}},
		{"push, no event", gitHub(nil), "", CI{Name: GitHub, Branch: "x", Service: true}},
		{"tag", gitHub(map[string]string{"GITHUB_REF_TYPE": "tag"}), push, CI{Name: GitHub, Once: "a tag", Default: "main", Service: true}},
		{"pull request", gitHub(pull), own, CI{Name: GitHub, Branch: "x", Base: "v2", Default: "main", PullRequest: true, Service: true}},
		{"of a fork", gitHub(pull), fork, CI{Name: GitHub, Branch: "x", Base: "v2", Default: "main", PullRequest: true, Fork: true, Service: true}},
		{"of a fork that is gone", gitHub(pull), gone, CI{Name: GitHub, Branch: "x", Base: "v2", Default: "main", PullRequest: true, Fork: true, Service: true}},
		{"of who knows", gitHub(pull), "", CI{Name: GitHub, Branch: "x", Base: "v2", PullRequest: true, Fork: true, Service: true}},
		{"of who knows, broken", gitHub(pull), "{", CI{Name: GitHub, Branch: "x", Base: "v2", PullRequest: true, Fork: true, Service: true}},
		{
			"merge queue", gitHub(map[string]string{"GITHUB_EVENT_NAME": "merge_group"}),
			`{"repository":{"default_branch":"main"},"merge_group":{"base_ref":"refs/heads/v2"}}`,
			CI{Name: GitHub, Base: "v2", Default: "main", Once: "the branch of a merge queue", Service: true},
		},
		{"read only", gitHub(map[string]string{"ACTIONS_RUNTIME_TOKEN": reads}), push, CI{Name: GitHub, Branch: "x", Default: "main", Service: true, ReadOnly: true}},
		{"no token", gitHub(map[string]string{"ACTIONS_RUNTIME_TOKEN": ""}), push, CI{Name: GitHub, Branch: "x", Default: "main", NoService: unset}},
		{"no address", gitHub(map[string]string{"ACTIONS_RESULTS_URL": ""}), push, CI{Name: GitHub, Branch: "x", Default: "main", NoService: unset}},
		{"nonsense", gitHub(map[string]string{"ACTIONS_RUNTIME_TOKEN": "a.b.c"}), push, CI{Name: GitHub, Branch: "x", Default: "main", NoService: "ACTIONS_RUNTIME_TOKEN is no token of the cache service"}},
		{"no claim", gitHub(map[string]string{"ACTIONS_RUNTIME_TOKEN": token("{}")}), push, CI{Name: GitHub, Branch: "x", Default: "main", NoService: "ACTIONS_RUNTIME_TOKEN is no token of the cache service"}},
		{
			"GitLab",
			map[string]string{"GITLAB_CI": "true", "CI": "true", "CI_COMMIT_BRANCH": "x", "CI_DEFAULT_BRANCH": "main", "CI_REGISTRY": "reg", "CI_REGISTRY_IMAGE": "reg/shop"},
			"",
			CI{Name: GitLab, Branch: "x", Default: "main", Host: "reg", Repository: "reg/shop/cache"},
		},
		{"GitLab, tag", map[string]string{"GITLAB_CI": "true", "CI_COMMIT_TAG": "v1"}, "", CI{Name: GitLab, Once: "a tag"}},
		{
			"GitLab, fork",
			map[string]string{
				"GITLAB_CI": "true", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "x", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
				"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2", "CI_MERGE_REQUEST_PROJECT_ID": "1",
			},
			"",
			CI{Name: GitLab, Branch: "x", Base: "main", PullRequest: true, Fork: true},
		},
		{
			"GitLab, merge train",
			map[string]string{
				"GITLAB_CI": "true", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "x", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train",
			},
			"",
			CI{Name: GitLab, Base: "main", PullRequest: true, Once: "a merge train"},
		},
		{"plain", map[string]string{"CI": "true"}, "", CI{Name: Other}},
		{"Jenkins", map[string]string{"JENKINS_URL": "http://j", "BUILD_ID": "1", "BRANCH_NAME": "x"}, "", CI{Name: Other, Branch: "x"}},
		{"Jenkins, change", map[string]string{"CI": "1", "BRANCH_NAME": "PR-1", "CHANGE_BRANCH": "x", "CHANGE_TARGET": "main"}, "", CI{Name: Other, Branch: "x", Base: "main", PullRequest: true}},
		{"Azure", map[string]string{"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/heads/x"}, "", CI{Name: Other, Branch: "x"}},
		{"Azure, tag", map[string]string{"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/tags/v1"}, "", CI{Name: Other, Once: "a tag"}},
		{"Bitbucket, tag", map[string]string{"CI": "true", "BITBUCKET_TAG": "v1"}, "", CI{Name: Other, Once: "a tag"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := JobOf(func(name string) string { return tc.vars[name] }, func(string) ([]byte, error) {
				if tc.event == "" {
					return nil, errors.New("no file")
				}
				return []byte(tc.event), nil
			})
			assert.DeepEqual(t, got, tc.want)
		})
	}
}
