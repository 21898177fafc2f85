//go:build linux || darwin

package edit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	fstypes "github.com/tonistiigi/fsutil/types"
	"golang.org/x/sys/unix"
)

// describe gives a copy the owner, attributes, mode and times of its original, and returns what it could not. The order
// matters: a new owner takes capabilities and set-uid bits away, and a file that may not be written takes no attributes.
func describe(name string, stat *fstypes.Stat) []error {
	var left []error
	if os.Geteuid() == 0 {
		if err := os.Lchown(name, int(stat.Uid), int(stat.Gid)); err != nil {
			left = append(left, err)
		}
	}
	for key, value := range stat.Xattrs {
		if err := unix.Lsetxattr(name, key, value, 0); err != nil {
			left = append(left, fmt.Errorf("attribute %s: %w", key, err))
		}
	}
	if mode := fs.FileMode(stat.Mode); mode&fs.ModeSymlink == 0 {
		if err := os.Chmod(name, mode); err != nil {
			left = append(left, err)
		}
	}
	at := unix.NsecToTimespec(stat.ModTime)
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		left = append(left, err)
	}
	return left
}

// mknod makes a pipe or a device.
func mknod(name string, stat *fstypes.Stat) error {
	mode := fs.FileMode(stat.Mode)
	kind, dev := uint32(unix.S_IFIFO), 0
	switch {
	case mode&fs.ModeCharDevice != 0:
		kind = unix.S_IFCHR
	case mode&fs.ModeDevice != 0:
		kind = unix.S_IFBLK
	case mode&fs.ModeNamedPipe == 0:
		return fmt.Errorf("%w: %s", errLeft, mode)
	}
	if kind != unix.S_IFIFO {
		dev = int(unix.Mkdev(uint32(stat.Devmajor), uint32(stat.Devminor)))
	}
	err := unix.Mknod(name, kind|0o600, dev)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w", errLeft, err)
	}
	return err
}
