package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
	"github.com/docker-catmandu/docker-catmandu/pkg/refs"
	"github.com/docker-catmandu/docker-catmandu/pkg/revision"
	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

// refsFile notes, beside the ledger, which refs of registries builds exported caches to.
const refsFile = "refs.json"

// keptNotes is how many are kept, the newest.
const keptNotes = 1000

// noteWait is how long another process may hold the notes.
const noteWait = 5 * time.Second

func readNotes(dir string) ([]refs.Note, error) {
	text, err := os.ReadFile(filepath.Join(dir, refsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []refs.Note
	if json.Unmarshal(text, &out) != nil {
		return nil, nil // what is lost with it only stays longer
	}
	return out, nil
}

// changeNotes replaces the notes of a project by what change makes of them.
func changeNotes(dir string, change func([]refs.Note) []refs.Note) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), noteWait)
	defer cancel()
	lock := flock.New(filepath.Join(dir, refsFile+lockEnd), flock.SetPermissions(0o600))
	defer lock.Close()
	if _, err := lock.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		return fmt.Errorf("%s: %w", lock.Path(), err)
	}
	notes, err := readNotes(dir)
	if err != nil {
		return err
	}
	notes = change(notes)
	slices.SortStableFunc(notes, func(a, b refs.Note) int { return b.Exported.Compare(a.Exported) })
	return writeFile("cache refs", filepath.Join(dir, refsFile), notes[:min(len(notes), keptNotes)])
}

// noteExports notes the refs that a build exported caches to, and the branch that was checked out.
func noteExports(ctx context.Context, cache string, plan *targets.Plan, r *buildx.Result) error {
	var fresh []refs.Note
	for _, built := range r.Targets {
		if built.Error != "" {
			continue
		}
		for _, t := range plan.Targets {
			if t.Service != built.Service {
				continue
			}
			for _, ref := range targets.RegistryRefs(t.CacheTo) {
				if repository, tag, _, err := refs.Split(ref); err == nil && tag != "" {
					fresh = append(fresh, refs.Note{Ref: repository + ":" + tag, Service: t.Service, Exported: time.Now().UTC()})
				}
			}
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	branch := branchOf(ctx, plan.Dir)
	for i := range fresh {
		fresh[i].Branch = branch
	}
	return changeNotes(projectDir(cache, plan), func(notes []refs.Note) []refs.Note {
		return slices.Concat(fresh, slices.DeleteFunc(notes, func(n refs.Note) bool {
			return slices.ContainsFunc(fresh, func(f refs.Note) bool { return f.Ref == n.Ref && f.Branch == n.Branch })
		}))
	})
}

// branchVariables are those in which CIs name what they build; their clones have no branch checked out.
var branchVariables = []string{
	"GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH", "CHANGE_BRANCH", "BRANCH_NAME",
}

// branchOf is the branch of a project; empty where there is none, or none is known.
func branchOf(ctx context.Context, dir string) string {
	if branch, err := revision.Branch(ctx, dir); err == nil && branch != "" {
		return branch
	}
	for _, name := range branchVariables {
		if branch := os.Getenv(name); branch != "" {
			return branch
		}
	}
	return ""
}
