package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// poll is how often a lock or a socket is tried.
const poll = 3 * time.Millisecond

// startLock is held by the process that starts the daemon of a state folder.
func startLock(root string) string { return filepath.Join(root, "start.lock") }

// daemonLock is held by the daemon as long as it may touch the state folder, and says which it is.
func daemonLock(root string) string { return filepath.Join(root, "daemon.lock") }

// tryLock takes the lock of a file, which it makes if need be. Closing the file gives the lock back, and so does
// the death of the process. A nil file without an error is a lock that somebody else has.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// waitLock takes the lock of a file as soon as it is free.
func waitLock(ctx context.Context, path string) (*os.File, error) {
	for {
		if f, err := tryLock(path); f != nil || err != nil {
			return f, err
		}
		if !pause(ctx) {
			return nil, context.Cause(ctx)
		}
	}
}

// pause waits a moment and tells whether there is time left.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(poll):
		return true
	}
}

// own makes this process the one daemon of a state folder, until the file is closed.
func own(o Options) (*os.File, error) {
	f, err := tryLock(daemonLock(o.Root))
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errOwned(o.Root)
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := f.WriteAt([]byte(o.Socket+"\n"), 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func errOwned(root string) error {
	socket := strings.TrimSpace(readString(daemonLock(root)))
	return fmt.Errorf("state folder %s: in use by the BuildKit of %s", root, socket)
}
