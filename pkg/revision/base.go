package revision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// First is the first of some revisions that the repository of a folder has.
func First(ctx context.Context, dir string, revs ...string) (string, error) {
	r, err := find(ctx, dir)
	if err != nil {
		return "", err
	}
	for _, rev := range revs {
		if _, err = r.resolve(rev); err == nil {
			return rev, nil
		}
		if r.ctx.Err() != nil {
			return "", r.ctx.Err()
		}
	}
	return "", fmt.Errorf("none of %s is a revision here%s", strings.Join(revs, ", "), r.shallowHint())
}

// Ignored tells which of some files and folders git ignores. They are absolute paths, below the top of the working tree and
// through no links. What is tracked is not ignored.
func Ignored(ctx context.Context, dir string, names []string) (map[string]bool, error) {
	out := map[string]bool{}
	if len(names) == 0 {
		return out, nil
	}
	r, err := find(ctx, dir)
	if err != nil {
		return nil, err
	}
	byName := map[string]string{}
	var question bytes.Buffer
	for _, name := range names {
		rel, ok := below(r.top, name)
		if !ok || rel == "." {
			continue
		}
		byName[rel] = name
		question.WriteString(rel + "\x00")
	}
	answer, err := r.run(question.Bytes(), "check-ignore", "-z", "--stdin")
	switch exitStatus(err) {
	case 1: // none
		return out, nil
	case 128: // one of them lies in a submodule, and git answers for none
		if len(names) > 1 {
			return eachIgnored(ctx, dir, names)
		}
		return out, nil
	}
	for _, rel := range split(answer) {
		out[byName[filepath.ToSlash(rel)]] = true
	}
	return out, err
}

func eachIgnored(ctx context.Context, dir string, names []string) (map[string]bool, error) {
	out := map[string]bool{}
	var errs []error
	for _, name := range names {
		one, err := Ignored(ctx, dir, []string{name})
		errs = append(errs, err)
		out[name] = one[name]
	}
	return out, errors.Join(errs...)
}
