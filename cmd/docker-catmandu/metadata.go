package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// metadataKey is ours among the keys of BuildKit and buildx, which all begin with a name of theirs.
const metadataKey = "catmandu.target"

// writeMetadata writes what docker buildx bake writes to its metadata file, service by service, and below a key of
// its own what we know of each: its stage, steps and seconds.
func writeMetadata(path string, r *buildx.Result) error {
	all := map[string]any{}
	for _, t := range r.Targets {
		one := maps.Clone(t.Metadata)
		if one == nil {
			one = map[string]any{}
		}
		one[metadataKey] = t
		all[t.Service] = one
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("--metadata-file: %w", err)
	}
	return os.Rename(tmp, path)
}
