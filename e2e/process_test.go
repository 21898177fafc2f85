//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Commands for scripts in which something is killed.

// processes are those that a script spawned.
type processes struct {
	names []string // of the variables of their environment
	mu    sync.Mutex
	named map[string]*process
}

func newProcesses(env *testscript.Env) *processes {
	names := []string{"BUILDX_BUILDER"}
	for _, v := range env.Vars {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	return &processes{names: names, named: map[string]*process{}}
}

type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

const processesKey = "processes"

// spawn NAME PROGRAM ARGS…: start a program in a process group of its own; what it prints goes to the file NAME.log.
func spawnCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: spawn NAME PROGRAM ARGS…")
	}
	log, err := os.Create(ts.MkAbs(args[0] + ".log"))
	ts.Check(err)
	defer log.Close()
	// env looks the program up in the script's PATH.
	cmd := exec.Command("/usr/bin/env", args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), []string{}
	all := ts.Value(processesKey).(*processes)
	for _, name := range all.names {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ts.Check(cmd.Start())
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	ts.Defer(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	})
	all.mu.Lock()
	defer all.mu.Unlock()
	all.named[args[0]] = p
}

func spawned(ts *testscript.TestScript, name string) *process {
	all := ts.Value(processesKey).(*processes)
	all.mu.Lock()
	defer all.mu.Unlock()
	p := all.named[name]
	if p == nil {
		ts.Fatalf("%s was not spawned", name)
	}
	return p
}

var signals = map[string]syscall.Signal{"INT": syscall.SIGINT, "KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM}

// signal SIGNAL NAME…: send a signal to what was spawned; NAME/group is its process group, as Ctrl-C at a terminal, and
// __buildkitd is the script's embedded daemon.
func signalCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: signal SIGNAL NAME…")
	}
	s, ok := signals[args[0]]
	if !ok {
		ts.Fatalf("no signal %s", args[0])
	}
	for _, name := range args[1:] {
		name, group := strings.CutSuffix(name, "/group")
		if name == "__buildkitd" {
			pids := find(func(argv []string, env string) bool {
				return len(argv) > 1 && argv[1] == name && strings.Contains(env, "CATMANDU_BUILDKIT_SOCKET="+ts.Getenv("CATMANDU_BUILDKIT_SOCKET")+"\x00")
			})
			if len(pids) == 0 {
				ts.Fatalf("no embedded daemon runs")
			}
			for _, pid := range pids {
				ts.Check(syscall.Kill(pid, s))
			}
			continue
		}
		pid := spawned(ts, name).cmd.Process.Pid
		if group {
			pid = -pid
		}
		ts.Check(syscall.Kill(pid, s))
	}
}

// ends NAME STATUS TIME: what was spawned ends within this time, with this exit status; "killed" is by SIGKILL.
func endsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: ends NAME STATUS TIME")
	}
	limit, err := time.ParseDuration(args[2])
	ts.Check(err)
	p := spawned(ts, args[0])
	log := func() string {
		text, _ := os.ReadFile(ts.MkAbs(args[0] + ".log"))
		return string(text)
	}
	from := time.Now()
	select {
	case <-p.ended:
	case <-time.After(limit):
		ts.Fatalf("%s has not ended after %s: %s", args[0], limit, log())
	}
	status := strconv.Itoa(p.cmd.ProcessState.ExitCode())
	if w, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && w.Signal() == syscall.SIGKILL {
		status = "killed"
	}
	ts.Logf("%s ended after %s with %s: %s", args[0], time.Since(from).Round(time.Millisecond), status, log())
	if status != args[1] {
		ts.Fatalf("%s ended with %s", args[0], status)
	}
}

// running PATTERN: there is a process whose command line matches. Both ways, it takes its time to become true.
func runningCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: running PATTERN")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	var pids []int
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		pids = find(func(argv []string, _ string) bool { return pattern.MatchString(strings.Join(argv, " ")) })
		if len(pids) > 0 != neg {
			return
		}
	}
	ts.Fatalf("after 10 s processes with %q: %v", args[0], pids)
}

// find lists the processes for which match, given the arguments and the environment, is true.
func find(match func(argv []string, env string) bool) []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		argv, _ := os.ReadFile(dir + "/cmdline")
		env, _ := os.ReadFile(dir + "/environ")
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && match(strings.Split(string(argv), "\x00"), string(env)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// layout DIR…: each is an OCI layout with all that its index leads to, and nothing unfinished is beside it. With "!"
// there is no layout, and nothing unfinished.
func layoutCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: layout DIR…")
	}
	for _, dir := range args {
		dir = ts.MkAbs(dir)
		if parts, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "*.part-*")); len(parts) > 0 {
			ts.Fatalf("unfinished: %v", parts)
		}
		err := checkLayout(dir)
		if neg && errors.Is(err, os.ErrNotExist) {
			continue
		}
		if neg {
			ts.Fatalf("%s is there", dir)
		}
		ts.Check(err)
	}
}

// checkLayout reads a layout as others would.
func checkLayout(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
		return fmt.Errorf("half a layout: %s", err) //nolint:errorlint // is not to be taken for an absent one
	}
	var index manifest
	if err := json.Unmarshal(text, &index); err != nil {
		return err
	}
	if len(index.Manifests) == 0 {
		return fmt.Errorf("%s: no image", dir)
	}
	return checkBlobs(dir, index)
}

// checkBlobs sees to it that the blobs of a manifest are what their digests say.
func checkBlobs(dir string, m manifest) error {
	blobs := append(m.Manifests, m.Layers...)
	if m.Config != nil {
		blobs = append(blobs, *m.Config)
	}
	for _, b := range blobs {
		_, name, _ := strings.Cut(b.Digest, ":")
		content, err := os.ReadFile(filepath.Join(dir, "blobs/sha256", name))
		if err != nil {
			return fmt.Errorf("blob: %s", err) //nolint:errorlint // as above
		}
		if len(content) != b.Size || fmt.Sprintf("%x", sha256.Sum256(content)) != name {
			return fmt.Errorf("%s: %d bytes that are not those of %s", dir, len(content), b.Digest)
		}
		var sub manifest
		if (b.MediaType == ociIndex || b.MediaType == ociManifest) && json.Unmarshal(content, &sub) == nil {
			if err := checkBlobs(dir, sub); err != nil {
				return err
			}
		}
	}
	return nil
}
