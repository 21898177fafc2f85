package compose

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The reader is a compose-go ResourceLoader for the references it wrote into the files.

// Accept tells whether path is one of this reader's references.
func (r *reader) Accept(path string) bool { return strings.HasPrefix(path, scheme) }

// Load writes a pruned copy of the file that path refers to and returns where it is.
func (r *reader) Load(_ context.Context, path string) (string, error) {
	i, err := r.index(path)
	if err != nil {
		return "", err
	}
	ref := r.refs[i]
	if ref.shadow != "" {
		return ref.shadow, nil
	}
	text, err := os.ReadFile(ref.file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", ref.from[len(ref.from)-1], err)
	}
	pruned, err := r.read(ref.file, text, ref)
	if err != nil {
		return "", err
	}
	if r.tmp == "" {
		if r.tmp, err = os.MkdirTemp("", "catmandu-compose-"); err != nil {
			return "", err
		}
	}
	shadow := filepath.Join(r.tmp, strconv.Itoa(i)+"-"+filepath.Base(ref.file))
	if err := os.WriteFile(shadow, pruned, 0o600); err != nil {
		return "", err
	}
	r.refs[i].shadow = shadow
	return shadow, nil
}

// Dir returns what relative paths in the file are relative to.
func (r *reader) Dir(path string) string {
	for i, ref := range r.refs {
		if path == ref.shadow || path == scheme+strconv.Itoa(i) {
			return ref.dir
		}
	}
	return filepath.Dir(path)
}

func (r *reader) index(path string) (int, error) {
	i, err := strconv.Atoi(strings.TrimPrefix(path, scheme))
	if err != nil || i >= len(r.refs) {
		return 0, fmt.Errorf("%s: no such file", path)
	}
	return i, nil
}

// close removes the copies.
func (r *reader) close() {
	if r.tmp != "" {
		_ = os.RemoveAll(r.tmp)
	}
}

// unshadow puts the names of files into an error text where it speaks of references and copies.
func (r *reader) unshadow(text string) string {
	for i := len(r.refs) - 1; i >= 0; i-- {
		if r.refs[i].shadow != "" {
			text = strings.ReplaceAll(text, r.refs[i].shadow, r.refs[i].file)
		}
		text = strings.ReplaceAll(text, scheme+strconv.Itoa(i), r.refs[i].file)
	}
	return text
}
