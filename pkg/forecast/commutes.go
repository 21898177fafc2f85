package forecast

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// commutes tells whether an instruction can be moved below a RUN that another Dockerfile has without it. It is only said of
// commands that are known not to look at what the instruction makes.
func commutes(moved, run, elsewhere *steps.Step) bool {
	if !run.IsRun() || run.Stage != moved.Stage || run.File != moved.File || !isPlaceless(run) {
		return false
	}
	switch word(moved) {
	case "WORKDIR":
		dir := run.Dir
		return elsewhere.Dir != dir && !mentions(run, dir) && !mentions(run, argumentOf(moved)) && !makesHome(run, dir)
	case "COPY":
		words := strings.Fields(text(moved))
		dest := words[len(words)-1]
		if !path.IsAbs(dest) {
			dest = path.Join(run.Dir, dest)
		}
		return isOwnFolder(dest) && !makesHome(run, dest) && !slices.ContainsFunc(words[1:], func(w string) bool {
			base := path.Base(w)
			return base != "." && base != "/" && !strings.HasPrefix(w, "--") && mentions(run, base)
		})
	}
	return false
}

func argumentOf(s *steps.Step) string {
	_, rest, _ := strings.Cut(text(s), " ")
	return rest
}

func mentions(run *steps.Step, what string) bool {
	return strings.Contains(text(run), what) || strings.Contains(run.Source, what)
}

// makesHome tells whether a RUN may make the folder itself, as the home of a user.
func makesHome(run *steps.Step, dir string) bool {
	return strings.HasPrefix(dir, "/home/") && strings.Contains(text(run), "user")
}

// isOwnFolder tells whether a path is below a folder that no system has anything of its own in.
func isOwnFolder(p string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path.Clean(p), "/"), "/")
	return slices.Contains([]string{"app", "application", "code", "data", "home", "opt", "project", "service", "services", "src", "srv", "workspace"}, first)
}

// Commands that do the same wherever they run, as long as no path says otherwise, and those that only take files from there.
// Those with subcommands are named with one.
var (
	placeless = []string{
		"addgroup", "adduser", "apk", "apt", "apt-get", "chmod", "chown", "dnf", "echo", "groupadd", "ldconfig", "locale-gen", "microdnf",
		"mkdir", "pip install", "pip3 install", "rm", "set", "true", "update-ca-certificates", "useradd", "usermod", "yum",
	}
	installers = []string{
		"bundle install", "cargo fetch", "composer install", "corepack enable", "go mod", "npm ci", "npm install", "pnpm fetch", "pnpm install",
		"poetry install", "uv pip", "uv sync", "yarn install",
	}
	// withPaths are those whose arguments are paths.
	withPaths = []string{"chmod", "chown", "mkdir", "rm"}
)

// isPlaceless tells whether a RUN does the same in every folder.
func isPlaceless(run *steps.Step) bool {
	all, ok := commandsOf(run)
	return ok && !slices.ContainsFunc(all, func(words []string) bool { return !isOneOf(words, placeless) || hasRelative(words) })
}

func isOneOf(words, commands []string) bool {
	two := strings.Join(words[:min(2, len(words))], " ")
	return slices.Contains(commands, words[0]) || slices.Contains(commands, two)
}

var (
	endsCommand = regexp.MustCompile(`&&|\|\||;|\||\n`)
	isSetting   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
	takesFile   = regexp.MustCompile(`^-[rec]|^--(requirement|editable|constraint)|\.(txt|whl|gz|zip)$`) // arguments of pip
	hasTarget   = regexp.MustCompile(`(target|dst|destination)=/|type=(secret|ssh)`)
)

// commandsOf takes a RUN apart, if it is simple.
func commandsOf(run *steps.Step) ([][]string, bool) {
	line := strings.ReplaceAll(strings.TrimPrefix(text(run), "RUN "), "\\\n", " ")
	for _, odd := range []string{"$(", "`", "<", "PWD"} {
		if strings.Contains(line, odd) {
			return nil, false
		}
	}
	for strings.HasPrefix(line, "--") {
		flag, rest, _ := strings.Cut(line, " ")
		if strings.HasPrefix(flag, "--mount") && !hasTarget.MatchString(flag) {
			return nil, false
		}
		line = strings.TrimSpace(rest)
	}
	var out [][]string
	for _, command := range endsCommand.Split(line, -1) {
		words := strings.Fields(command)
		for len(words) > 0 && isSetting.MatchString(words[0]) {
			words = words[1:]
		}
		if len(words) > 0 {
			out = append(out, words)
		}
	}
	return out, len(out) > 0
}

// hasRelative tells whether a command may have a path that begins where it runs.
func hasRelative(words []string) bool {
	paths := 0
	for i, w := range words[1:] {
		w = strings.Trim(w, `"'`)
		option := strings.HasPrefix(w, "-")
		if _, value, ok := strings.Cut(w, "="); ok && option {
			w = value
		}
		if j := strings.LastIndex(w, ">"); j >= 0 {
			w = w[j+1:]
			if w == "" && i+2 < len(words) {
				w = words[i+2]
			}
			if !strings.HasPrefix(w, "/") && !strings.HasPrefix(w, "&") {
				return true
			}
		}
		isURL := strings.Contains(w, "://")
		if w == "." || w == ".." || strings.Contains(w, "/") && !path.IsAbs(w) && !isURL {
			return true
		}
		if strings.HasPrefix(words[0], "pip") && takesFile.MatchString(words[i+1]) {
			return true
		}
		if option || !slices.Contains(withPaths, words[0]) {
			continue
		}
		paths++
		isOwner := paths == 1 && words[0][0] == 'c'
		if !isOwner && !path.IsAbs(w) {
			return true
		}
	}
	return false
}

// isSpecial matches variables that commands go by though they are not named.
var isSpecial = regexp.MustCompile(`(?i)^(APT|BUNDLE|CARGO|CC$|CFLAGS|CGO|COMPOSER|COREPACK|CXX|DEB|GEM|GIT|GO|HOME$|LANG|LC_|LD|NODE|NPM|PATH$|PIP|PNPM|POETRY|` +
	`PY|RAILS|RUBY|RUST|SHELL$|SOURCE_DATE|SSL|TMP|TZ$|USER$|UV|VIRTUAL_ENV|YARN|BASH_ENV|ENV$|IFS$)|_PROXY$|^CI$|_ENV$`)

// usesVariable tells whether a step may depend on a variable.
func usesVariable(s *steps.Step, name string) bool {
	if mentions(s, name) || isSpecial.MatchString(name) {
		return true
	}
	if !s.IsRun() {
		return false
	}
	all, ok := commandsOf(s)
	return !ok || slices.ContainsFunc(all, func(words []string) bool { return !isOneOf(words, placeless) && !isOneOf(words, installers) })
}
