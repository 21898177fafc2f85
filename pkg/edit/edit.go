// Package edit knows what a scenario edits: which file of a build context, in a private copy of it, and how to take the edit
// back.
//
// The user's own tree is only read. A copy has what BuildKit would be sent of the original, so that both have the same digest.
// An edit makes a file like no other, harms it as little as can be, and leaves no trace once it is reverted.
package edit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// Edit is a change that can be taken back.
type Edit struct {
	// Paths are the files that changed, within the root, with slashes; sorted.
	Paths []string
	// How says what was done, such as "a comment at the end".
	How string
	// Output is what a command printed.
	Output string

	undo func() error
}

// Revert restores bytes, permissions and times. A second call does nothing.
func (e *Edit) Revert() error {
	undo := e.undo
	e.undo = nil
	if undo == nil {
		return nil
	}
	return undo()
}

// Apply edits a file below root, which is a private copy of a build context. The path is within root, with slashes. Every nonce
// makes another content; size and time of the file change, too.
func Apply(root, path, nonce string) (*Edit, error) {
	file, rel, err := locate(root, path)
	if err != nil {
		return nil, err
	}
	stat, err := fsutil.Stat(file)
	if err != nil {
		return nil, err
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := sampleOf(in, stat.Size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	i := insertionOf(filepath.Base(rel), text, nonce)
	before := sha256.New()
	err = replace(file, stat, later(stat.ModTime), func(out io.Writer) error {
		original := io.TeeReader(in, before)
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(out, original, i.at); err != nil {
			return err
		}
		if _, err := out.Write(i.text); err != nil {
			return err
		}
		_, err := io.Copy(out, original)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	undo := func() error { return remove(file, stat, i, before) }
	return &Edit{Paths: []string{filepath.ToSlash(rel)}, How: i.how, undo: undo}, nil
}

// remove takes an insertion out of a file again.
func remove(file string, stat *fstypes.Stat, i insertion, before hash.Hash) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	return replace(file, stat, time.Unix(0, stat.ModTime), func(out io.Writer) error {
		after := sha256.New()
		out = io.MultiWriter(out, after)
		if _, err := io.CopyN(out, in, i.at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if _, err := in.Seek(int64(len(i.text)), io.SeekCurrent); err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
		if string(after.Sum(nil)) != string(before.Sum(nil)) {
			return fmt.Errorf("%s: something else changed it after the edit, so the edit can't be taken back", file)
		}
		return nil
	})
}

// locate is the file that a path below root means, and its path there without links.
func locate(root, path string) (file, rel string, err error) {
	name := filepath.FromSlash(path)
	if !filepath.IsLocal(name) {
		return "", "", fmt.Errorf("%s: must be a path within the build context", path)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return "", "", err
	}
	file, err = filepath.EvalSymlinks(filepath.Join(root, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("%s: is not in the build context, or .dockerignore keeps it out", path)
	}
	if err != nil {
		return "", "", err
	}
	rel, err = filepath.Rel(root, file)
	if err != nil || !filepath.IsLocal(rel) {
		return "", "", fmt.Errorf("%s: a link leads out of the build context", path)
	}
	info, err := os.Lstat(file)
	if err != nil {
		return "", "", err
	}
	if info.IsDir() {
		return "", "", fmt.Errorf("%s: is a folder; name a file in it", path)
	}
	if !info.Mode().IsRegular() {
		return "", "", fmt.Errorf("%s: is no regular file", path)
	}
	return file, rel, nil
}

// replace writes a file beside another and moves it there. All but content and time stays as stat has it; so does the time of
// the folder.
func replace(file string, stat *fstypes.Stat, at time.Time, write func(io.Writer) error) error {
	dir := filepath.Dir(file)
	folder, err := os.Stat(dir)
	if err != nil {
		return err
	}
	out, err := os.CreateTemp(dir, ".catmandu-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	if err := errors.Join(write(out), out.Close()); err != nil {
		return err
	}
	stat = stat.CloneVT()
	stat.ModTime = at.UnixNano()
	if left := describe(out.Name(), stat); len(left) > 0 {
		return errors.Join(left...)
	}
	if err := os.Rename(out.Name(), file); err != nil {
		return err
	}
	return os.Chtimes(dir, time.Time{}, folder.ModTime())
}

// later is now, or a time that every tool takes for later than when the file changed last.
func later(changed int64) time.Time {
	const coarse = 2 * time.Second // what some file systems round to
	now := time.Now()
	if least := time.Unix(0, changed).Add(coarse); now.Before(least) {
		return least
	}
	return now
}

// mark is what an edit writes for a nonce: short, and of no meaning in any language.
func mark(nonce string) string {
	sum := sha256.Sum256([]byte(nonce))
	return hex.EncodeToString(sum[:8])
}
