package targets

import (
	"path/filepath"
	"slices"
	"strings"
)

// The words of each kind. The order is that of preference where a Dockerfile has several.
var (
	prodWords = []string{"production", "prod", "release"}
	devWords  = []string{"development", "dev", "develop", "devel", "local", "debug", "devcontainer"}
	// finalWords name what is shipped without saying so. They count only where nothing is named better.
	finalWords = []string{"final", "runtime", "runner"}
	// helperWords make of a name a step on the way: "prod-deps" is no production stage.
	helperWords  = []string{"builder", "build", "deps", "dependencies", "envs", "enterprise"}
	builderWords = []string{"builder", "build"}
	testWords    = []string{
		"test", "tests", "testing", "tester", "unittest", "unittests", "e2e", "ci", "lint", "linter", "coverage",
	}
)

// words are those of the kind itself; other stages need one of them to be of that kind.
func (k Kind) words() []string {
	if k == Dev {
		return devWords
	}
	return prodWords
}

// other is the opposite kind.
func (k Kind) other() Kind {
	if k == Dev {
		return Prod
	}
	return Dev
}

// long is the kind as a sentence says it.
func (k Kind) long() string {
	if k == Dev {
		return "development"
	}
	return "production"
}

// isKind tells the two kinds from the names of stages.
func isKind(s string) bool { return s == string(Prod) || s == string(Dev) }

// tokens splits a name on "-", "_" and ".", in lower case.
func tokens(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
}

// environment is the kind that a name speaks of, empty for none: the first or the last of its tokens is a word of
// that kind, and none makes it a helper. The last token decides between two kinds.
func environment(name string) Kind {
	t := tokens(name)
	if len(t) == 0 || hasAny(t, helperWords) {
		return ""
	}
	for _, token := range []string{t[len(t)-1], t[0]} {
		for _, k := range []Kind{Prod, Dev} {
			if slices.Contains(k.words(), token) {
				return k
			}
		}
	}
	return ""
}

// role is what is left of a name without its environment: "frontend" of "frontend-dev", nothing of "local-dev",
// and all of a name that has none. Its tokens are joined by "-", so that x_api is x-api.
func role(name string) string {
	t := tokens(name)
	if k := environment(name); k != "" {
		for len(t) > 0 && slices.Contains(k.words(), t[len(t)-1]) {
			t = t[:len(t)-1]
		}
		for len(t) > 0 && slices.Contains(k.words(), t[0]) {
			t = t[1:]
		}
	}
	return strings.Join(t, "-")
}

// devLike is wider than environment: "dev-envs" is no dev stage, but nobody ships it.
func devLike(name string) bool {
	return environment(name) != Prod && hasAny(tokens(name), devWords)
}

func testLike(name string) bool { return hasAny(tokens(name), testWords) }

func builderLike(name string) bool { return hasAny(tokens(name), builderWords) }

func hasAny(tokens, words []string) bool {
	return slices.ContainsFunc(tokens, func(t string) bool { return slices.Contains(words, t) })
}

// fileTokens are what the name of a Compose file says beside that it is one; none for "docker-compose.yml".
func fileTokens(path string) []string {
	name := filepath.Base(path)
	t := tokens(strings.TrimSuffix(name, filepath.Ext(name)))
	return slices.DeleteFunc(t, func(s string) bool { return s == "docker" || s == "compose" })
}

// fileKind is the kind that a Compose file is named for, empty for none.
func fileKind(path string) Kind {
	t := fileTokens(path)
	if len(t) > 0 && (t[0] == "deploy" || t[len(t)-1] == "deploy") {
		return Prod
	}
	return environment(strings.Join(t, "-"))
}

// dockerfileKind is the kind that a Dockerfile or one of its folders, relative to the build context, is named for.
func dockerfileKind(rel string) Kind {
	parts := strings.Split(filepath.ToSlash(rel), "/")
	last := len(parts) - 1
	if k := environment(dockerfileSuffix(parts[last])); k != "" {
		return k
	}
	for _, dir := range slices.Backward(parts[:last]) {
		if k := environment(dir); k != "" && role(dir) == "" {
			return k
		}
	}
	return ""
}

// dockerfileSuffix is what the name of a Dockerfile says beside that it is one: "dev" of "Dockerfile.dev" and of
// "dev.Dockerfile".
func dockerfileSuffix(name string) string {
	t := slices.DeleteFunc(tokens(name), func(s string) bool { return s == "dockerfile" })
	return strings.Join(t, "-")
}
