package revision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrSubmodule is the error of a revision that has submodules whose files are not there.
var ErrSubmodule = errors.New("a submodule is missing")

// Checkout writes all files of a revision into a folder, which is made and must be empty, as `git checkout` would: line ends and
// filters such as LFS are those of the revision's attributes. The repository doesn't learn of it: its index, its working tree
// and its list of working trees stay as they are. It returns the commit. Root is any folder of the working tree. What is only
// needed meanwhile is beside the folder.
//
// Submodules come at the commits that the revision names, from where git keeps them; one that is not there is ErrSubmodule, and
// all else is written.
func Checkout(ctx context.Context, root, rev, into string) (commit string, err error) {
	r, err := find(ctx, root)
	if err != nil {
		return "", err
	}
	if commit, err = r.resolve(rev); err != nil {
		return "", err
	}
	if err := os.MkdirAll(into, 0o755); err != nil {
		return "", err
	}
	if into, err = filepath.EvalSymlinks(into); err != nil {
		return "", err
	}
	if into, err = filepath.Abs(into); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(into)
	if err != nil {
		return "", err
	}
	if len(entries) > 0 {
		return "", fmt.Errorf("%s: is not empty", into)
	}
	scratch, err := os.MkdirTemp(filepath.Dir(into), "catmandu-index-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	if err := r.writeTree(commit, into, scratch); err != nil {
		return commit, fmt.Errorf("revision %q: %w", rev, err)
	}
	return commit, nil
}

// writeTree checks a commit out into a folder, with an index, in scratch, and an empty working tree of its own: git would take
// attributes from the real ones, which are of another revision.
func (r *repo) writeTree(commit, into, scratch string) error {
	apart := func(args ...string) error {
		env := []string{"GIT_DIR=" + r.dir, "GIT_WORK_TREE=" + into, "GIT_INDEX_FILE=" + filepath.Join(scratch, "index")}
		args = append([]string{
			"-c", "core.sparseCheckout=false", "-c", "index.sparse=false", // what the user left out is of the revision all the same
			"-c", "core.untrackedCache=false", "-c", "core.splitIndex=false", // they would write into the repository
		}, args...)
		cmd := git(r.ctx, env, args...)
		cmd.Dir = into
		_, err := output(cmd)
		return err
	}
	if err := apart("read-tree", commit); err != nil {
		return r.explained(err, commit)
	}
	if err := apart("checkout-index", "--all", "--force", "--quiet"); err != nil {
		return r.explained(err, commit)
	}
	if err := os.Remove(filepath.Join(scratch, "index")); err != nil {
		return err
	}
	return r.writeSubmodules(commit, into, scratch)
}

// explained says of an object that a partial clone lacks what would bring it.
func (r *repo) explained(err error, commit string) error {
	if r.ctx.Err() == nil && r.partial() {
		return fmt.Errorf("%w\n%w", err, r.missing(commit))
	}
	return err
}

// writeSubmodules checks submodules out. Git has made their folders.
func (r *repo) writeSubmodules(commit, into, scratch string) error {
	out, err := r.run(nil, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return err
	}
	submodules := map[string]string{}
	for _, entry := range split(out) {
		info, name, _ := strings.Cut(entry, "\t")
		if fields := strings.Fields(info); len(fields) == 3 && fields[0] == modeSubmodule {
			submodules[name] = fields[2]
		}
	}
	if len(submodules) == 0 {
		return nil
	}
	names := r.submoduleNames(commit)
	var missing []string
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(submodules)) {
		at, folder := submodules[name], filepath.Join(into, filepath.FromSlash(name))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		sub := r.submodule(name, names[name])
		if sub == nil || !sub.has(at) {
			missing = append(missing, name)
			continue
		}
		if err := sub.writeTree(at, folder, scratch); err != nil {
			errs = append(errs, fmt.Errorf("submodule %s: %w", name, err))
		}
	}
	if len(missing) > 0 {
		errs = append(errs, fmt.Errorf("%w: %s\nhint: `git submodule update --init --recursive` brings them", ErrSubmodule, strings.Join(missing, ", ")))
	}
	return errors.Join(errs...)
}
