//go:build e2e

// Package e2e tests the plugin as users meet it: under the docker CLI, with real BuildKits, an engine and a
// registry. It sees only the binary, and imports nothing but the standard library and testscript.
//
// All of it runs in PID, mount and network namespaces of its own: it reaches no network, other engines of the
// machine do not notice, and every process and mount ends with it, however it ends.
package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// TestMain runs the test binary as three processes: one that removes the files when all is over, process 1 of the
// namespaces, and one for the tests, which may panic.
func TestMain(m *testing.M) {
	status, err := 0, error(nil)
	switch os.Getenv("E2E_ROLE") {
	case "":
		status, err = outside()
	case "inside":
		status, err = inside()
	case "measure":
		status, err = measure()
	default:
		status = m.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		status = 1
	}
	os.Exit(status)
}

func outside() (int, error) {
	if os.Getuid() != 0 {
		return 1, errors.New("needs root: BuildKit and the engine mount file systems")
	}
	dir, err := os.MkdirTemp("", "e2e") // short, for the sockets in it
	if err != nil {
		return 1, err
	}
	if keep := os.Getenv("E2E_MIRROR"); keep != "" {
		if err := startMirror(filepath.Join(dir, mirrorSocket), keep); err != nil {
			return 1, err
		}
	}
	cmd := self("inside", "E2E_DIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL,
	}
	runtime.LockOSThread() // Pdeathsig is about the thread that started a process
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	forwardSignals(cmd.Process)
	err = cmd.Wait()
	if exited := new(exec.ExitError); errors.As(err, &exited) && exited.Exited() {
		err = nil
	}
	if os.Getenv("E2E_KEEP") != "" {
		fmt.Fprintln(os.Stderr, "e2e: kept", dir)
	} else {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return cmd.ProcessState.ExitCode(), err
}

func inside() (int, error) {
	if err := isolate(); err != nil {
		return 1, err
	}
	w := &world{dir: os.Getenv("E2E_DIR")}
	defer w.stop()
	if err := w.start(); err != nil {
		return 1, err
	}
	tests := self("tests", w.env()...)
	if command := os.Getenv("E2E_EXEC"); command != "" { // to look around: E2E_EXEC=bash
		tests.Path, tests.Args = "/bin/sh", []string{"sh", "-c", command}
	}
	if err := tests.Start(); err != nil {
		return 1, err
	}
	forwardSignals(tests.Process)
	// Process 1 reaps: a daemon that a script left behind is gone when it has ended.
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1, err
		case pid == tests.Process.Pid && status.Exited():
			return status.ExitStatus(), nil
		case pid == tests.Process.Pid:
			return 1, fmt.Errorf("tests: %s", status.Signal())
		}
	}
}

// isolate makes the namespaces usable: mounts stay inside, /proc shows the processes of here, loopback is up.
func isolate() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	if out, err := exec.Command("../bin/debian/bin/busybox", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("loopback: %w %s\nhint: make e2e builds and fetches what is needed", err, out)
	}
	return nil
}

// self is this test binary in another role.
func self(role string, env ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(append(os.Environ(), "E2E_ROLE="+role), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}

func forwardSignals(to *os.Process) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for s := range signals {
			_ = to.Signal(s)
		}
	}()
}
