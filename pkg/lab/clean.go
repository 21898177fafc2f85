package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/docker-catmandu/docker-catmandu/pkg/buildx"
)

// giveUp is how long a lab stays noted that can't be removed, as when its builder is not there any more.
const giveUp = 7 * 24 * time.Hour

// Clean removes what is left of labs whose processes ended without Close, and returns it in words. Of o it needs Dir, CLI,
// ConfigDir and Daemon.
func Clean(ctx context.Context, o Options) ([]string, error) {
	return cleanSome(ctx, o, func(string) bool { return true })
}

// cleanSome is Clean for the labs whose ID is among some.
func cleanSome(ctx context.Context, o Options, some func(id string) bool) ([]string, error) {
	entries, err := os.ReadDir(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var removed []string
	var errs []error
	// The last one first: its builds would pass for those of somebody who may use what is left of one before.
	for _, e := range slices.Backward(entries) {
		if !e.IsDir() || !some(e.Name()) {
			continue
		}
		f, err := takeFolder(filepath.Join(o.Dir, e.Name()))
		if errors.Is(err, errTaken) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		what, err := clean(ctx, o, f)
		if err != nil && time.Since(f.note.Started) < giveUp {
			errs = append(errs, fmt.Errorf("left over from a benchmark of %s: %w", f.note.Started.Format(time.DateTime), err), f.leave())
			continue
		}
		errs = append(errs, f.remove())
		if what != "" && err == nil {
			removed = append(removed, what)
		}
	}
	return removed, errors.Join(errs...)
}

// clean removes what a note names, but for the note.
func clean(ctx context.Context, o Options, f *folder) (string, error) {
	n := f.note
	switch {
	case n.Daemon != nil:
		return fmt.Sprintf("a private BuildKit with its cache below %s (project %s)", filepath.Dir(n.Daemon.Root), n.Project), removeDaemon(ctx, *n.Daemon)
	case n.Containers != nil:
		return fmt.Sprintf("builder %s in a container (project %s)", n.Containers.Name, n.Project), buildx.RemoveContainers(ctx, o.CLI, *n.Containers)
	case n.Namespace != nil:
		return cleanNamespace(ctx, o, f)
	}
	return "", nil // it ended before it made anything
}

// cleanNamespace removes the records of builds that the builder's history tells to be the lab's.
func cleanNamespace(ctx context.Context, o Options, f *folder) (string, error) {
	m := f.note.Namespace
	o.Builder, o.ProjectDir, o.Kind = m.Builder, m.ProjectDir, Namespace
	user, err := users(ctx, o)
	if err != nil {
		return "", err
	}
	live, err := user.Live(ctx)
	if err != nil {
		return "", err
	}
	n := newNamespaceLab(live, f, io.Discard)
	before, err := live.CacheRecords(ctx)
	if err != nil {
		return "", err
	}
	if err := n.remove(ctx); err != nil {
		return "", err
	}
	after, err := live.CacheRecords(ctx)
	if err != nil {
		return "", err
	}
	left, err := n.records(ctx)
	if err != nil {
		return "", err
	}
	gone := idsOf(before)
	for _, r := range after {
		delete(gone, r.ID)
	}
	if len(gone)+len(left) == 0 {
		return "", nil // it ended before it made anything
	}
	text := fmt.Sprintf("%d cache records in builder %q (project %s)", len(gone), user.Name, f.note.Project)
	if len(left) > 0 {
		text += fmt.Sprintf("; %d (%s) are left: builds of others since then may use them", len(left), size(left))
	}
	return text, nil
}
