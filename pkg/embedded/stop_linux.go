package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stopTime is how long a daemon that was asked to end may take for it: longer than it gives itself.
const stopTime = graceTime + cleanupTime + 3*time.Second

// killTime is how long the kernel may take to end one that was killed.
const killTime = 10 * time.Second

// Stop ends the daemon and returns when nobody owns the state folder any more: it is asked to end, and killed if it
// doesn't. No daemon is no error.
func Stop(ctx context.Context, o Options) error {
	if err := o.validate(); err != nil {
		return err
	}
	if _, err := os.Stat(o.Root); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return stop(ctx, o, stopTime)
}

// stop is Stop with the time that a daemon has to end by itself.
func stop(ctx context.Context, o Options, grace time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, grace+killTime, fmt.Errorf("it does not end within %s", grace+killTime))
	defer cancel()
	killAt := time.Now().Add(grace)
	pid, killed := 0, false
	for {
		lock, err := tryLock(daemonLock(o.Root))
		if err != nil {
			return err
		}
		if lock != nil {
			lock.Close()
			return nil
		}
		// It has let go of its socket before it lets go of the folder, so its number is found out first.
		if pid == 0 {
			if pid = serverOf(o.Socket); pid > 0 {
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
		}
		if pid > 0 && !killed && time.Now().After(killAt) {
			killed = true
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if !pause(ctx) {
			return fmt.Errorf("stop BuildKit: %w: %w", errOwned(o.Root), context.Cause(ctx))
		}
	}
}

// serverOf is the process that listens at a socket, by its number here; 0 is none. The kernel translates it from the
// namespace in which the process is 1.
func serverOf(socket string) int {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return 0
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	if pid == os.Getpid() { // it would be the end of the caller
		return 0
	}
	return pid
}

// Remove stops the daemon and removes its state folder and its socket.
func Remove(ctx context.Context, o Options) error {
	if err := Stop(ctx, o); err != nil {
		return err
	}
	if err := os.Remove(o.Socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := removeAll(ctx, o.Root)
	if err == nil || os.Geteuid() == 0 {
		return err
	}
	// Files of a step belong to subordinate users, who are us in a user namespace only.
	kit, kitErr := lookPath("rootlesskit")
	if kitErr != nil {
		return err
	}
	state, tempErr := os.MkdirTemp("", "catmandu-rm-")
	if tempErr != nil {
		return tempErr
	}
	defer os.RemoveAll(state)
	out, err := exec.CommandContext(ctx, kit, "--state-dir="+filepath.Join(state, "kit"), "rm", "-rf", o.Root).CombinedOutput()
	if err != nil {
		return fmt.Errorf("remove %s: %w: %s", o.Root, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// removeTime is how long the last processes of a daemon's namespace may still write into its folder.
const removeTime = 2 * time.Second

func removeAll(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, removeTime)
	defer cancel()
	for {
		err := os.RemoveAll(dir)
		if err == nil || errors.Is(err, fs.ErrPermission) || !pause(ctx) {
			return err
		}
	}
}

// ticks are a second's, in what the kernel says of a process on every architecture that BuildKit runs on.
const ticks = 100

// CPUSeconds is what the daemon and all the steps that it waited for have used.
func CPUSeconds(o Options) (float64, error) {
	pid := serverOf(o.Socket)
	if pid == 0 {
		return 0, fmt.Errorf("BuildKit at %s: no answer", o.Socket)
	}
	return cpuSeconds(readString(fmt.Sprintf("/proc/%d/stat", pid)))
}

// cpuSeconds sums up utime, stime, cutime and cstime of a stat file.
func cpuSeconds(stat string) (float64, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // the name can have anything in it
	const first, last = 11, 15
	if len(fields) < last {
		return 0, fmt.Errorf("CPU time of BuildKit: %q is no stat file of a process", stat)
	}
	sum := 0
	for _, f := range fields[first:last] {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, fmt.Errorf("CPU time of BuildKit: %w", err)
		}
		sum += n
	}
	return float64(sum) / ticks, nil
}
