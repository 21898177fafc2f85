package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/sys/userns"
)

// daemonCommand is the process that serves. Root gets the namespaces from the clone itself; others get them, and a
// user namespace in which they are root, from rootlesskit.
// A process ID namespace needs a new /proc, which the kernel refuses in a user namespace where parts of the present one
// are hidden. There a step can outlive a daemon that is killed.
func daemonCommand(o Options, command []string) (*exec.Cmd, error) {
	config, err := findConfig(o.Config)
	if err != nil {
		return nil, err
	}
	o.Config = config
	hidden := hidesProc(readString("/proc/self/mountinfo"))
	attr := &syscall.SysProcAttr{Setsid: true}
	switch {
	case os.Geteuid() != 0:
		kit, err := lookPath("rootlesskit")
		if err != nil {
			return nil, err
		}
		command = append(rootlessKit(kit, o, hidden), command...)
	case !hidden || !userns.RunningInUserNS():
		attr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.SysProcAttr = attr
	cmd.Env = daemonEnv(o, os.Environ())
	return cmd, nil
}

// rootlessKit is the command line that another one is appended to.
func rootlessKit(program string, o Options, hidden bool) []string {
	args := []string{program, "--net=host", "--propagation=rslave", "--state-dir=" + filepath.Join(o.Root, "rootlesskit")}
	if !hidden {
		args = append(args, "--pidns")
	}
	return args
}

// daemonEnv passes on the environment, for proxies and the like, with the options in it.
func daemonEnv(o Options, environ []string) []string {
	set := map[string]string{
		EnvRoot: o.Root, EnvSocket: o.Socket, EnvIdle: o.Idle.String(), EnvConfig: o.Config,
		"PATH": strings.Join(append([]string{value(environ, "PATH")}, systemDirs...), ":"),
		// That of its caller may go before it does.
		"TMPDIR": tempDir(o),
	}
	// runc keeps its state there; without it, rootless runc wants to write to /run.
	if value(environ, "XDG_RUNTIME_DIR") == "" {
		set["XDG_RUNTIME_DIR"] = filepath.Dir(o.Socket)
	}
	// The daemon must not take its caller's end for its own, nor answer systemd for it.
	drop := []string{"DOCKER_CLI_PLUGIN_SOCKET", "NOTIFY_SOCKET", EnvGC}
	env := slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		key, _, _ := strings.Cut(kv, "=")
		_, ours := set[key]
		return ours || slices.Contains(drop, key)
	})
	if o.KeepAll {
		set[EnvGC] = gcOff
	}
	for key, v := range set {
		env = append(env, fmt.Sprintf("%s=%s", key, v))
	}
	slices.Sort(env)
	return env
}

func value(environ []string, key string) string {
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, key+"="); ok {
			return v
		}
	}
	return ""
}

// hidesProc tells whether something is mounted below /proc, as containers have it, from mountinfo. Then no new /proc
// can be mounted in a user namespace, and steps have to see that of the daemon.
// binfmt_misc, which hosts have there, does no harm.
func hidesProc(mountinfo string) bool {
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		at := fields[4]
		if strings.HasPrefix(at, "/proc/") && at != "/proc/sys/fs/binfmt_misc" {
			return true
		}
	}
	return false
}

// tempDir is the daemon's folder for temporary files.
func tempDir(o Options) string { return filepath.Join(o.Root, "tmp") }
