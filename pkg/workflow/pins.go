package workflow

import (
	"cmp"
	"regexp"
	"strings"
)

var (
	described    = regexp.MustCompile(`-\d+-g([0-9a-f]{7,40})$`)                                 // git describe, of a commit after a tag
	pseudo       = regexp.MustCompile(`^v\d+\.\d+\.\d+-(?:.*\.)?(?:0\.)?\d{14}-([0-9a-f]{12})$`) // Go, of a commit without a tag
	commit       = regexp.MustCompile(`^[0-9a-f]{7,40}$`)
	release      = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)
	number       = regexp.MustCompile(`^\d+\.\d+(\.\d+)?$`)
	revisionName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._/-]*$`)
)

// IsRevision tells whether text can name a tag or a commit.
func IsRevision(text string) bool {
	return revisionName.MatchString(text) && !strings.Contains(text, "..")
}

// RevisionOf is the tag or commit that a version of the plugin stands for; empty where it stands for none. Modified tells that it was
// built with changes that no commit has.
func RevisionOf(version string) (revision string, modified bool) {
	version, modified = strings.CutSuffix(version, "-dirty")
	for _, of := range []*regexp.Regexp{described, pseudo} {
		if m := of.FindStringSubmatch(version); m != nil {
			return m[1], modified
		}
	}
	if commit.MatchString(version) || release.MatchString(version) {
		return version, modified
	}
	return "", modified
}

// Release is the version of a module if it is a release, without what Go appends to some.
func Release(version string) string {
	version = strings.TrimSuffix(version, "+incompatible")
	if release.MatchString(version) && !pseudo.MatchString(version) {
		return version
	}
	return ""
}

// GoRelease is the version of a Go compiler, as it says itself, as that of an image.
func GoRelease(version string) string {
	if version = strings.TrimPrefix(version, "go"); number.MatchString(version) {
		return version
	}
	return ""
}

// What is taken where a version is not known: BuildKit's release that buildx takes, and newest minor versions.
const defaultBuildKit, defaultDocker, defaultGo = "buildx-stable-1", "29", "1.26"

// builder creates one that can export caches. The engine's own can't, unless it has the containerd image store.
func (p Pins) builder() string {
	return "docker buildx create --use --driver docker-container --driver-opt image=moby/buildkit:" + cmp.Or(p.BuildKit, defaultBuildKit)
}
