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
	sweepParts(path)
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

// partsOf are all parts for path.
func partsOf(path string) []string {
	dirs, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".part-*"))
	return dirs
}

// sweepParts removes those whose makers don't live any more.
func sweepParts(path string) {
	for _, dir := range partsOf(path) {
		if p, ok := abandoned(dir); ok {
			p.remove()
		}
	}
}

// abandoned takes a part if nobody has it.
func abandoned(dir string) (*part, bool) {
	info, err := os.Stat(dir)
	if err != nil || time.Since(info.ModTime()) < newborn {
		return nil, false
	}
	p := &part{dir, flock.New(filepath.Join(dir, ".lock"))}
	if free, err := p.lock.TryLock(); err != nil || !free {
		_ = p.lock.Close()
		return nil, false
	}
	return p, true
}

func (p *part) remove() {
	_ = os.RemoveAll(p.dir)
	_ = p.lock.Close()
}
