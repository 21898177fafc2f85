package revision

import (
	"context"
	"strings"
)

// DefaultBranch is the branch that the work in a repository goes to, as far as a clone knows it: that of the remote "origin", or
// else main or master. It is empty where neither is there.
func DefaultBranch(ctx context.Context, dir string) (string, error) {
	r, err := find(ctx, dir)
	if err != nil {
		return "", err
	}
	const origin = "refs/remotes/origin/"
	out, err := r.run(nil, "symbolic-ref", "--quiet", origin+"HEAD")
	if err == nil {
		return strings.TrimPrefix(line(out), origin), nil
	}
	if exitStatus(err) != 1 {
		return "", err
	}
	for _, name := range []string{"main", "master"} {
		for _, ref := range []string{origin + name, "refs/heads/" + name} {
			if _, err := r.run(nil, "rev-parse", "--quiet", "--verify", ref); err == nil {
				return name, nil
			}
		}
	}
	return "", nil
}
