package revision

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Top is the absolute folder of the working tree that a folder lies in.
func Top(ctx context.Context, dir string) (string, error) {
	r, err := find(ctx, dir)
	if err != nil {
		return "", err
	}
	return r.top, nil
}

// RemoteHead asks a repository elsewhere for the commit of a branch. Nothing is asked for at a terminal, and an answer is waited for
// as long as the context lasts.
func RemoteHead(ctx context.Context, url, branch string) (string, error) {
	cmd := online(ctx, nil, "ls-remote", "--quiet", "--", url, "refs/heads/"+branch)
	cmd.WaitDelay = time.Second
	out, err := output(cmd)
	if err != nil {
		return "", err
	}
	commit, _, _ := strings.Cut(string(out), "\t")
	if commit == "" {
		return "", fmt.Errorf("%s has no branch %s", url, branch)
	}
	return commit, nil
}
