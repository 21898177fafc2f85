//go:build !linux && !darwin

package edit

import (
	"fmt"
	"io/fs"
	"os"
	"time"

	fstypes "github.com/tonistiigi/fsutil/types"
)

// describe gives a copy the mode and times of its original, and returns what it could not.
func describe(name string, stat *fstypes.Stat) []error {
	mode, at := fs.FileMode(stat.Mode), time.Unix(0, stat.ModTime)
	if mode&fs.ModeSymlink != 0 {
		return nil
	}
	var left []error
	for _, err := range []error{os.Chtimes(name, at, at), os.Chmod(name, mode)} {
		if err != nil {
			left = append(left, err)
		}
	}
	return left
}

func mknod(string, *fstypes.Stat) error { return fmt.Errorf("%w: it is no file", errLeft) }
