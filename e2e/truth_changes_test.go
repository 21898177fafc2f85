//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// copy keeps the tree under a name, with hard links and times, in place of an earlier copy.
func (tr *workTree) copy(name string) (string, error) {
	to := filepath.Join(tr.home, name)
	if err := os.RemoveAll(to); err != nil {
		return "", err
	}
	if out, err := exec.Command("cp", "-a", tr.dir, to).CombinedOutput(); err != nil {
		return "", fmt.Errorf("cp: %w %s", err, out)
	}
	return to, nil
}

// restore brings a copy back.
func (tr *workTree) restore(from string, base int) error {
	if base != tr.base {
		if err := tr.moveBase(base); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(tr.dir); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", from, tr.dir).CombinedOutput(); err != nil {
		return fmt.Errorf("cp: %w %s", err, out)
	}
	return nil
}

// changes lists what differs between a tree and its copy, relative to each of the contexts.
func changes(before, after string, contexts []string) (map[string]string, error) {
	all := map[string]string{}
	if len(contexts) == 0 {
		contexts = []string{"."}
	}
	for _, context := range contexts {
		old, err := entries(filepath.Join(before, context))
		if err != nil {
			return nil, err
		}
		now, err := entries(filepath.Join(after, context))
		if err != nil {
			return nil, err
		}
		for path, o := range old {
			if n, still := now[path]; !still {
				all[path] = "removed"
			} else if change := o.differs(n); change != "" {
				all[path] = change
			}
		}
		for path := range now {
			if _, was := old[path]; !was {
				all[path] = "added"
			}
		}
	}
	return all, nil
}

// treeEntry is what BuildKit compares of a file.
type treeEntry struct {
	mode    fs.FileMode
	content string // of a link its target
}

func (e treeEntry) differs(from treeEntry) string {
	var changed []string
	if e.mode.Type() != from.mode.Type() {
		return "type"
	}
	if e.mode != from.mode {
		changed = append(changed, "mode")
	}
	if e.content != from.content {
		changed = append(changed, map[bool]string{true: "link", false: "content"}[e.mode.Type() == fs.ModeSymlink])
	}
	return strings.Join(changed, " ")
}

func entries(dir string) (map[string]treeEntry, error) {
	all := map[string]treeEntry{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return there(err)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		e, content := treeEntry{mode: info.Mode()}, []byte(nil)
		switch {
		case info.Mode().IsRegular():
			content, err = os.ReadFile(path)
			e.content = string(content)
		case info.Mode().Type() == fs.ModeSymlink:
			e.content, err = os.Readlink(path)
		}
		name, _ := filepath.Rel(dir, path)
		all[name] = e
		return err
	})
	if errors.Is(err, errNotHere) {
		return all, nil
	}
	return all, err
}
