package revision

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Rel is an absolute path as one from the root of the tree, with slashes; "." is the root. It is false when the path does
// not lie in the working tree. The path may reach the root through links, as /tmp does on a Mac.
func (t *Tree) Rel(name string) (string, bool) {
	name = filepath.Clean(name)
	if rel, ok := below(t.root, name); ok {
		return rel, true
	}
	top, err := os.Stat(t.root)
	if err != nil {
		return "", false
	}
	// From the top down: a link in the working tree belongs to the revision, and is not followed here.
	for _, dir := range ancestors(name) {
		if fi, err := os.Stat(dir); err == nil && os.SameFile(fi, top) {
			return below(dir, name)
		}
	}
	// It may reach a folder below the root, and never the root itself.
	for _, dir := range ancestors(name) {
		resolved, err := filepath.EvalSymlinks(dir)
		if err != nil {
			break
		}
		if _, ok := below(t.root, resolved); ok {
			rest, _ := below(dir, name)
			return below(t.root, filepath.Join(resolved, filepath.FromSlash(rest)))
		}
	}
	return "", false
}

// ancestors are the folders of an absolute path, the outermost first, and the path itself.
func ancestors(name string) []string {
	var dirs []string
	for {
		dirs = append([]string{name}, dirs...)
		dir := filepath.Dir(name)
		if dir == name {
			return dirs
		}
		name = dir
	}
}

func below(dir, name string) (string, bool) {
	rel, err := filepath.Rel(dir, name)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// find is the node at an absolute path.
func (t *Tree) find(op, name string, follow bool) (*node, error) {
	rel, ok := t.Rel(name)
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fmt.Errorf("is not below %s", t.root)}
	}
	n, err := t.walkTo(rel, follow)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return n, nil
}

// walkTo goes to a path part by part, through the links that the tree itself has.
func (t *Tree) walkTo(rel string, follow bool) (*node, error) {
	at := ""
	rest := strings.Split(rel, "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if at == "" {
				return nil, fmt.Errorf("a link leads out of %s", t.root)
			}
			at = dirOf(at)
			continue
		}
		n := t.nodes[path.Join(at, part)]
		switch {
		case n == nil, !n.mode.IsDir() && !n.isLink() && len(rest) > 0:
			return nil, fs.ErrNotExist
		case n.isLink() && (follow || len(rest) > 0):
			if links++; links > 255 {
				return nil, syscall.ELOOP
			}
			link, err := t.readLink(n)
			if err != nil {
				return nil, err
			}
			if filepath.IsAbs(link) {
				inside, ok := t.Rel(link)
				if !ok {
					return nil, fmt.Errorf("a link leads out of %s", t.root)
				}
				at, link = "", inside
			}
			rest = append(strings.Split(link, "/"), rest...)
		default:
			at = n.path
		}
	}
	return t.nodes[at], nil
}
