package edit

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// languages are what source code is written in, by the extensions of files.
var languages = func() map[string]string {
	out := map[string]string{}
	for name, list := range map[string]string{
		"go": "go", "python": "py pyx", "rust": "rs", "java": "java", "kotlin": "kt kts", "scala": "scala", "groovy": "groovy",
		"javascript": "js mjs cjs jsx ts mts cts tsx vue svelte astro", "c": "c h cc cpp cxx hpp hh hxx m mm", "csharp": "cs", "fsharp": "fs",
		"vb": "vb", "ruby": "rb erb", "php": "php", "swift": "swift", "dart": "dart", "elixir": "ex exs eex heex", "erlang": "erl hrl",
		"haskell": "hs", "clojure": "clj cljs cljc", "lua": "lua", "perl": "pl pm", "r": "r", "julia": "jl", "zig": "zig", "nim": "nim",
		"ocaml": "ml mli", "crystal": "cr", "sql": "sql", "proto": "proto", "script": "sh bash", "markup": "html htm css scss sass less",
	} {
		for ext := range strings.FieldsSeq(list) {
			out[ext] = name
		}
	}
	return out
}()

// isMinor are languages that come beside others.
var isMinor = map[string]bool{"sql": true, "proto": true, "script": true, "markup": true}

func language(name string) string {
	lower := strings.ToLower(path.Base(name))
	if strings.HasSuffix(lower, ".min.js") || strings.HasSuffix(lower, ".min.css") {
		return ""
	}
	return languages[strings.TrimPrefix(path.Ext(lower), ".")]
}

// Kinds of lists of dependencies, the first to be edited first.
const (
	manifest = iota // written by people
	lock            // written by tools
)

// lists are the files that name dependencies.
var lists = func() map[string]int {
	out := map[string]int{}
	for kind, list := range map[int]string{
		manifest: `go.mod package.json requirements.txt pyproject.toml Pipfile setup.py setup.cfg environment.yml environment.yaml conda.yml
			Cargo.toml pom.xml build.gradle build.gradle.kts settings.gradle settings.gradle.kts libs.versions.toml build.sbt
			Gemfile composer.json mix.exs rebar.config Package.swift Podfile pubspec.yaml project.clj deps.edn stack.yaml
			Project.toml DESCRIPTION cpanfile conanfile.txt conanfile.py vcpkg.json CMakeLists.txt Directory.Packages.props
			packages.config paket.dependencies deno.json deno.jsonc shard.yml dune-project build.zig.zon elm.json
			packages.txt apt-packages.txt apt.txt apk-packages.txt Aptfile Brewfile apko.yaml galaxy.yml`,
		lock: `go.sum package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml pnpm-workspace.yaml bun.lock bun.lockb deno.lock poetry.lock
			uv.lock pdm.lock Pipfile.lock pylock.toml Cargo.lock Gemfile.lock composer.lock mix.lock gradle.lockfile packages.lock.json
			paket.lock Package.resolved pubspec.lock Manifest.toml renv.lock stack.yaml.lock shard.lock go.work go.work.sum
			gradle.properties lerna.json nx.json turbo.json global.json NuGet.config nuget.config .npmrc .yarnrc.yml`,
	} {
		for name := range strings.FieldsSeq(list) {
			out[name] = kind
		}
	}
	return out
}()

var isProject = regexp.MustCompile(`(?i)\.(csproj|fsproj|vbproj|sln|slnx|cabal|gemspec|nimble|opam)$`)

// listKind tells whether a file names dependencies.
func listKind(name string) (kind int, known bool) {
	base := path.Base(name)
	if kind, known = lists[base]; known {
		return kind, true
	}
	return manifest, isRequirements.MatchString(base) || isProject.MatchString(base) ||
		path.Base(path.Dir(name)) == "requirements" && path.Ext(base) == ".txt"
}

var (
	isLock    = regexp.MustCompile(`(?i)(\.lock|\.sum|[-.]lock\.(json|ya?ml))$`)
	isCompose = regexp.MustCompile(`(?i)^(docker-)?compose([.-].*)?\.ya?ml$`)
	isTesting = regexp.MustCompile(`(?i)(_test\.go|[._-](test|spec|e2e|stories|cy)\.[a-z]+|_(test|spec)\.[a-z]+|^test_.*\.py|^conftest\.py)$`)
	isTestOf  = regexp.MustCompile(`(Tests?|Spec|IT)\.(java|kt|kts|scala|groovy|cs|fs|swift|php)$`)
	isOwnOf   = regexp.MustCompile(`(?i)(\.config|rc)\.[cm]?[jt]s$|\.d\.[cm]?ts$|\.(pb|gen|generated)\.[a-z]+$|^(setup|gulpfile|gruntfile|build)\.[a-z]+$`)
	isStart   = regexp.MustCompile(`(?i)^(docker-)?(entrypoint|healthcheck|start|run|wait-for-it)([-_.].*)?$`)
)

func isLocked(name string) bool { return isLock.MatchString(name) }

// isBuildFile tells whether a file says how to build, rather than what.
func isBuildFile(name string) bool {
	base := strings.ToLower(path.Base(name))
	switch {
	case strings.HasPrefix(base, "dockerfile"), strings.HasPrefix(base, "containerfile"), strings.HasSuffix(base, ".dockerfile"):
		return true
	case strings.HasSuffix(base, ignoreFile), base == "makefile", base == ".gitignore":
		return true
	}
	return isCompose.MatchString(base)
}

// isEntry tells whether a file is what a container starts with.
func isEntry(name string) bool { return isStart.MatchString(path.Base(name)) }

func isIn(name string, folders ...string) bool {
	for _, part := range strings.Split(strings.ToLower(path.Dir(name)), "/") {
		if slices.Contains(folders, part) {
			return true
		}
	}
	return false
}

func isTest(name string) bool {
	base := path.Base(name)
	return isIn(name, "test", "tests", "__tests__", "__mocks__", "spec", "specs", "testdata", "fixtures", "e2e", "cypress") ||
		isTesting.MatchString(base) || isTestOf.MatchString(base)
}

// isVendored tells whether a file is of others, or made by a build.
func isVendored(name string) bool {
	return isIn(name, "node_modules", "vendor", "third_party", ".git", ".venv", "venv", "__pycache__", "bower_components", ".yarn", ".next", ".gradle")
}

// isAside tells whether a file is beside the program: settings of tools, generated code, documents, examples.
func isAside(name string) bool {
	return isOwnOf.MatchString(path.Base(name)) || isEntry(name) || strings.HasPrefix(path.Base(name), ".") ||
		isIn(name, "dist", "build", "out", "target", "bin", "obj", "docs", "doc", "examples", "example", "migrations", "scripts", "script",
			"tools", "hack", "benchmarks", "config", "deploy", "ci", ".github", "generated", "gen", "types")
}

// mains are the names of files that a program begins with, the most telling first.
var mains = []string{
	"main", "__main__", "app", "application", "program", "index", "server", "manage", "wsgi", "asgi", "cli", "lib", "mod", "page",
}

// mainness is less for a file whose name tells that a program begins there.
func mainness(stem string) int {
	lower := strings.ToLower(stem)
	if i := slices.Index(mains, lower); i >= 0 {
		return 1 + i
	}
	for _, suffix := range []string{"Application", "Main", "App", "Server"} { // ShopApplication.java
		if strings.HasSuffix(stem, suffix) {
			return len(mains) + 1
		}
	}
	return len(mains) + 2
}
