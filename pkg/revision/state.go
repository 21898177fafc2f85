package revision

import (
	"context"
	"path/filepath"
	"strings"
)

// State is where a working tree is.
type State struct {
	// Commit is that of HEAD; empty before the first one.
	Commit string
	// Branch is empty where HEAD is detached.
	Branch string
	// Dirty tells that tracked files differ from the commit, or that there are others that git does not ignore.
	Dirty bool
}

// StateOf asks for the state of the working tree that a folder lies in. What lies below except, paths from that folder, doesn't
// count.
func StateOf(ctx context.Context, dir string, except ...string) (State, error) {
	r, err := find(ctx, dir)
	if err != nil {
		return State{}, err
	}
	args := []string{"status", "--porcelain=v2", "--branch", "--untracked-files=all", "--", ":(top)"}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return State{}, err
	}
	for _, path := range except {
		args = append(args, ":(exclude,literal)"+filepath.ToSlash(filepath.Join(dir, path)))
	}
	out, err := r.run(nil, args...)
	if err != nil {
		return State{}, err
	}
	var s State
	for text := range strings.Lines(string(out)) {
		text = strings.TrimRight(text, "\r\n")
		switch {
		case strings.HasPrefix(text, "# branch.oid "):
			if s.Commit = strings.TrimPrefix(text, "# branch.oid "); s.Commit == "(initial)" {
				s.Commit = ""
			}
		case strings.HasPrefix(text, "# branch.head "):
			if s.Branch = strings.TrimPrefix(text, "# branch.head "); s.Branch == "(detached)" {
				s.Branch = ""
			}
		case text != "" && !strings.HasPrefix(text, "# "):
			s.Dirty = true
		}
	}
	return s, nil
}
