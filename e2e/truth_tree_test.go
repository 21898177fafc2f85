//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// workTree is a project's folder, and the image that it builds on: "truth/" and the name of the project.
type workTree struct {
	dir, home string
	project   string
	random    *rand.Rand
	docker    func(args ...string) error
	base      int // version of the image
	pushed    int // versions of it so far
}

// errNotHere says that a mutation can't be made, since an earlier one has removed what it would change.
var errNotHere = errors.New("not here")

func (tr *workTree) path(name string) string { return filepath.Join(tr.dir, name) }

// write makes a file anew, in place of whatever is there.
func (tr *workTree) write(name, text string) error {
	path := tr.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		return os.WriteFile(path, []byte(text), 0o644)
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	if target, ok := strings.CutPrefix(text, "→"); ok {
		return os.Symlink(target, path)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// linkHard turns the texts "=x" into hard links.
func (tr *workTree) linkHard(files map[string]string) error {
	for name, text := range files {
		target, ok := strings.CutPrefix(text, "=")
		if !ok {
			continue
		}
		if err := errors.Join(os.Remove(tr.path(name)), os.Link(tr.path(target), tr.path(name))); err != nil {
			return err
		}
	}
	return nil
}

// swap replaces a text that a file has once.
func swap(name, before, after string) func(*workTree) error {
	return func(tr *workTree) error {
		content, err := os.ReadFile(tr.path(name))
		if err != nil {
			return errNotHere
		}
		if strings.Count(string(content), before) != 1 {
			return fmt.Errorf("%w: %q in %s", errNotHere, before, name)
		}
		return os.WriteFile(tr.path(name), bytes.Replace(content, []byte(before), []byte(after), 1), 0o644)
	}
}

// rewrite gives a file other content of the same size.
func rewrite(name string) func(*workTree) error {
	return func(tr *workTree) error {
		content, err := os.ReadFile(tr.path(name))
		if err != nil || len(content) == 0 {
			return errNotHere
		}
		i := tr.random.IntN(len(content))
		for before := content[i]; content[i] == before; {
			content[i] = byte('a' + tr.random.IntN(26))
		}
		return os.WriteFile(tr.path(name), content, 0o644)
	}
}

// lengthen adds a line to a file.
func lengthen(name string) func(*workTree) error {
	return func(tr *workTree) error {
		content, err := os.ReadFile(tr.path(name))
		if err != nil {
			return errNotHere
		}
		return os.WriteFile(tr.path(name), fmt.Appendf(content, "line %d\n", tr.random.Int()), 0o644)
	}
}

// create makes a file that is not there yet.
func create(name, text string) func(*workTree) error {
	return func(tr *workTree) error {
		if _, err := os.Lstat(tr.path(name)); err == nil {
			return errNotHere
		}
		return tr.write(name, text)
	}
}

// replace puts a file or a link in the place of a file.
func replace(name, text string) func(*workTree) error {
	return func(tr *workTree) error {
		return errors.Join(there(os.RemoveAll(tr.path(name))), tr.write(name, text))
	}
}

func remove(names ...string) func(*workTree) error {
	return func(tr *workTree) error {
		for _, name := range names {
			if _, err := os.Lstat(tr.path(name)); err != nil {
				return errNotHere
			}
			if err := os.RemoveAll(tr.path(name)); err != nil {
				return err
			}
		}
		return nil
	}
}

func rename(from, to string) func(*workTree) error {
	return func(tr *workTree) error { return there(os.Rename(tr.path(from), tr.path(to))) }
}

func chmod(name string, mode os.FileMode) func(*workTree) error {
	return func(tr *workTree) error {
		info, err := os.Lstat(tr.path(name))
		if err != nil || info.Mode().Perm() == mode {
			return errNotHere
		}
		return os.Chmod(tr.path(name), mode)
	}
}

// shell runs a command in the project.
func shell(command string) func(*workTree) error {
	return func(tr *workTree) error {
		cmd := exec.Command("sh", "-ec", command)
		cmd.Dir = tr.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s: %w %s", errNotHere, command, err, out)
		}
		return nil
	}
}

func there(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errNotHere
	}
	return err
}
