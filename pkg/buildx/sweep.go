package buildx

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// sweep removes what nothing leads to and was written before a time; zero is any.
func (b *Blobs) sweep(before time.Time) (freed int64, err error) {
	for _, u := range b.unreached {
		if !before.IsZero() && !u.changed.Before(before) {
			continue
		}
		if err := os.Remove(u.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return freed, err
		}
		freed += u.size
	}
	return freed, nil
}

const (
	// cacheLock is what BuildKit's client holds a shared lock on while it exports a cache to a folder, up to the new index.
	cacheLock = "cache.lock"
	// quietTime is how long nothing was written to a folder before something in it is removed: older clients hold no lock, and a build
	// that began before the index was replaced may still read what that led to.
	quietTime = time.Minute
)

// SweepCache removes from a folder with a cache what nothing leads to and was written before a time; zero is any. A build that
// exports to the folder meanwhile waits for it; one that is at it already makes it ErrFolderUsed.
func SweepCache(dir string, before time.Time, roots ...string) (freed int64, err error) {
	return held(dir, func() (int64, error) {
		b, err := ReadBlobs(dir, roots...)
		if err != nil || len(b.unreached) == 0 {
			return 0, err
		}
		if err := b.idle(); err != nil {
			return 0, err
		}
		return b.sweep(before)
	})
}

// EmptyCache removes the whole cache in a folder. The folders in it stay: a build that began before may be about to export to it,
// and counts on them.
func EmptyCache(dir string) (freed int64, err error) {
	return held(dir, func() (int64, error) {
		b, err := listBlobs(dir, nil)
		if err != nil {
			return 0, err
		}
		if err := b.idle(); err != nil {
			return 0, err
		}
		if err := os.Remove(filepath.Join(dir, "index.json")); err != nil {
			return 0, err
		}
		return b.sweep(time.Time{})
	})
}

// held calls f while nobody exports to a folder.
func held(dir string, f func() (int64, error)) (int64, error) {
	lock := flock.New(filepath.Join(dir, cacheLock), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	defer func() { _ = lock.Close() }()
	if err != nil {
		return 0, err
	}
	if !got {
		return 0, ErrFolderUsed
	}
	return f()
}

// idle is nil when nothing was written for a while, and nothing is being written.
func (b *Blobs) idle() error {
	writing, err := os.ReadDir(filepath.Join(b.Dir, "ingest"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, w := range writing { // an export that was killed leaves its own behind
		info, err := w.Info()
		if err == nil && time.Since(info.ModTime()) < quietTime {
			return ErrFolderUsed
		}
	}
	if d := time.Since(b.Changed); d < quietTime {
		return fmt.Errorf("%w: it was written to %s ago", ErrFolderUsed, cmp.Or(d.Truncate(time.Second), time.Second))
	}
	return nil
}

// HoldCache keeps others from removing anything from a folder with a cache while a build reads it. Where that is not possible
// nothing happens.
func HoldCache(dir string) (release func()) {
	if info, err := os.Stat(filepath.Join(dir, "index.json")); err != nil || info.IsDir() {
		return func() {}
	}
	lock := flock.New(filepath.Join(dir, cacheLock), flock.SetPermissions(0o600))
	_, _ = lock.TryRLock()
	return func() { _ = lock.Close() }
}

// SweepLayout removes from an OCI layout what none of its images needs, as the next build into it does.
func SweepLayout(dir string) (freed int64, err error) {
	lock := flock.New(filepath.Join(dir, ".lock"))
	if err := lock.Lock(); err != nil {
		return 0, err
	}
	defer func() { _ = lock.Unlock() }()
	b, err := ReadBlobs(dir)
	if err != nil {
		return 0, err
	}
	return b.sweep(time.Time{})
}
