package mounts

import (
	"io/fs"
	"path"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/steps"
)

// lockFiles are the names of files that say exactly which packages a package manager gets.
var lockFiles = []string{
	"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb", "deno.lock", // JavaScript
	"go.sum", "Cargo.lock", "composer.lock", "Gemfile.lock", "mix.lock", "rebar.lock", "pubspec.lock", "Package.resolved", "Podfile.lock",
	"poetry.lock", "Pipfile.lock", "uv.lock", "pdm.lock", "pylock.toml", "conda-lock.yml", "pixi.lock", // Python
	"gradle.lockfile", "verification-metadata.xml", "packages.lock.json", "paket.lock", // JVM, .NET
	"conan.lock", "vcpkg.json", "flake.lock", "cabal.project.freeze", "stack.yaml.lock", "Manifest.toml", "renv.lock", "cpanfile.snapshot",
}

// lockPatterns are names that go for lock files where nothing better is written.
var lockPatterns = []string{"requirements*.txt", "constraints*.txt", "pylock.*.toml"}

// isLockFile tells that of a file.
func isLockFile(f steps.File) bool {
	if !fs.FileMode(f.Mode).IsRegular() {
		return false
	}
	name := path.Base(f.Path)
	return slices.Contains(lockFiles, name) || slices.ContainsFunc(lockPatterns, func(p string) bool {
		is, _ := path.Match(p, name)
		return is
	})
}

// learn notes the lock files among the local files that a step takes, or one that it is built on: what a RUN can have read of them.
func (m *Mount) learn(all map[string]*steps.Step, step string) {
	seen := map[string]bool{}
	for todo := []string{step}; len(todo) > 0; todo = todo[1:] {
		s := all[todo[0]]
		if s == nil || seen[todo[0]] {
			continue
		}
		seen[todo[0]] = true
		todo = append(todo, s.Inputs...)
		for _, f := range s.Taking(isLockFile) {
			add(&m.Locks, f.Path)
			m.contents[f.Content] = true
		}
	}
}
