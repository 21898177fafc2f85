//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// benching is a bench on its way.
type benching struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
}

// begin starts a bench by the docker CLI or by itself, in a process group of its own.
func (u *benchUser) begin(program string, args []string) *benching {
	u.t.Helper()
	b := &benching{cmd: u.command(program, args...)}
	b.cmd.Stdout, b.cmd.Stderr = &b.stdout, &b.stderr
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	check(u.t, b.cmd.Start())
	return b
}

// phase is how far it came.
func (b *benching) phase() string {
	text := b.stderr.String()
	switch {
	case b.stdout.Len() > 0:
		return "report"
	case strings.Contains(text, "[round "):
		return "rounds and removal"
	case strings.Contains(text, "[warm-up]"):
		return "warm-up"
	case strings.Contains(text, "measuring in"):
		return "preparation"
	}
	return "plan"
}

// kill kills a bench at a point of its time. If all is to be complete, another one follows, after which all is as it was.
func (u *benchUser) kill(before []string, took time.Duration, at float64, complete bool) {
	u.t.Helper()
	args := u.benchArgs("--scenario", "warm,source,cold", "--against", "HEAD~1", "--exact")
	b := u.begin("docker-catmandu", args)
	delay := time.Duration(at * float64(took))
	time.Sleep(delay)
	_ = b.cmd.Process.Signal(syscall.SIGKILL)
	_ = b.cmd.Wait()
	_, found := changed(before, u.state())
	story := fmt.Sprintf("killed after %4.1f s (%s): left %s", delay.Seconds(), b.phase(), kinds(found))
	u.t.Log(story)
	if complete {
		u.complete(before, story+"\n"+b.stderr.String(), "--scenario", "warm")
	}
}

// interrupt has Ctrl-C end a bench, once it has made something.
func (u *benchUser) interrupt(before []string, took time.Duration, at float64) {
	u.t.Helper()
	b := u.begin("tools/docker", append([]string{"catmandu"}, u.benchArgs("--scenario", "warm,source,cold", "--against", "HEAD~1", "--exact")...))
	delay := took/10 + time.Duration(0.8*at*float64(took))
	time.Sleep(delay)
	from := time.Now()
	_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGINT)
	over := b.cmd.Wait() == nil // before it was interrupted
	story := fmt.Sprintf("interrupted after %4.1f s (%s), ended after %s", delay.Seconds(), b.phase(), time.Since(from).Round(time.Millisecond))
	u.t.Log(story)
	if status := b.cmd.ProcessState.ExitCode(); status != 130 && !over {
		u.t.Errorf("%s: exit status %d: %s", story, status, b.stderr.String())
	}
	u.same(before, story+"\n"+b.stderr.String())
}
