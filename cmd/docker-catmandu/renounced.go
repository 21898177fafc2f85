package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/docker-catmandu/docker-catmandu/pkg/usage"
)

// renouncedFile notes what a project did without when it pruned, though others had it too.
const renouncedFile = "renounced.json"

// readListed reads a list that was written down. What is lost with one that can't be read only stays longer.
func readListed[T any](path string) ([]T, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []T
	if json.Unmarshal(text, &out) != nil {
		return nil, nil
	}
	return out, nil
}

// renounce notes that the project does without what was selected and others have too, so that who prunes last can remove it.
func (h *holdings) renounce(s usage.Selection) error {
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	path := filepath.Join(projectDir(cache, h.plan), renouncedFile)
	before, err := readListed[usage.Renounced](path)
	if err != nil {
		return err
	}
	notes := h.Renounce(s, before)
	if len(notes)+len(before) == 0 {
		return nil
	}
	return writeFile("notes", path, notes)
}
