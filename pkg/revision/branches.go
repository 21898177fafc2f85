package revision

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Branch is that of the working tree which a folder lies in; empty where HEAD is detached.
func Branch(ctx context.Context, dir string) (string, error) {
	r, err := find(ctx, dir)
	if err != nil {
		return "", err
	}
	out, err := r.run(nil, "symbolic-ref", "--quiet", "--short", "HEAD")
	if exitStatus(err) == 1 {
		return "", nil
	}
	return line(out), err
}

// Branches are the full names of all branches and tags of the repository that a folder lies in, and of all of its remotes, with
// what hosts of repositories know pull requests by (refs/pull/1/merge). Remotes are asked: what a clone remembers of them can be
// of one branch only. It goes to the network, and waits for an answer as long as the context lasts.
func Branches(ctx context.Context, dir string) ([]string, error) {
	r, err := find(ctx, dir)
	if err != nil {
		return nil, err
	}
	out, err := r.run(nil, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags")
	if err != nil {
		return nil, err
	}
	names := strings.Fields(string(out))
	out, err = r.run(nil, "remote")
	if err != nil {
		return nil, err
	}
	for remote := range strings.Lines(string(out)) {
		remote = strings.TrimSuffix(remote, "\n")
		refs, err := r.remote(ctx, remote)
		if err != nil {
			return nil, fmt.Errorf("remote %s: %w", remote, err)
		}
		names = append(names, refs...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// remote asks a remote for its references. Nothing is asked for at a terminal.
func (r *repo) remote(ctx context.Context, name string) ([]string, error) {
	cmd := online(ctx, []string{"GIT_DIR=" + r.dir}, "ls-remote", "--quiet", "--", name,
		"refs/heads/*", "refs/tags/*", "refs/pull/*/merge", "refs/merge-requests/*/merge")
	cmd.Dir = r.top
	cmd.WaitDelay = time.Second
	if os.Getenv("GIT_SSH_COMMAND") == "" && os.Getenv("GIT_SSH") == "" && r.config["core.sshcommand"] == "" {
		cmd.Env = append(cmd.Env, "GIT_SSH_COMMAND=ssh -oBatchMode=yes")
	}
	out, err := output(cmd)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	var names []string
	for text := range strings.Lines(string(out)) {
		if _, ref, ok := strings.Cut(strings.TrimSpace(text), "\t"); ok {
			names = append(names, strings.TrimSuffix(ref, "^{}"))
		}
	}
	return names, nil
}
