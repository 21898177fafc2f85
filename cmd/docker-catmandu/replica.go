package main

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
)

// replica is what loading a project reads, as a revision has it: below a temporary folder, by the paths that it has on
// disk. So a path that leads out of the repository leads to the same place as there.
type replica struct {
	tree    *revision.Tree
	scratch *scratch
	under   string
	// also are files that the names of files don't tell of: absolute paths on disk.
	also []string
	// tried are the paths that were looked for after they were missed.
	tried map[string]bool
}

// newReplica writes one. Files that the user named are given as on disk.
func newReplica(ctx context.Context, tree *revision.Tree, from *projectFlags, also []string) (*replica, error) {
	s, err := newScratch(scratchNotes(), "catmandu-revision-")
	if err != nil {
		return nil, err
	}
	r := &replica{tree: tree, scratch: s, under: s.dir, also: also, tried: map[string]bool{}}
	named, err := from.named()
	if err == nil {
		r.also = append(r.also, named...)
		err = r.write(ctx, named)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *replica) close() { r.scratch.close() }

// path is where a path on disk is in the replica.
func (r *replica) path(name string) string {
	if _, ok := r.tree.Rel(name); !ok {
		return name
	}
	return r.inside(name)
}

func (r *replica) inside(name string) string {
	return filepath.Join(r.under, strings.TrimPrefix(name, filepath.VolumeName(name)))
}

func (r *replica) write(ctx context.Context, named []string) error {
	top := r.inside(r.tree.Root())
	if err := os.MkdirAll(top, 0o700); err != nil {
		return err
	}
	if err := r.tree.Skeleton(ctx, top, r.also...); err != nil {
		return err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return err
	}
	for _, name := range append([]string{cwd}, named...) {
		if err := r.link(name); err != nil {
			return err
		}
	}
	return r.addIgnored(ctx)
}

// link lets a path that reaches the repository through a link reach the replica.
func (r *replica) link(name string) error {
	if rel, err := filepath.Rel(r.tree.Root(), name); err == nil && filepath.IsLocal(rel) {
		return nil
	}
	outermost := ""
	for dir := name; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, ok := r.tree.Rel(dir); ok {
			outermost = dir
		}
	}
	if outermost == "" {
		return nil
	}
	rel, _ := r.tree.Rel(outermost)
	return r.symlink(filepath.Join(r.inside(r.tree.Root()), filepath.FromSlash(rel)), outermost)
}

// symlink makes a link in the replica, never through one that the revision has.
func (r *replica) symlink(to, name string) error {
	root, err := os.OpenRoot(r.under)
	if err != nil {
		return err
	}
	defer root.Close()
	rel, err := filepath.Rel(r.under, r.inside(name))
	if err != nil {
		return err
	}
	if err := root.MkdirAll(filepath.Dir(rel), 0o700); err != nil {
		return err
	}
	if err := root.Symlink(to, rel); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// fill puts all files of the revision in the place of what a load reads: plans that were made are then of whole build contexts.
func (r *replica) fill(ctx context.Context, rev string) error {
	top := r.inside(r.tree.Root())
	if err := os.Rename(top, filepath.Join(r.under, "loaded")); err != nil {
		return err
	}
	_, err := revision.Checkout(ctx, r.tree.Root(), rev, top)
	return err
}

// overrides are the names of files that users have for themselves, beside a Compose file.
var overrides = []string{
	".env", "compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml",
}

// addIgnored adds what git ignores and a load reads all the same: no revision has it, so it is the same in all.
func (r *replica) addIgnored(ctx context.Context) error {
	files, err := r.tree.FS(r.tree.Root())
	if err != nil {
		return err
	}
	dirs := map[string]bool{}
	err = files.Walk(ctx, "", func(name string, _ fs.DirEntry, err error) error {
		if ext := path.Ext(name); ext == ".yml" || ext == ".yaml" {
			dirs[filepath.Dir(name)] = true
		}
		return err
	})
	if err != nil {
		return err
	}
	names := slices.Clone(r.also)
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		for _, name := range overrides {
			names = append(names, filepath.Join(r.tree.Root(), dir, name))
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !r.onlyOnDisk(name) })
	for _, name := range names { // a folder may be ignored as a whole
		for dir := filepath.Dir(name); r.onlyOnDisk(dir); dir = filepath.Dir(dir) {
			names = append(names, dir)
		}
	}
	ignored, err := revision.Ignored(ctx, r.tree.Root(), names)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(ignored)) { // folders before what is in them
		if !ignored[filepath.Dir(name)] {
			err = errors.Join(err, r.symlink(name, name))
		}
	}
	return err
}

func (r *replica) onlyOnDisk(name string) bool {
	if _, err := os.Stat(name); err != nil {
		return false
	}
	_, err := r.tree.Lstat(name)
	return errors.Is(err, fs.ErrNotExist)
}
