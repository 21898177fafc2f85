package embedded

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/buildkit/util/bklog"
	"golang.org/x/sys/unix"
)

// settle completes the namespaces that Ensure made: mounts come in from outside and do not go out, and /proc shows
// the processes of this namespace. Started in another way the process has nothing to settle.
func settle(ctx context.Context) error {
	self, err := os.Readlink("/proc/self")
	if err == nil && self == strconv.Itoa(os.Getpid()) {
		return nil
	}
	if os.Getpid() != 1 {
		return fmt.Errorf("/proc does not show this process")
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("mounts of a namespace: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	go reap(ctx)
	return nil
}

// reapEvery is so long that a zombie of that age cannot be one that somebody in this process waits for.
const reapEvery = time.Minute

// reap ends the zombies of processes that lost their parent, as process 1 has to. Git leaves some.
func reap(ctx context.Context) {
	tick := time.NewTicker(reapEvery)
	defer tick.Stop()
	var before []int
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := zombies("/proc")
		for _, pid := range now {
			if slices.Contains(before, pid) {
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
			}
		}
		before = now
	}
}

// zombies lists the dead children of process 1.
func zombies(proc string) []int {
	var pids []int
	files, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "stat"))
	for _, file := range files {
		// "12 (name) Z 1 …", and the name can have anything in it.
		stat := readString(file)
		fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
		if len(fields) < 2 || fields[0] != "Z" || fields[1] != "1" {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// sweep clears away what runc and the executor keep of the containers of a daemon that was killed. Their processes
// and mounts went with its namespaces. Those of one that Ensure did not start are ended here, if they can be seen.
func sweep(ctx context.Context, root, runc string) {
	bundles, _ := filepath.Glob(filepath.Join(root, "runc-*", "executor", "*", "config.json"))
	for _, file := range bundles {
		bundle := filepath.Dir(file)
		id := filepath.Base(bundle)
		bklog.G(ctx).Infof("left over from a killed daemon: container %s", id)
		if out, err := exec.CommandContext(ctx, runc, "delete", "--force", id).CombinedOutput(); err != nil {
			bklog.G(ctx).Warnf("container %s: %v: %s", id, err, out)
		}
		_ = unix.Unmount(filepath.Join(bundle, "rootfs"), unix.MNT_DETACH)
		if err := os.RemoveAll(bundle); err != nil {
			bklog.G(ctx).Warn(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(tempDir(Options{Root: root}), "*"))
	for _, file := range files {
		if err := os.RemoveAll(file); err != nil {
			bklog.G(ctx).Warn(err)
		}
	}
}
