package session

import (
	"regexp"
	"runtime"
	"strings"
)

// ThisMachine describes the machine that the program runs on, which is that of a builder only where the builder is here. What
// the system does not tell is empty.
func ThisMachine() Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU()}
	describe(&m)
	return m
}

// Pressure tells how busy the machine is: the share of the last ten seconds, in percent, in which something waited for a CPU, and
// the load of the last minute. It is ok when the kernel tells the pressure; the load is 0 where there is none.
func Pressure() (psi, load float64, ok bool) { return pressure() }

// ThisCI returns the job that the program runs in, nil outside of one.
func ThisCI(getenv func(string) string) *CI {
	switch {
	case getenv("GITHUB_ACTIONS") == "true":
		return github(getenv)
	case getenv("GITLAB_CI") == "true":
		return &CI{
			Provider: "gitlab", RunID: getenv("CI_JOB_ID"), RunURL: getenv("CI_JOB_URL"), Runner: getenv("CI_RUNNER_DESCRIPTION"),
		}
	}
	switch getenv("CI") {
	case "", "0", "false":
		return nil
	}
	return &CI{Provider: "unknown"}
}

func github(getenv func(string) string) *CI {
	ci := &CI{Provider: "github", RunID: getenv("GITHUB_RUN_ID"), Runner: getenv("RUNNER_NAME")}
	if server, repository := getenv("GITHUB_SERVER_URL"), getenv("GITHUB_REPOSITORY"); server != "" && repository != "" && ci.RunID != "" {
		ci.RunURL = server + "/" + repository + "/actions/runs/" + ci.RunID
		if attempt := getenv("GITHUB_RUN_ATTEMPT"); attempt != "" && attempt != "1" {
			ci.RunURL += "/attempts/" + attempt
		}
	}
	if image := getenv("ImageOS"); image != "" && getenv("RUNNER_ENVIRONMENT") != "self-hosted" {
		ci.Runner = image // the names of hosted runners are made up for each job
	}
	return ci
}

var (
	cpuNoise = regexp.MustCompile(`\((R|r|TM|tm)\)|@.*| \d+-Core| (CPU|Processor)\b`)
	digits   = regexp.MustCompile(`\d`)
)

// cpuName shortens the name of a CPU as its maker writes it: "AMD EPYC 7763 64-Core Processor". Clouds hide which one it is, then
// the rest tells it: family and model.
func cpuName(name, rest string) string {
	name = strings.Join(strings.Fields(cpuNoise.ReplaceAllString(name, "")), " ")
	if !digits.MatchString(name) && rest != "" {
		name = strings.TrimSpace(name + " " + rest)
	}
	return name
}
