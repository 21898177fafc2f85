// Package twin finds images in registries that are what a build would make: such an image gets the tags, and is not built again.
//
// An image is known by a tag that is made of all that it is made of. That is as sure as the build cache is: what a command fetches
// from elsewhere counts no more than it does there.
package twin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// Prefix begins the tags by which images are known. What the rest is made of may never change its meaning under one prefix.
const Prefix = "content-"

// Part is an image for one platform; Key is that of its graph, with all steps and the image's configuration.
type Part struct{ Platform, Key string }

// Tag is the tag of what a target makes, or empty where that can't be told: a part has no key, or is to be built anew. epoch is
// SOURCE_DATE_EPOCH, which the exporter dates files by.
func Tag(t targets.Target, parts []Part, epoch string) string {
	if len(parts) == 0 || t.Build.NoCache || len(t.Build.NoCacheFilter) > 0 {
		return ""
	}
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b Part) int { return strings.Compare(a.Platform, b.Platform) })
	for i, p := range parts {
		if p.Key == "" || i > 0 && p.Platform == parts[i-1].Platform {
			return ""
		}
	}
	if own, given := t.Build.Args["SOURCE_DATE_EPOCH"]; given {
		epoch = own
	}
	text, err := json.Marshal(struct {
		Parts                   []Part
		Provenance, SBOM, Epoch string
	}{parts, t.Build.Provenance, t.Build.SBOM, epoch})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return Prefix + hex.EncodeToString(sum[:])
}

// Names are the tags that an image is pushed with, by repository.
func Names(t targets.Target) (map[string][]string, error) {
	out := map[string][]string{}
	for _, name := range t.PushedTags() {
		named, err := reference.ParseNormalizedNamed(name)
		if err != nil {
			return nil, err
		}
		tagged, ok := reference.TagNameOnly(named).(reference.Tagged)
		if !ok {
			continue // a digest is no name to give
		}
		out[named.Name()] = append(out[named.Name()], tagged.Tag())
	}
	return out, nil
}

// Rest is what is left to build of a plan when some of its images are there; nil is nothing.
func Rest(plan *targets.Plan, there func(service string) bool) *targets.Plan {
	var names []string
	for _, t := range plan.Targets {
		if !t.Linked && !there(t.Service) {
			names = append(names, t.Service)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return plan.Only(names...)
}
