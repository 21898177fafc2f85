package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
)

// commit is a revision and what it stands for.
type commit struct {
	// Revision is as it was asked for; empty is the working tree.
	Revision string `json:"revision,omitempty"`
	ID       string `json:"commit,omitempty"`
	// MergeBase says that ID is not the revision itself, but where the other one parted from it.
	MergeBase bool `json:"mergeBase,omitempty"`
}

func (c commit) String() string {
	switch short := c.ID[:min(12, len(c.ID))]; {
	case c.MergeBase:
		return fmt.Sprintf("%s (merge base with %s)", short, c.Revision)
	case strings.HasPrefix(c.ID, c.Revision):
		return short
	default:
		return fmt.Sprintf("%s (%s)", c.Revision, short)
	}
}

// revisionRange is what is compared.
type revisionRange struct {
	dir        string
	base, head commit
}

// resolveRange finds out which commits are meant.
func resolveRange(ctx context.Context, from *planFlags, base, head string, exact bool) (revisionRange, error) {
	dir, err := from.project.repositoryDir()
	if err != nil {
		return revisionRange{}, err
	}
	r := revisionRange{dir: dir, base: commit{Revision: base}, head: commit{Revision: head}}
	if base == "" {
		if r.base.Revision, err = defaultBase(ctx, dir); err != nil {
			return r, err
		}
	}
	own, err := revision.MergeBase(ctx, dir, r.base.Revision, r.base.Revision)
	if err != nil {
		return r, err
	}
	if r.base.ID = own; exact {
		return r, nil
	}
	tip := cmp.Or(head, "HEAD")
	if r.base.ID, err = revision.MergeBase(ctx, dir, r.base.Revision, tip); err != nil {
		return r, fmt.Errorf("%w\nhint: --exact compares with %s itself", err, r.base.Revision)
	}
	r.base.MergeBase = r.base.ID != own
	return r, nil
}

// defaultBase is the branch that work goes to.
func defaultBase(ctx context.Context, dir string) (string, error) {
	candidates := []string{"origin/HEAD", "origin/main", "origin/master", "main", "master"}
	if branch := os.Getenv("GITHUB_BASE_REF"); branch != "" {
		candidates = []string{"origin/" + branch, branch}
	}
	base, err := revision.First(ctx, dir, candidates...)
	if err != nil {
		return "", fmt.Errorf("no default branch: %w\nhint: name a BASE", err)
	}
	return base, nil
}
