package session

import (
	"runtime"
	"testing"

	"gotest.tools/v3/assert"
)

func TestThisMachine(t *testing.T) {
	m := ThisMachine()
	assert.Equal(t, m.OS, runtime.GOOS)
	assert.Equal(t, m.Arch, runtime.GOARCH)
	assert.Assert(t, m.CPUs >= 1 && m.CPUs <= runtime.NumCPU())
	if runtime.GOOS == "linux" {
		assert.Assert(t, m.MemoryGiB >= 1 && m.Kernel != "" && m.Virt != "", "%+v", m)
		_, load, _ := Pressure()
		assert.Assert(t, load >= 0)
	}
}

func TestCPUName(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"AMD EPYC 7763 64-Core Processor", "AMD EPYC 7763"},
		{"AMD EPYC 9V74 80-Core Processor", "AMD EPYC 9V74"},
		{"Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", "Intel Xeon Platinum 8370C"},
		{"Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", "Intel Core i7-8550U"},
		{"13th Gen Intel(R) Core(TM) i7-1365U", "13th Gen Intel Core i7-1365U"},
		{"AMD Ryzen 7 5800X 8-Core Processor", "AMD Ryzen 7 5800X"},
		{"Intel(R) Xeon(R) Processor", "Intel Xeon family 6 model 207"},
		{"Intel(R) Xeon(R) CPU @ 2.20GHz", "Intel Xeon family 6 model 207"},
		{"", "family 6 model 207"},
	} {
		assert.Equal(t, cpuName(test.name, "family 6 model 207"), test.want)
	}
}

func TestThisCI(t *testing.T) {
	github := map[string]string{
		"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "17", "GITHUB_SERVER_URL": "https://github.example",
		"GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ATTEMPT": "1", "ImageOS": "ubuntu24", "RUNNER_NAME": "GitHub Actions 5",
		"RUNNER_ENVIRONMENT": "github-hosted",
	}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for _, m := range []map[string]string{github, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	const url = "https://github.example/a/b/actions/runs/17"
	for _, test := range []struct {
		environment map[string]string
		want        *CI
	}{
		{nil, nil},
		{map[string]string{"CI": "false"}, nil},
		{map[string]string{"CI": "0"}, nil},
		{map[string]string{"CI": "true"}, &CI{Provider: "unknown"}},
		{map[string]string{"CI": "woodpecker"}, &CI{Provider: "unknown"}},
		{map[string]string{"GITHUB_ACTIONS": "true"}, &CI{Provider: "github"}},
		{github, &CI{Provider: "github", RunID: "17", RunURL: url, Runner: "ubuntu24"}},
		{with(map[string]string{"GITHUB_RUN_ATTEMPT": "2"}), &CI{Provider: "github", RunID: "17", RunURL: url + "/attempts/2", Runner: "ubuntu24"}},
		{with(map[string]string{"RUNNER_ENVIRONMENT": "self-hosted", "RUNNER_NAME": "big"}), &CI{Provider: "github", RunID: "17", RunURL: url, Runner: "big"}},
		{
			map[string]string{"CI": "true", "GITLAB_CI": "true", "CI_JOB_ID": "9", "CI_JOB_URL": "https://gitlab.example/9", "CI_RUNNER_DESCRIPTION": "shared"},
			&CI{Provider: "gitlab", RunID: "9", RunURL: "https://gitlab.example/9", Runner: "shared"},
		},
	} {
		assert.DeepEqual(t, ThisCI(func(name string) string { return test.environment[name] }), test.want)
	}
}
