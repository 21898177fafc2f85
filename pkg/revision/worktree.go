package revision

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Options says what else of a working tree counts.
type Options struct {
	Ignored bool // the files that git ignores: no revision has them, but a build reads them
}

// WorkingTree is the working tree that a folder lies in, as `git add --all` would record it: tracked and untracked files
// as they are on disk. A tracked file that a sparse checkout left out comes from the index.
// There are no empty folders, as no revision has any, and no .git, which is not part of what a revision is.
func WorkingTree(ctx context.Context, dir string, o Options) (*Tree, error) {
	r, err := find(ctx, dir)
	if err != nil {
		return nil, err
	}
	t := newTree(r.top, "")
	if err := t.addWorkingTree(r, o); err != nil {
		t.Close()
		return nil, err
	}
	t.sort()
	return t, nil
}

// indexed is what git's index knows of a file.
type indexed struct {
	mode, object string
	skipped      bool // by a sparse checkout
	assumed      bool // to be unchanged, whatever is on disk
}

func (t *Tree) addWorkingTree(r *repo, o Options) error {
	t.repos = append(t.repos, r)
	var names []string
	untracked := make(chan error, 1)
	go func() { // git walks the disk for them: meanwhile it tells its index
		var err error
		names, err = r.untracked(o)
		untracked <- err
	}()
	index, err := r.index()
	if err := errors.Join(err, <-untracked); err != nil {
		return err
	}
	for name := range index {
		names = append(names, name)
	}
	d := disk{tree: t, repo: r, options: o, index: index, folders: map[string]error{"": nil}}
	var skipped []*node
	for _, name := range names {
		known := index[name]
		err := d.add(name, known)
		switch {
		case errors.Is(err, fs.ErrNotExist) && known.skipped:
			n := r.blob(name, known.mode, known.object)
			t.add(n)
			skipped = append(skipped, n)
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNoFolder):
		case err != nil:
			return err
		}
	}
	if len(skipped) > 0 {
		if err := r.checkout(skipped, false); err != nil {
			return err
		}
	}
	return t.addUnchanged(r, index)
}

func (r *repo) index() (map[string]indexed, error) {
	out, err := r.run(nil, "ls-files", "--stage", "-v", "-z")
	if err != nil {
		return nil, err
	}
	index := map[string]indexed{}
	for _, entry := range split(out) {
		info, name, _ := strings.Cut(entry, "\t")
		if f := strings.Fields(info); len(f) == 4 { // tag, mode, object, stage
			tag := strings.ToUpper(f[0])
			index[name] = indexed{mode: f[1], object: f[2], skipped: tag == "S", assumed: tag != f[0]}
		}
	}
	return index, nil
}

func (r *repo) untracked(o Options) ([]string, error) {
	args := []string{"ls-files", "--others", "-z"}
	if !o.Ignored {
		args = append(args, "--exclude-standard")
	}
	out, err := r.run(nil, args...)
	return split(out), err
}

var errNoFolder = errors.New("a folder of the path is none")

// disk adds the files of one repository as they are on disk.
type disk struct {
	tree    *Tree
	repo    *repo
	options Options
	index   map[string]indexed
	folders map[string]error // nil: is a folder, and no link to one
}

// add adds one name that git told. By now it may be gone, or below what is no longer a folder.
func (d *disk) add(name string, known indexed) error {
	name = strings.TrimSuffix(name, "/") // so git tells a repository in the repository
	if err := d.folder(dirOf(name)); err != nil {
		return err
	}
	full := filepath.Join(d.repo.top, filepath.FromSlash(name))
	fi, err := os.Lstat(full)
	if err != nil {
		return err
	}
	n := &node{path: d.repo.prefix + name, size: fi.Size()}
	switch {
	case fi.IsDir():
		return d.addNested(name, full, known)
	case fi.Mode()&os.ModeSymlink != 0:
		n.mode = os.ModeSymlink | 0o777
		if n.link, err = os.Readlink(full); err != nil {
			return err
		}
	case fi.Mode().IsRegular():
		n.mode = d.repo.fileMode(fi.Mode(), known)
	default:
		return nil
	}
	d.tree.add(n)
	return nil
}

// fileMode is how git would record the mode of a file.
func (r *repo) fileMode(mode os.FileMode, known indexed) os.FileMode {
	executable := mode&0o100 != 0
	if !r.enabled("core.filemode", true) {
		executable = known.mode == modeExecutable
	}
	if executable {
		return 0o755
	}
	return 0o644
}

func (d *disk) folder(name string) error {
	err, ok := d.folders[name]
	if ok {
		return err
	}
	if err = d.folder(dirOf(name)); err == nil {
		var fi os.FileInfo
		fi, err = os.Lstat(filepath.Join(d.repo.top, filepath.FromSlash(name)))
		if err == nil && !fi.IsDir() {
			err = errNoFolder
		}
	}
	d.folders[name] = err
	return err
}

// addNested adds a submodule, or a repository that git does not know as one.
func (d *disk) addNested(name, full string, known indexed) error {
	if sub := d.repo.nested(full, d.repo.prefix+name+"/"); sub != nil {
		if known.mode == modeSubmodule {
			d.tree.folder(d.repo.prefix + name)
		}
		return d.tree.addWorkingTree(sub, d.options)
	}
	if known.mode != modeSubmodule {
		return nil // a file became a folder: git tells the files in it
	}
	d.tree.folder(d.repo.prefix + name)
	entries, err := os.ReadDir(full)
	if len(entries) == 0 {
		d.tree.missing[d.repo.prefix+name] = known.object
	}
	if err != nil {
		return err
	}
	return filepath.WalkDir(full, func(p string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return fs.SkipDir
		case entry.IsDir(), entry.Name() == ".git":
			return nil
		}
		rel, err := filepath.Rel(d.repo.top, p)
		if err != nil {
			return err
		}
		return d.add(filepath.ToSlash(rel), indexed{})
	})
}
