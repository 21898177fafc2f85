package main

import (
	"encoding/json"
	"errors"
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
	return writeFile("--metadata-file", path, all)
}

// writeFile writes JSON for a flag, so that the file is there as a whole or not at all.
func writeFile(flag, path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return os.Rename(tmp, path)
}

// removeOld removes a file that a flag names: one of an earlier build must not be taken for this one's.
func removeOld(flag, path string) error {
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}
