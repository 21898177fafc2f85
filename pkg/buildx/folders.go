package buildx

import (
	"path/filepath"
	"slices"

	"github.com/docker/buildx/util/buildflags"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// CacheFolder is a folder of this machine that a target exports its cache to, or imports one from.
type CacheFolder struct {
	Dir string
	// Written tells that the target exports to it, and Reset that the export removes what it doesn't have.
	Written, Reset bool
	// Digest is that of the manifest which an import names in place of a tag.
	Digest string
}

// CacheFolders are those of a target.
func CacheFolders(t targets.Target) ([]CacheFolder, error) {
	var out []CacheFolder
	to, err := buildflags.ParseCacheEntry(t.CacheTo)
	if err != nil {
		return nil, err
	}
	for _, e := range to {
		if dir := e.Attrs["dest"]; e.Type == "local" && dir != "" {
			out = append(out, CacheFolder{Dir: dir, Written: true, Reset: e.Attrs["reset"] == "true"})
		}
	}
	from, err := buildflags.ParseCacheEntry(t.CacheFrom)
	if err != nil {
		return nil, err
	}
	for _, e := range from {
		if dir := e.Attrs["src"]; e.Type == "local" && dir != "" {
			out = append(out, CacheFolder{Dir: dir, Digest: e.Attrs["digest"]})
		}
	}
	return out, nil
}

// LayoutFolders are the OCI layouts that a build with these outputs writes images to, by service, without the default ones.
func (o Outputs) LayoutFolders(p *targets.Plan) map[string][]string {
	out := map[string][]string{}
	built := slices.DeleteFunc(slices.Clone(p.Targets), func(t targets.Target) bool { return t.Linked })
	for _, spec := range o.Specs {
		entries, err := buildflags.ParseExports([]string{spec})
		if err != nil || len(entries) == 0 || entries[0].Type != "oci" || entries[0].Attrs["tar"] != "false" {
			continue
		}
		dest := entries[0].Destination
		dir, err := filepath.Abs(dest)
		if err != nil || dest == "" || dest == "-" {
			continue
		}
		for _, t := range built {
			if len(built) > 1 {
				out[t.Service] = append(out[t.Service], filepath.Join(dir, t.Service))
			} else {
				out[t.Service] = append(out[t.Service], dir)
			}
		}
	}
	return out
}

// Parts are the folders beside the place of an image in which a build was writing it that came to no end.
func Parts(path string) []string {
	var out []string
	for _, dir := range partsOf(path) {
		if p, ok := abandoned(dir); ok {
			_ = p.lock.Close()
			out = append(out, dir)
		}
	}
	return out
}

// RemoveParts removes them.
func RemoveParts(path string) { sweepParts(path) }
