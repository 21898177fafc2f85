package compose

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// siblings reads the other Compose files in the project's folders, each alone and on top of the files without
// the override.
func (f *found) siblings(ctx context.Context) []Sibling {
	base := f.files
	if f.override != "" {
		base = without(f.files, f.override)
	}
	var out []Sibling
	for _, file := range beside(f.files) {
		sib := Sibling{File: file}
		if m, err := f.load(ctx, []string{file}); err == nil {
			sib.Alone = m.usable()
		}
		if m, err := f.load(ctx, append(slices.Clone(base), file)); err == nil {
			sib.Merged = m.usable()
		}
		out = append(out, sib)
	}
	return out
}

// isComposeFile matches compose.prod.yaml, docker-compose-local.yml and their like.
var isComposeFile = regexp.MustCompile(`(?i)^(docker-)?compose([._-].*)?\.ya?ml$`)

// beside returns the Compose files in the folders of files that are not among them, by name.
func beside(files []string) []string {
	var out []string
	for _, file := range files {
		entries, err := os.ReadDir(filepath.Dir(file))
		if file == "-" || err != nil {
			continue
		}
		for _, e := range entries {
			path := filepath.Join(filepath.Dir(file), e.Name())
			if !e.IsDir() && isComposeFile.MatchString(e.Name()) && !slices.Contains(files, path) && !slices.Contains(out, path) {
				out = append(out, path)
			}
		}
	}
	return out
}
