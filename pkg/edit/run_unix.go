//go:build unix

package edit

import (
	"os/exec"
	"syscall"
)

// alone puts a command into a group of its own, so that all of it ends when it is cancelled.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
