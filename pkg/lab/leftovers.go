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

// Leftover is what is left of a lab whose process ended without Close.
type Leftover struct {
	// ID is that of the session.
	ID      string    `json:"id"`
	Project string    `json:"project"`
	Kind    Kind      `json:"kind"`
	Started time.Time `json:"startedAt"`
	What    string    `json:"what"`
	// Size is in bytes; 0 where that can't be known.
	Size int64 `json:"size"`
	// Unknown says why it could not be looked at.
	Unknown string `json:"notKnown,omitempty"`
}

// Leftovers lists what Clean would remove, and removes nothing. Of o it needs what Clean needs.
func Leftovers(ctx context.Context, o Options) ([]Leftover, error) {
	entries, err := os.ReadDir(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Leftover
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		f, err := takeFolder(filepath.Join(o.Dir, e.Name()))
		if errors.Is(err, errTaken) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found, err := left(ctx, o, f)
		f.release()
		if err != nil {
			return nil, err
		}
		if found != nil {
			out = append(out, *found)
		}
	}
	return out, nil
}

// CleanOnly is Clean for the leftovers with these IDs. Nothing else is looked at.
func CleanOnly(ctx context.Context, o Options, ids []string) ([]string, error) {
	return cleanSome(ctx, o, func(id string) bool { return slices.Contains(ids, id) })
}

// left says what a note names that is still there; nil is nothing.
func left(ctx context.Context, o Options, f *folder) (*Leftover, error) {
	n := f.note
	out := &Leftover{ID: n.ID, Project: n.Project, Kind: n.Kind, Started: n.Started}
	switch {
	case n.Daemon != nil:
		out.What = "a private BuildKit with its cache below " + filepath.Dir(n.Daemon.Root)
		out.Size = SizeBelow(filepath.Dir(n.Daemon.Root))
		return out, nil
	case n.Containers != nil:
		out.What = fmt.Sprintf("builder %s in a container", n.Containers.Name)
		return out, nil
	case n.Namespace != nil:
		return leftIn(ctx, o, f, out)
	}
	return nil, nil // it ended before it made anything
}

// leftIn looks for records of a lab in the user's builder.
func leftIn(ctx context.Context, o Options, f *folder, out *Leftover) (*Leftover, error) {
	m := f.note.Namespace
	o.Builder, o.ProjectDir, o.Kind = m.Builder, m.ProjectDir, Namespace
	out.What = "cache records in a builder"
	user, err := users(ctx, o)
	var live *buildx.Live
	if err == nil {
		out.What = fmt.Sprintf("cache records in builder %q", user.Name)
		live, err = user.Live(ctx)
	}
	var records []buildx.CacheRecord
	if err == nil {
		records, err = newNamespaceLab(live, f, io.Discard).records(ctx)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		out.Unknown = err.Error()
		return out, nil
	}
	if len(records) == 0 {
		return nil, nil
	}
	out.What = fmt.Sprintf("%d cache records in builder %q", len(records), user.Name)
	for _, r := range records {
		out.Size += r.Size
	}
	return out, nil
}

// SizeBelow is the size of all files below a folder. What goes meanwhile does not count, nor what may not be looked at: without
// root, some files of a daemon are another user's.
func SizeBelow(dir string) int64 {
	var size int64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}
