package buildx

import (
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// part is a folder beside the place of an image, in which the image is written. Its lock tells whether whoever made
// it still lives.
type part struct {
	dir  string
	lock *flock.Flock
}

// newborn is the age below which a part may not have got its lock yet.
const newborn = 10 * time.Second

// newPart makes a part for path, and removes those that plugins left which did not come to their end.
func newPart(path string) (*part, error) {
	dir, prefix := filepath.Dir(path), "."+filepath.Base(path)+".part-"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	sweepParts(filepath.Join(dir, prefix+"*"))
	made, err := os.MkdirTemp(dir, prefix)
	if err != nil {
		return nil, err
	}
	p := &part{made, flock.New(filepath.Join(made, ".lock"))}
	if err := p.lock.Lock(); err != nil {
		p.remove()
		return nil, err
	}
	return p, nil
}

func sweepParts(pattern string) {
	dirs, _ := filepath.Glob(pattern)
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < newborn {
			continue
		}
		p := &part{dir, flock.New(filepath.Join(dir, ".lock"))}
		if free, err := p.lock.TryLock(); err == nil && free {
			p.remove()
		}
	}
}

func (p *part) remove() {
	_ = os.RemoveAll(p.dir)
	_ = p.lock.Close()
}
