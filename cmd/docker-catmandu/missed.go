package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
)

// supply adds the files whose paths a text names, and tells whether there were any: the text tells of what was missed.
func (r *replica) supply(ctx context.Context, text string) (bool, error) {
	found := false
	for rest := text; ; {
		i := strings.Index(rest, r.under)
		if i < 0 {
			return found, nil
		}
		rest = rest[i+len(r.under):]
		name, _, _ := strings.Cut(rest, "\n")
		for name != "" {
			ok, err := r.supplyFile(ctx, name)
			if err != nil {
				return found, err
			}
			if ok {
				found = true
				break
			}
			name = name[:max(strings.LastIndexAny(name, " :,;\"'`)"), 0)] // a path may have any of them in it
		}
	}
}

// supplyFile adds a file of the revision, or one that no revision has.
func (r *replica) supplyFile(ctx context.Context, name string) (bool, error) {
	name = filepath.Clean(name)
	if _, err := os.Stat(r.inside(name)); err == nil || r.tried[name] {
		return false, nil
	}
	r.tried[name] = true
	if _, err := r.tree.Lstat(name); err == nil {
		r.also = append(r.also, name)
		return true, r.tree.Skeleton(ctx, r.inside(r.tree.Root()), r.also...)
	}
	if _, err := os.Stat(name); err != nil {
		return false, nil
	}
	if _, inside := r.tree.Rel(name); inside {
		if ignored, err := revision.Ignored(ctx, r.tree.Root(), []string{name}); !ignored[name] {
			return false, err
		}
	}
	return true, r.symlink(name, name)
}

// onDisk is an error with the paths that the files have on disk.
func (r *replica) onDisk(err error) error {
	return &movedError{err, strings.ReplaceAll(err.Error(), r.under, "")}
}

// movedError is an error that tells of other paths.
type movedError struct {
	error
	text string
}

func (e *movedError) Error() string { return e.text }
func (e *movedError) Unwrap() error { return e.error }
