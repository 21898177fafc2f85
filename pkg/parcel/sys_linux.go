package parcel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Supported is nil where folders can be packed and unpacked.
var Supported error

// describeBare is lstat.
func describeBare(path string) (Entry, status, error) {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Lstat(path, &st) }); err != nil {
		return Entry{}, status{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	e, s, err := fromStat(&st)
	if err != nil {
		return e, s, &fs.PathError{Op: "save", Path: path, Err: err}
	}
	return e, s, nil
}

// describe is lstat, with links and extended attributes.
func describe(path string) (Entry, status, error) {
	e, s, err := describeBare(path)
	if err != nil {
		return e, s, err
	}
	if e.Kind == Symlink {
		target, err := os.Readlink(path)
		if err != nil {
			return e, s, err
		}
		e.Target = Name(target)
	}
	e.Xattrs, err = xattrs(path)
	return e, s, err
}

func fromStat(st *unix.Stat_t) (Entry, status, error) {
	e := Entry{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid}
	e.Time[0], e.Time[1] = st.Mtim.Unix()
	//nolint:unconvert // these are narrower on other architectures
	s := status{links: uint64(st.Nlink), changed: unix.TimespecToNsec(st.Ctim), blocks: st.Blocks, inode: inode{uint64(st.Dev), st.Ino}}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		e.Kind = Dir
	case unix.S_IFREG:
		e.Kind, e.Size = File, st.Size
	case unix.S_IFLNK:
		e.Kind, e.Mode = Symlink, 0
	case unix.S_IFIFO:
		e.Kind = Fifo
	case unix.S_IFCHR:
		e.Kind, e.Device = Char, uint64(st.Rdev) //nolint:unconvert // as above
	case unix.S_IFBLK:
		e.Kind, e.Device = Block, uint64(st.Rdev) //nolint:unconvert // as above
	case unix.S_IFSOCK:
		return e, s, errSocket
	default:
		return e, s, fmt.Errorf("of mode %#o", st.Mode)
	}
	return e, s, nil
}

// retry goes on after signals.
func retry(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// isOfMachine tells attributes that say something of the machine that a file is on, and not of the file.
func isOfMachine(name string) bool {
	return name == "security.selinux" || strings.HasPrefix(name, "trusted.overlay.") || strings.HasPrefix(name, "user.overlay.")
}

// xattrs are the extended attributes of a file, sorted.
func xattrs(path string) ([]Xattr, error) {
	list := make([]byte, 0)
	for {
		size, err := unix.Llistxattr(path, list)
		switch {
		case errors.Is(err, unix.ENOTSUP), err == nil && size == 0:
			return nil, nil
		case errors.Is(err, unix.ERANGE), err == nil && len(list) == 0:
			size, err = unix.Llistxattr(path, nil)
			if err == nil {
				list = make([]byte, size+1024)
			}
		case err == nil:
			return values(path, strings.Split(strings.TrimSuffix(string(list[:size]), "\x00"), "\x00"))
		}
		if err != nil {
			return nil, &fs.PathError{Op: "listxattr", Path: path, Err: err}
		}
	}
}

func values(path string, names []string) ([]Xattr, error) {
	slices.Sort(names)
	var out []Xattr
	for _, name := range names {
		if isOfMachine(name) {
			continue
		}
		value := make([]byte, 1<<16) // there are none larger
		n, err := unix.Lgetxattr(path, name, value)
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "getxattr " + name, Path: path, Err: err}
		}
		out = append(out, Xattr{Name(name), slices.Clone(value[:n])})
	}
	return out, nil
}

// openFile opens a regular file for reading, if possible without marking it as used.
func openFile(path string) (*os.File, error) {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	f, err := os.OpenFile(path, flags|unix.O_NOATIME, 0)
	if errors.Is(err, fs.ErrPermission) {
		return os.OpenFile(path, flags, 0)
	}
	return f, err
}

// current is what is known of an open file.
func current(f *os.File) (Entry, status, error) {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(int(f.Fd()), &st) }); err != nil {
		return Entry{}, status{}, &fs.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	return fromStat(&st)
}

// nextData is where data begins at or after an offset, and where it ends; both are size where there is only a hole.
func nextData(f *os.File, from, size int64) (begin, end int64) {
	begin, err := unix.Seek(int(f.Fd()), from, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) {
		return size, size
	}
	if err != nil {
		return from, size // a file system without holes
	}
	end, err = unix.Seek(int(f.Fd()), begin, unix.SEEK_HOLE)
	if err != nil {
		return begin, size
	}
	return min(begin, size), min(end, size)
}

// create makes what is no folder, file or link.
func create(path string, e *Entry) error {
	var err error
	switch e.Kind {
	case Symlink:
		return os.Symlink(string(e.Target), path)
	case Fifo:
		err = unix.Mkfifo(path, 0o600)
	case Char:
		err = unix.Mknod(path, unix.S_IFCHR|0o600, int(e.Device))
	case Block:
		err = unix.Mknod(path, unix.S_IFBLK|0o600, int(e.Device))
	}
	if err != nil {
		return &fs.PathError{Op: "mknod", Path: path, Err: err}
	}
	return nil
}

// dress gives a file what it has beside its content. The order counts: a new owner takes away suid bits, and any change the time.
func dress(path string, e *Entry) error {
	if err := os.Lchown(path, int(e.UID), int(e.GID)); err != nil {
		return err
	}
	return dressOwned(path, e)
}

// dressOwned is dress of what has its owner.
func dressOwned(path string, e *Entry) error {
	for _, x := range e.Xattrs {
		if err := unix.Lsetxattr(path, string(x.Name), x.Value, 0); err != nil {
			return &fs.PathError{Op: "setxattr " + string(x.Name), Path: path, Err: err}
		}
	}
	if e.Kind != Symlink {
		if err := unix.Chmod(path, e.Mode); err != nil {
			return &fs.PathError{Op: "chmod", Path: path, Err: err}
		}
	}
	return setTime(path, e)
}

// dressNew is dress of a file that was just made by this process.
func dressNew(f *os.File, e *Entry) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return &fs.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	if st.Uid != e.UID || st.Gid != e.GID {
		if err := f.Chown(int(e.UID), int(e.GID)); err != nil {
			return err
		}
	}
	if len(e.Xattrs) > 0 {
		return dressOwned(f.Name(), e)
	}
	if st.Mode&0o7777 != e.Mode || e.Mode&0o7000 != 0 {
		if err := unix.Fchmod(int(f.Fd()), e.Mode); err != nil {
			return &fs.PathError{Op: "chmod", Path: f.Name(), Err: err}
		}
	}
	return setTime(f.Name(), e)
}

// setTime sets the time of the last change. That of the last use is set back as well, so that the next use is noted by file systems
// that only do so for the first one after a change.
func setTime(path string, e *Entry) error {
	t, err := unix.TimeToTimespec(time.Unix(e.Time[0], e.Time[1]))
	if err != nil {
		return &fs.PathError{Op: "utimensat", Path: path, Err: err}
	}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{t, t}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "utimensat", Path: path, Err: err}
	}
	return nil
}

// move renames, and replaces nothing.
func move(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // a file system that can't; the folder is ours alone
		if _, err := os.Lstat(to); err == nil {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
		}
		return os.Rename(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// lock waits until no other process packs or unpacks the folder in a way that doesn't go together with this.
func lock(dir string, exclusive bool) (release func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	if err := retry(func() error { return unix.Flock(int(f.Fd()), how) }); err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "flock", Path: dir, Err: err}
	}
	return func() { f.Close() }, nil
}
