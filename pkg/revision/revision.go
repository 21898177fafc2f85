// Package revision is a git revision, or the working tree, as a tree of files that a build could read.
// Both are told in the same terms (the modes that git knows, no owners, no times), so that they can be compared.
// It reads git's objects through the git program, checks nothing out but where Checkout is told to, never writes to the
// repository, never goes to the network by itself (but for Branches), and prints nothing.
package revision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
)

// ErrLink tells that a path is a symbolic link where a regular file was asked for.
var ErrLink = errors.New("is a symbolic link, not a regular file")

// Tree is the files of a repository at one revision, or in its working tree. Its methods may be called at the same time.
type Tree struct {
	root    string
	commit  string
	nodes   map[string]*node  // by path from the root; "" is the root
	missing map[string]string // commits of submodules by path
	repos   []*repo           // the repository and its submodules
	mu      sync.Mutex        // guards what nodes find out late
}

// node is a file, folder or link of a tree.
type node struct {
	path     string // from the root of the tree, with slashes
	mode     os.FileMode
	children []*node // of a folder, by name
	size     int64   // -1: not known before the content is read
	link     string  // empty: not read yet

	// A node with an object has its content there, one without has it on disk.
	object  string
	repo    *repo
	convert bool // a checkout may change the content

	// unchanged is the object that a file on disk is known to be the same as.
	unchanged string
}

// Open finds the repository that a folder lies in, and the commit that rev means there. The context ends all that the
// tree reads later, too.
func Open(ctx context.Context, dir, rev string) (*Tree, error) {
	r, err := find(ctx, dir)
	if err != nil {
		return nil, err
	}
	commit, err := r.resolve(rev)
	if err != nil {
		return nil, err
	}
	t := newTree(r.top, commit)
	if err := t.addCommit(r, commit); err != nil {
		t.Close()
		return nil, fmt.Errorf("revision %q: %w", rev, err)
	}
	t.sort()
	return t, nil
}

// MergeBase is the commit at which a and b parted: what `git diff a...b` compares b with.
func MergeBase(ctx context.Context, dir, a, b string) (string, error) {
	r, err := find(ctx, dir)
	if err != nil {
		return "", err
	}
	commits := []string{"merge-base"}
	for _, rev := range []string{a, b} {
		commit, err := r.resolve(rev)
		if err != nil {
			return "", err
		}
		commits = append(commits, commit)
	}
	out, err := r.run(nil, commits...)
	if exitStatus(err) == 1 {
		return "", fmt.Errorf("%q and %q have no common ancestor%s", a, b, r.shallowHint())
	}
	return strings.TrimSpace(string(out)), err
}

// Root is the top folder of the working tree, with no links in its path.
func (t *Tree) Root() string { return t.root }

// Commit is the id of the revision; empty for the working tree.
func (t *Tree) Commit() string { return t.commit }

// Missing has the folders of submodules whose files are not there to be read, as paths from the root, with slashes.
// They are empty folders in the tree.
func (t *Tree) Missing() []string { return slices.Sorted(maps.Keys(t.missing)) }

// MissingCommit is the commit that the revision names of a submodule whose files are not there.
func (t *Tree) MissingCommit(path string) string { return t.missing[path] }

// Close ends the git processes of the tree.
func (t *Tree) Close() error {
	var errs []error
	for _, r := range t.repos {
		errs = append(errs, r.close())
	}
	return errors.Join(errs...)
}

func newTree(root, commit string) *Tree {
	t := &Tree{root: root, commit: commit, nodes: map[string]*node{}, missing: map[string]string{}}
	t.nodes[""] = &node{mode: os.ModeDir | 0o755}
	return t
}

// add puts a node into the tree, and the folders above it.
func (t *Tree) add(n *node) {
	t.nodes[n.path] = n
	parent := t.folder(dirOf(n.path))
	parent.children = append(parent.children, n)
}

func (t *Tree) folder(name string) *node {
	if n := t.nodes[name]; n != nil {
		return n
	}
	n := &node{path: name, mode: os.ModeDir | 0o755}
	t.add(n)
	return n
}

// sort orders each folder by name. Git's own order differs: to it the folder "a" is "a/", and comes after "a.txt".
func (t *Tree) sort() {
	for _, n := range t.nodes {
		sort.Slice(n.children, func(i, j int) bool { return n.children[i].path < n.children[j].path })
	}
}

func (n *node) name() string { return path.Base(n.path) }

func (n *node) isLink() bool { return n.mode&os.ModeSymlink != 0 }

func (t *Tree) disk(n *node) string { return filepath.Join(t.root, filepath.FromSlash(n.path)) }

func dirOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}
