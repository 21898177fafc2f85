package revision

import (
	"errors"
	"fmt"
	"strings"
)

// resolve is the id of the commit that a revision means.
func (r *repo) resolve(rev string) (string, error) {
	if rev == "" || strings.HasPrefix(rev, "-") { // git would take it for a flag
		return "", fmt.Errorf("%q is no git revision (a branch, tag or commit is)", rev)
	}
	out, err := r.run(nil, "rev-parse", "--verify", "--quiet", rev+"^{commit}")
	if err == nil {
		return line(out), nil
	}
	if exitStatus(err) < 0 || r.ctx.Err() != nil {
		return "", errors.Join(r.ctx.Err(), err)
	}
	return "", fmt.Errorf("unknown git revision %q%s", rev, r.unknownHint(rev))
}

// unknownHint tells why a revision may be unknown, and what would be known.
func (r *repo) unknownHint(rev string) string {
	if out, err := r.run(nil, "rev-list", "-n1", "--all"); err == nil && len(out) == 0 {
		return ": the repository has no commits"
	}
	if _, err := r.run(nil, "rev-parse", "--verify", "--quiet", "origin/"+rev+"^{commit}"); err == nil {
		return fmt.Sprintf("\nhint: there is %q", "origin/"+rev)
	}
	return r.shallowHint()
}

func (r *repo) shallowHint() string {
	out, err := r.run(nil, "rev-parse", "--is-shallow-repository")
	if err != nil || line(out) != "true" {
		return ""
	}
	return "\nhint: this clone is shallow; get its history with `git fetch --unshallow`, or with `fetch-depth: 0` for actions/checkout"
}

// missing is the error of an object that the clone does not have.
func (r *repo) missing(object string) error {
	text := fmt.Sprintf("git object %s is not in this clone", object)
	if r.partial() {
		text += "\nhint: this clone is partial; get the rest with `git fetch --refetch --no-filter`"
	} else {
		text += "\nhint: `git fsck` tells what is missing"
	}
	return errors.New(text)
}

// partial tells whether the clone was made with a filter: objects may be missing from it.
func (r *repo) partial() bool {
	if r.config["extensions.partialclone"] != "" {
		return true
	}
	for key, value := range r.config {
		if strings.HasPrefix(key, "remote.") && strings.HasSuffix(key, ".promisor") && value == "true" {
			return true
		}
	}
	return false
}
