package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Scope is what one cache is of. No two builds that differ in one of these write to the same cache.
type Scope struct {
	Project string `json:"project"`
	// Service is the first of a group of equal definitions, as the whole project has it.
	Service string `json:"service"`
	// Target is prod, dev, "default" for what Docker Compose would build, or "stage-" and a name.
	Target string `json:"target"`
	// Platform is "linux/amd64", or several with commas.
	Platform string `json:"platform"`
	// Branch is empty where there are no branches to be told apart.
	Branch string `json:"branch,omitempty"`
}

// marker begins the names of scopes, so that they can be told from tags of images in the same repository.
const marker = "cache"

// partLengths are the most letters that a part of a name has. With the marker and the dots they are the 128 that
// registries take for a tag.
var partLengths = []int{18, 28, 16, 24, 32}

// Name is the scope as registries, folders and CI caches can have it: "cache.shop.web.prod.linux-amd64.main".
func (s Scope) Name() string {
	parts := []string{marker}
	for i, p := range s.parts() {
		parts = append(parts, slug(p, partLengths[i]))
	}
	return strings.Join(parts, ".")
}

// Prefix is what the names of the scope begin with on all branches.
func (s Scope) Prefix() string {
	s.Branch = ""
	return s.Name() + "."
}

// Ref is the scope in a repository of a registry.
func (s Scope) Ref(repository string) string { return repository + ":" + s.Name() }

func (s Scope) parts() []string {
	parts := []string{s.Project, s.Service, s.Target, strings.NewReplacer("/", "-", ",", "_").Replace(s.Platform)}
	if s.Branch != "" {
		parts = append(parts, s.Branch)
	}
	return parts
}

// ParseName reads a name of a scope. Its parts are as they are in the name: compare them with Slugs of a scope. ok is false
// for any other name, such as the tag of an image.
func ParseName(name string) (s Scope, ok bool) {
	parts := strings.Split(name, ".")
	if len(parts) < len(partLengths) || len(parts) > len(partLengths)+1 || parts[0] != marker {
		return Scope{}, false
	}
	for i, p := range parts[1:] {
		if p == "" || len(p) > partLengths[i] || strings.Trim(p, letters) != "" {
			return Scope{}, false
		}
	}
	s = Scope{Project: parts[1], Service: parts[2], Target: parts[3], Platform: parts[4]}
	if len(parts) > len(partLengths) {
		s.Branch = parts[5]
	}
	return s, true
}

// Slugs is the scope with its parts as they are in its name. The name of a scope reads as its slugs.
func (s Scope) Slugs() Scope {
	out, _ := ParseName(s.Name())
	return out
}

// BranchSlug is a branch as it is in names.
func BranchSlug(branch string) string { return slug(branch, partLengths[len(partLengths)-1]) }

// letters are those that parts of names have; a dot is between them.
const letters = "abcdefghijklmnopqrstuvwxyz0123456789_-"

// slug is a text in letters, no longer than most. Texts that had to be changed end in a sum, so that no two have one slug.
func slug(text string, most int) string {
	out := []byte(strings.ToLower(text))
	for i, c := range out {
		if !slices.Contains([]byte(letters), c) {
			out[i] = '-'
		}
	}
	if string(out) == text && len(out) <= most && text != "" && !endsInSum(text) {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	kept := strings.Trim(string(out[:min(len(out), most-sumLength-1)]), "-")
	return strings.TrimPrefix(kept+"-"+hex.EncodeToString(sum[:])[:sumLength], "-")
}

const sumLength = 8

// endsInSum tells of a text that looks as if it had been changed, and could be taken for another one that was.
func endsInSum(text string) bool {
	_, err := hex.DecodeString(text[max(0, len(text)-sumLength):])
	return err == nil && len(text) >= sumLength && (len(text) == sumLength || text[len(text)-sumLength-1] == '-')
}
