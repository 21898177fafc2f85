package revision

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Git's modes of what a tree can have.
const (
	modeExecutable = "100755"
	modeLink       = "120000"
	modeSubmodule  = "160000"
)

// addCommit adds the files of a commit. A tree object of its own makes no folder: a checkout makes none of an empty one.
func (t *Tree) addCommit(r *repo, commit string) error {
	t.repos = append(t.repos, r)
	args := []string{"ls-tree", "-r", "-z", "--full-tree"}
	if !r.partial() { // there sizes would be looked for in vain, one by one
		args = append(args, "--long")
	}
	out, err := r.run(nil, append(args, commit)...)
	if err != nil {
		if r.partial() && r.ctx.Err() == nil {
			return r.missing(commit)
		}
		return err
	}
	var files []*node
	submodules := map[string]string{}
	for _, entry := range split(out) {
		info, name, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(info) // mode, type, object, size
		if len(fields) < 3 {
			return fmt.Errorf("git ls-tree: unknown answer %q", entry)
		}
		if fields[0] == modeSubmodule {
			submodules[name] = fields[2]
			continue
		}
		n := r.blob(name, fields[0], fields[2])
		if len(fields) > 3 {
			n.size, err = strconv.ParseInt(fields[3], 10, 64)
			if err != nil {
				return r.missing(n.object)
			}
		}
		t.add(n)
		files = append(files, n)
	}
	if err := r.checkout(files, true); err != nil {
		return err
	}
	return t.addSubmodules(r, commit, submodules)
}

// blob is the node of an object.
func (r *repo) blob(name, mode, object string) *node {
	n := &node{path: r.prefix + name, mode: r.mode(mode), object: object, repo: r, size: -1}
	return n
}

// mode is how a checkout would make a file, whatever the umask is.
func (r *repo) mode(mode string) os.FileMode {
	switch {
	case mode == modeLink && r.enabled("core.symlinks", true):
		return os.ModeSymlink | 0o777
	case mode == modeExecutable:
		return 0o755
	}
	return 0o644
}

// addSubmodules adds the files of submodules at the commits that a revision names.
func (t *Tree) addSubmodules(r *repo, commit string, submodules map[string]string) error {
	if len(submodules) == 0 {
		return nil
	}
	names := r.submoduleNames(commit)
	for name, at := range submodules {
		t.folder(r.prefix + name)
		sub := r.submodule(name, names[name])
		if sub == nil || !sub.has(at) {
			t.missing[r.prefix+name] = at
			continue
		}
		if err := t.addCommit(sub, at); err != nil {
			return fmt.Errorf("submodule %s: %w", name, err)
		}
	}
	return nil
}

// submoduleNames has the names of submodules by their paths: below them git keeps their repositories.
func (r *repo) submoduleNames(commit string) map[string]string {
	// An error means no .gitmodules: a folder that was added as a repository.
	out, _ := r.run(nil, "config", "-z", "--blob", commit+":.gitmodules", "--get-regexp", `^submodule\..*\.path$`)
	names := map[string]string{}
	for _, entry := range split(out) {
		key, value, _ := strings.Cut(entry, "\n")
		names[value] = strings.TrimSuffix(strings.TrimPrefix(key, "submodule."), ".path")
	}
	return names
}

// submodule is the repository of a submodule, in the working tree or where git keeps it; nil when there is none.
func (r *repo) submodule(path, name string) *repo {
	top := filepath.Join(r.top, filepath.FromSlash(path))
	prefix := r.prefix + path + "/"
	if sub := r.nested(top, prefix); sub != nil {
		return sub
	}
	common, err := r.run(nil, "rev-parse", "--git-common-dir")
	if err != nil || name == "" || !filepath.IsLocal(name) {
		return nil
	}
	commonDir := filepath.FromSlash(line(common))
	if !filepath.IsAbs(commonDir) {
		commonDir = filepath.Join(r.top, commonDir)
	}
	for _, dir := range []string{r.dir, commonDir} {
		if dir = filepath.Join(dir, "modules", filepath.FromSlash(name)); isDir(dir) {
			if sub, err := newRepo(r.ctx, top, dir, prefix); err == nil {
				return sub
			}
		}
	}
	return nil
}

// nested is the repository whose working tree a folder is; nil when it is none.
func (r *repo) nested(top, prefix string) *repo {
	if _, err := os.Lstat(filepath.Join(top, ".git")); err != nil {
		return nil
	}
	sub, err := find(r.ctx, top)
	if err != nil || !sameFile(sub.top, top) {
		return nil
	}
	sub.prefix = prefix
	return sub
}

func (r *repo) has(commit string) bool {
	_, err := r.run(nil, "cat-file", "-e", commit+"^{tree}")
	return err == nil
}

func sameFile(a, b string) bool {
	fa, err := os.Stat(a)
	if err != nil {
		return false
	}
	fb, err := os.Stat(b)
	return err == nil && os.SameFile(fa, fb)
}
