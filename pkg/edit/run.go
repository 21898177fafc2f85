package edit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// RunVariable is the variable of the environment that has the nonce.
const RunVariable = "CATMANDU_BENCH_RUN"

// Run lets a shell command edit files below root, which is a private copy of a build context; the command runs in that folder.
// What was there before is kept in store, a folder that lies elsewhere, until the edit is reverted. A command that fails or
// changes nothing is an error, and leaves all as it was.
func Run(ctx context.Context, root, store, command, nonce string) (*Edit, error) {
	kept, err := os.MkdirTemp(store, "before-")
	if err != nil {
		return nil, err
	}
	s := &snapshot{root: root, kept: kept}
	if err := s.take(ctx); err != nil {
		return nil, errors.Join(err, Remove(kept))
	}
	output, err := s.run(ctx, command, nonce)
	changed, _, scanErr := s.changed()
	if err = errors.Join(err, scanErr); err == nil && len(changed) == 0 {
		err = fmt.Errorf("%s: changed no file of the build context", command)
	}
	if err != nil {
		return nil, errors.Join(err, s.restore())
	}
	return &Edit{Paths: changed, How: "`" + command + "`", Output: output, undo: s.restore}, nil
}

// snapshot is a tree as it was before a command.
type snapshot struct {
	root, kept string
	before     map[string]os.FileInfo
}

func (s *snapshot) take(ctx context.Context) error {
	c, err := newCopier(s.root, s.kept)
	if err != nil {
		return err
	}
	s.root = c.from
	if err := c.walk(ctx, nil); err != nil {
		return err
	}
	c.finish()
	s.before, err = scan(s.root)
	return err
}

func (s *snapshot) run(ctx context.Context, command, nonce string) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = s.root
	cmd.Env = append(os.Environ(), RunVariable+"="+nonce, "PWD="+s.root)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second // for what it left in the background
	alone(cmd)
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w%s", command, err, lastLines(out.String()))
	}
	return out.String(), nil
}

// lastLines are what a person needs to see of an output.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	text = strings.Join(lines[max(0, len(lines)-5):], "\n")
	if text == "" {
		return ""
	}
	return "\n" + text
}

// scan is all that lies below a folder, by path with slashes.
func scan(root string) (map[string]os.FileInfo, error) {
	out := map[string]os.FileInfo{}
	return out, filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		out[filepath.ToSlash(rel)], err = entry.Info()
		return err
	})
}

// changed lists what is not as it was, and what there is now. A folder counts for what is not in it.
func (s *snapshot) changed() (out []string, now map[string]os.FileInfo, err error) {
	now, err = scan(s.root)
	if err != nil {
		return nil, nil, err
	}
	for name, info := range now {
		if was := s.before[name]; was == nil || !same(was, info) {
			out = append(out, name)
		}
	}
	for name := range s.before {
		if now[name] == nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, now, nil
}

func same(a, b os.FileInfo) bool {
	if a.IsDir() || b.IsDir() {
		return a.Mode() == b.Mode()
	}
	return a.Mode() == b.Mode() && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b) &&
		inodeChanged(a) == inodeChanged(b)
}

// restore removes what is not as it was and copies it back.
func (s *snapshot) restore() error {
	changed, now, err := s.changed()
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(changed) { // what is in a folder before the folder
		if now[name] == nil || name == "." {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.root, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	if now, err = scan(s.root); err != nil {
		return err
	}
	c := &copier{from: s.kept, into: s.root, names: map[string]string{}, done: map[string]bool{}}
	for name, info := range now {
		c.done[name] = !info.IsDir()
	}
	if err := c.walk(context.Background(), nil); err != nil {
		return err
	}
	c.finish()
	if root := s.before["."]; root != nil {
		err = errors.Join(os.Chmod(s.root, root.Mode()), os.Chtimes(s.root, time.Time{}, root.ModTime()))
	}
	return errors.Join(err, Remove(s.kept))
}
