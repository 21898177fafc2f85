package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// folderNote is of a folder that a build of a project was to write to. Each is noted in a file of its own beside the ledger, so that builds
// need not wait for each other.
type folderNote struct {
	Kind    string    `json:"kind"`
	Dir     string    `json:"dir"`
	Service string    `json:"service"`
	Written time.Time `json:"writtenAt"`
}

// Kinds of places.
const (
	cachePlace  = "cache"
	layoutPlace = "layout"
)

// placesDir is where places are noted, in the folder of a project.
const placesDir = "places"

// usePlaces notes the folders that a build is about to write to, and holds those that it reads until release.
func usePlaces(w io.Writer, cache string, plan *targets.Plan, o buildx.Outputs) (release func()) {
	var held []func()
	note := func(kind, dir, service string) {
		if os.Getenv("CATMANDU_LEDGER") == "off" {
			return
		}
		if err := notePlace(projectDir(cache, plan), folderNote{kind, dir, service, time.Now().UTC()}); err != nil {
			fmt.Fprintf(w, "warning: du and prune will not know of %s: %v\n", dir, err)
		}
	}
	// Where this build removes what is old by itself, it has to be alone.
	reset := map[string]bool{}
	for _, t := range plan.Targets {
		folders, _ := buildx.CacheFolders(t) // what is wrong with them the build tells
		for _, f := range folders {
			reset[f.Dir] = reset[f.Dir] || f.Reset
		}
	}
	for _, t := range plan.Targets {
		folders, _ := buildx.CacheFolders(t)
		for _, f := range folders {
			if f.Written {
				note(cachePlace, f.Dir, t.Service)
			} else if !reset[f.Dir] {
				held = append(held, buildx.HoldCache(f.Dir))
			}
		}
	}
	for service, dirs := range o.LayoutFolders(plan) {
		for _, dir := range dirs {
			note(layoutPlace, dir, service)
		}
	}
	return func() {
		for _, f := range held {
			f()
		}
	}
}

func notePlace(project string, p folderNote) error {
	dir := filepath.Join(project, placesDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{p.Kind, p.Dir, p.Service}, "\n")))
	return writeFile("places", filepath.Join(dir, hex.EncodeToString(sum[:8])+".json"), p)
}

// readPlaces are those of a project. What can't be read is not known.
func readPlaces(project string) ([]folderNote, error) {
	dir := filepath.Join(project, placesDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []folderNote
	for _, e := range entries {
		var p folderNote
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || filepath.Ext(e.Name()) != ".json" || json.Unmarshal(text, &p) != nil || !filepath.IsAbs(p.Dir) {
			continue
		}
		out = append(out, p)
	}
	return out, nil
}

// othersPlaces are the names of the projects that noted a folder, besides the one whose folder in the cache own is.
func othersPlaces(cache, own string) (map[string][]string, error) {
	projects, err := os.ReadDir(filepath.Join(cache, "projects"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	out := map[string][]string{}
	for _, d := range projects {
		dir := filepath.Join(cache, "projects", d.Name())
		if dir == own {
			continue
		}
		places, err := readPlaces(dir)
		if err != nil {
			return nil, err
		}
		seen := map[string]bool{}
		for _, p := range places {
			if path := realPath(p.Dir); !seen[path] {
				seen[path] = true
				out[path] = append(out[path], projectName(d.Name()))
			}
		}
	}
	return out, nil
}

// projectName is the name in a projectKey.
func projectName(key string) string {
	if i := strings.LastIndexByte(key, '-'); i > 0 {
		return key[:i]
	}
	return key
}

// realPath is a path without links, as far as it is there.
func realPath(path string) string {
	if found, err := filepath.EvalSymlinks(path); err == nil {
		return found
	}
	return filepath.Clean(path)
}
