package edit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher/ignorefile"
)

const ignoreFile = ".dockerignore"

// ignoredBy are the patterns that BuildKit's frontend would have: of the ignore file beside the Dockerfile, also an empty one,
// else of the one in the context.
func ignoredBy(from, dockerfile string) ([]string, error) {
	if dockerfile != "" {
		if !filepath.IsAbs(dockerfile) {
			dockerfile = filepath.Join(from, dockerfile)
		}
		list, known, err := readIgnore(filepath.Dir(dockerfile), filepath.Base(dockerfile)+ignoreFile)
		if known || err != nil {
			return list, err
		}
	}
	list, _, err := readIgnore(from, ignoreFile)
	return list, err
}

// readIgnore reads an ignore file through links as BuildKit does: none leads out of the folder.
func readIgnore(dir, name string) (list []string, known bool, err error) {
	rel, err := follow(dir, name, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	file := filepath.Join(dir, filepath.FromSlash(rel))
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, false, err
	}
	list, err = ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", file, err)
	}
	return list, true, nil
}

// buildFiles are what a build reads of the context itself, whatever is ignored: paths from it, with slashes.
func buildFiles(from, dockerfile string) []string {
	out := []string{ignoreFile}
	if dockerfile == "" {
		return out
	}
	name := filepath.ToSlash(dockerfile)
	if filepath.IsAbs(dockerfile) {
		rel, err := filepath.Rel(from, dockerfile)
		if dir, bad := filepath.EvalSymlinks(filepath.Dir(dockerfile)); bad == nil && (err != nil || !filepath.IsLocal(rel)) {
			rel, err = filepath.Rel(from, filepath.Join(dir, filepath.Base(dockerfile)))
		}
		if err != nil {
			return out
		}
		name = filepath.ToSlash(rel)
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return out
	}
	out = append(out, name, name+ignoreFile)
	if dir, base := path.Split(name); base == "Dockerfile" {
		out = append(out, dir+strings.ToLower(base)) // taken where the other is not there
	}
	return out
}
